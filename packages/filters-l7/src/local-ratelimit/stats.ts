/** Counters of one limit, under Envoy's names: `<stat_prefix>.http_local_rate_limit.*`. */
import type { Counter, Stats } from "@sluice/sdk";

export class RateLimitStats {
  /** Requests that were looked at; those that got a token; those that got none; those that were answered. */
  readonly enabled: Counter;
  readonly ok: Counter;
  readonly rateLimited: Counter;
  readonly enforced: Counter;

  constructor(stats: Stats, statPrefix: string) {
    const prefix = `${statPrefix}.http_local_rate_limit.`;
    this.enabled = stats.counter(`${prefix}enabled`);
    this.ok = stats.counter(`${prefix}ok`);
    this.rateLimited = stats.counter(`${prefix}rate_limited`);
    this.enforced = stats.counter(`${prefix}enforced`);
  }
}
