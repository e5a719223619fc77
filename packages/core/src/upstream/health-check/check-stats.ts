/** `cluster.<name>.health_check.*` under Envoy's names, kept by main alone. */
import type { Counter, Gauge, Stats } from "@sluice/sdk";

export class CheckStats {
  readonly attempt: Counter;
  readonly success: Counter;
  readonly failure: Counter;
  readonly passiveFailure: Counter;
  readonly networkFailure: Counter;
  readonly verifyCluster: Counter;
  readonly healthy: Gauge;
  readonly degraded: Gauge;

  /** `stats`: of the cluster. */
  constructor(stats: Stats) {
    this.attempt = stats.counter("health_check.attempt");
    this.success = stats.counter("health_check.success");
    this.failure = stats.counter("health_check.failure");
    this.passiveFailure = stats.counter("health_check.passive_failure");
    this.networkFailure = stats.counter("health_check.network_failure");
    this.verifyCluster = stats.counter("health_check.verify_cluster");
    this.healthy = stats.gauge("health_check.healthy");
    this.degraded = stats.gauge("health_check.degraded");
  }
}
