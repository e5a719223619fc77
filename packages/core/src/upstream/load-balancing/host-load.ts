/**
 * Hot path where hosts are weighted by what they report: the weight of one host, as one thread knows it from the answers that it carries. Requests per second over utilization, errors counted against it.
 * Envoy: ClientSideHostLbPolicyData.
 */
import type { Counter, Gauge } from "@sluice/sdk";
import type { LoadWeightModel } from "../../config/balancing-model.ts";
import type { HeaderMap } from "../../http/headers/header-map.ts";
import type { StatsScope } from "../../stats/stats-store.ts";
import { LoadReport, readLoadReport } from "./load-report.ts";

/** Names under the host's prefix; /clusters reads them. */
export const LOAD_STATS = {
  weight: "#lb.load_weight",
  workers: "#lb.load_workers",
  reports: "#lb.load_reports",
  errors: "#lb.load_report_errors",
} as const;

/** Weights are a scheduler's: above zero, and below what Envoy has. */
const LEAST_WEIGHT = 1e-6;
const MOST_WEIGHT = 0xffff_ffff;

/** Of a cluster in one thread: what all its hosts' reports are read with. */
export class LoadReports {
  readonly model: LoadWeightModel;
  readonly report: LoadReport;
  readonly errors: Counter;

  /** `scope` is the cluster's. */
  constructor(model: LoadWeightModel, scope: StatsScope) {
    this.model = model;
    this.report = new LoadReport(new Set(model.metrics));
    this.errors = scope.counter("lb_load_report_errors");
  }
}

export class HostLoad {
  readonly #reports: LoadReports;
  #weight: number;
  /** Monotonic ms: since when it reports without a break; Infinity: it does not. */
  #sinceMs: number;
  #lastMs: number;
  #isGauged: boolean;
  readonly #weightGauge: Gauge;
  readonly #workers: Gauge;
  readonly #read: Counter;
  readonly #wrong: Counter;

  /** `scope` is the host's own. */
  constructor(reports: LoadReports, scope: StatsScope) {
    this.#reports = reports;
    this.#weight = 1;
    this.#sinceMs = Infinity;
    this.#lastMs = -Infinity;
    this.#isGauged = false;
    this.#weightGauge = scope.gauge(LOAD_STATS.weight);
    this.#workers = scope.gauge(LOAD_STATS.workers);
    this.#read = scope.counter(LOAD_STATS.reports);
    this.#wrong = scope.counter(LOAD_STATS.errors);
  }

  /** Headers or trailers of an answer; true: there was a report that says something. */
  observe(headers: HeaderMap, nowMs: number): boolean {
    const { report, model, errors } = this.#reports;
    const outcome = readLoadReport(headers, report);
    if (outcome === "none") return false;
    const weight = outcome === "read" ? weightOf(report, model.errorPenalty) : -1;
    if (weight < 0) {
      this.#wrong.inc();
      errors.inc();
      return false;
    }
    this.#read.inc();
    this.#weight = Math.min(MOST_WEIGHT, Math.max(LEAST_WEIGHT, weight));
    this.#lastMs = nowMs;
    if (this.#sinceMs === Infinity) this.#sinceMs = nowMs;
    this.#weightGauge.set(this.#weight);
    if (this.#isGauged) return true;
    this.#isGauged = true;
    this.#workers.set(1);
    return true;
  }

  /** -1: it has not reported for long enough, or not lately. */
  weight(nowMs: number): number {
    const { blackoutMs, expirationMs } = this.#reports.model;
    if (nowMs - blackoutMs < this.#sinceMs) return -1;
    if (this.#lastMs >= nowMs - expirationMs) return this.#weight;
    this.#sinceMs = Infinity;
    return -1;
  }
}

/** -1: of such a report none can be made. */
function weightOf(report: LoadReport, errorPenalty: number): number {
  const { requestsPerSecond, errorsPerSecond, application, highest, cpu } = report;
  if (!(requestsPerSecond > 0)) return -1;
  const busy = application > 0 ? application : highest > 0 ? highest : cpu;
  const utilization = busy + (errorPenalty * errorsPerSecond) / requestsPerSecond;
  return utilization > 0 ? requestsPerSecond / utilization : -1;
}
