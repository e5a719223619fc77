/** Counters of the cluster that a request is for, under Envoy's names: `cluster.<cluster>.ratelimit.*`. Made when a cluster is met for the first time. */
import type { Counter, Stats } from "@sluice/sdk";

export class ClusterRateLimitStats {
  readonly ok: Counter;
  readonly error: Counter;
  readonly overLimit: Counter;
  readonly failureModeAllowed: Counter;

  constructor(stats: Stats, cluster: string, statPrefix: string) {
    const prefix = `cluster.${cluster}.ratelimit.${statPrefix === "" ? "" : `${statPrefix}.`}`;
    this.ok = stats.counter(`${prefix}ok`);
    this.error = stats.counter(`${prefix}error`);
    this.overLimit = stats.counter(`${prefix}over_limit`);
    this.failureModeAllowed = stats.counter(`${prefix}failure_mode_allowed`);
  }
}
