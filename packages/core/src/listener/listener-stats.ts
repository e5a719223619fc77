/** The counters `listener.<address>.*` of one worker, under Envoy's names. */
import type { Counter, Gauge, Histogram } from "@sluice/sdk";
import type { StatsScope, StatsStore } from "../stats/stats-store.ts";
import type { PreConnectionStats } from "./listener-filter-chain.ts";

/** For listeners that have listener filters. `scope`: `listener.<address>.` */
export function preConnectionStats(scope: StatsScope): PreConnectionStats {
  return {
    active: scope.gauge("downstream_pre_cx_active"),
    timeouts: scope.counter("downstream_pre_cx_timeout"),
    errors: scope.counter("downstream_listener_filter_error"),
    remoteCloses: scope.counter("downstream_listener_filter_remote_close"),
  };
}

export class ListenerStats {
  readonly cxTotal: Counter;
  readonly cxActive: Gauge;
  readonly cxDestroy: Counter;
  readonly cxLengthMs: Histogram;
  readonly workerCxTotal: Counter;
  readonly workerCxActive: Gauge;
  readonly #scope: StatsScope;

  constructor(stats: StatsStore, statPrefix: string, workerIndex: number) {
    const scope = stats.scope(`listener.${statPrefix}.`);
    this.#scope = scope;
    this.cxTotal = scope.counter("downstream_cx_total");
    this.cxActive = scope.gauge("downstream_cx_active");
    this.cxDestroy = scope.counter("downstream_cx_destroy");
    this.cxLengthMs = scope.histogram("downstream_cx_length_ms");
    this.workerCxTotal = scope.counter(`worker_${workerIndex}.downstream_cx_total`);
    this.workerCxActive = scope.gauge(`worker_${workerIndex}.downstream_cx_active`);
  }

  started(): void {
    this.cxTotal.inc();
    this.cxActive.inc();
    this.workerCxTotal.inc();
    this.workerCxActive.inc();
  }

  ended(lengthMs: number): void {
    this.cxActive.dec();
    this.cxDestroy.inc();
    this.cxLengthMs.record(lengthMs);
    this.workerCxActive.dec();
  }

  release(): void {
    this.#scope.release();
  }
}
