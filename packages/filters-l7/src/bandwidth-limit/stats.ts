/** Counters of one limit, under Envoy's names: `<stat_prefix>.http_bandwidth_limit.*`. */
import type { Counter, Gauge, Histogram, Stats } from "@sluice/sdk";

export class TransferStats {
  /** Streams that were looked at; waits for a fill. */
  readonly enabled: Counter;
  readonly enforced: Counter;
  readonly pending: Gauge;
  /** Bytes of the last piece that came, that went on; of all. */
  readonly incomingSize: Gauge;
  readonly allowedSize: Gauge;
  readonly incomingTotal: Counter;
  readonly allowedTotal: Counter;
  readonly duration: Histogram;

  constructor(stats: Stats, statPrefix: string, direction: "request" | "response") {
    const prefix = `${statPrefix}.http_bandwidth_limit.${direction}_`;
    this.enabled = stats.counter(`${prefix}enabled`);
    this.enforced = stats.counter(`${prefix}enforced`);
    this.pending = stats.gauge(`${prefix}pending`);
    this.incomingSize = stats.gauge(`${prefix}incoming_size`);
    this.allowedSize = stats.gauge(`${prefix}allowed_size`);
    this.incomingTotal = stats.counter(`${prefix}incoming_total_size`);
    this.allowedTotal = stats.counter(`${prefix}allowed_total_size`);
    this.duration = stats.histogram(`${prefix}transfer_duration`);
  }
}
