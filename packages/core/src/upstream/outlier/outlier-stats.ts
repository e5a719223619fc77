/** `cluster.<name>.outlier_detection.*` under Envoy's names, kept by main alone. */
import type { Counter, Gauge, Stats } from "@sluice/sdk";

export const EJECTION_TYPES = [
  "consecutive_5xx",
  "consecutive_gateway_failure",
  "consecutive_local_origin_failure",
  "success_rate",
  "local_origin_success_rate",
  "failure_percentage",
  "local_origin_failure_percentage",
] as const;

export type EjectionType = (typeof EJECTION_TYPES)[number];

export class OutlierStats {
  readonly active: Gauge;
  readonly overflow: Counter;
  readonly enforcedTotal: Counter;
  readonly detected: Readonly<Record<EjectionType, Counter>>;
  readonly enforced: Readonly<Record<EjectionType, Counter>>;
  /** As Envoy still counts them, enforced or not: of the kinds that there were first. */
  readonly total: Counter;
  readonly consecutive5xx: Counter;
  readonly successRate: Counter;
  /** What an ejected host was tried with (probation, ours), and how it went. */
  readonly probesPassed: Counter;
  readonly probesFailed: Counter;

  /** `stats`: of the cluster. */
  constructor(stats: Stats) {
    const of = (what: string): Record<EjectionType, Counter> =>
      Object.fromEntries(
        EJECTION_TYPES.map((type) => [type, stats.counter(`outlier_detection.ejections_${what}_${type}`)]),
      ) as Record<EjectionType, Counter>;
    this.active = stats.gauge("outlier_detection.ejections_active");
    this.overflow = stats.counter("outlier_detection.ejections_overflow");
    this.enforcedTotal = stats.counter("outlier_detection.ejections_enforced_total");
    this.detected = of("detected");
    this.enforced = of("enforced");
    this.total = stats.counter("outlier_detection.ejections_total");
    this.consecutive5xx = stats.counter("outlier_detection.ejections_consecutive_5xx");
    this.successRate = stats.counter("outlier_detection.ejections_success_rate");
    this.probesPassed = stats.counter("outlier_detection.probes_passed");
    this.probesFailed = stats.counter("outlier_detection.probes_failed");
  }

  found(type: EjectionType): void {
    this.detected[type].inc();
    if (type === "consecutive_5xx") this.consecutive5xx.inc();
    else if (type === "success_rate" || type === "local_origin_success_rate") this.successRate.inc();
  }

  /** As many may be out as are with this one, whether or not it is put out. */
  allowed(type: EjectionType): void {
    if (type === "consecutive_5xx" || type === "success_rate") this.total.inc();
  }
}
