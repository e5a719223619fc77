/** Envoy's counters of a cluster's discovery. */
import type { Counter } from "@sluice/sdk";
import type { StatsScope } from "../../stats/stats-store.ts";

export class UpdateStats {
  readonly attempts: Counter;
  readonly successes: Counter;
  readonly failures: Counter;
  readonly empty: Counter;

  constructor(scope: StatsScope) {
    this.attempts = scope.counter("update_attempt");
    this.successes = scope.counter("update_success");
    this.failures = scope.counter("update_failure");
    this.empty = scope.counter("update_empty");
  }
}
