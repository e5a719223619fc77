/**
 * Hot path: docs/extending/hot-path-rules.md. The limits of one cluster for requests of one priority. What is counted against them all workers count together; two that
 * count at the same moment may both pass, as in Envoy. The table's slots are taken at first use: most clusters of a mesh are never used.
 */
import { DEFAULT_CIRCUIT_BREAKERS, type CircuitBreakersModel, type ThresholdsModel } from "../config/retry-model.ts";
import type { RetryAllowance } from "@sluice/sdk";
import { SharedCredit } from "../stats/shared-credit.ts";
import { type BudgetShare, budgetLimit } from "../stats/shared-level.ts";
import { SharedTally } from "../stats/shared-tally.ts";
import type { SharedTable } from "../stats/shared-table.ts";
import type { TurnClock } from "../timing/clock.ts";
import type { StatsScope } from "../stats/stats-store.ts";
import type { ClusterStats } from "./cluster-stats.ts";

const CONNECTIONS = 0;
const PENDING = 1;
const REQUESTS = 2;
const RETRIES = 3;
const POOLS = 4;

/** Names of the gauges, by what they count. Envoy: cluster.<name>.circuit_breakers.<priority>. */
const OPEN = ["cx_open", "rq_pending_open", "rq_open", "rq_retry_open", "cx_pool_open"];
const REMAINING = ["remaining_cx", "remaining_pending", "remaining_rq", "remaining_retries", "remaining_cx_pools"];

export type PriorityName = "default" | "high";

export interface BreakerParts {
  readonly table: SharedTable;
  /** The cluster's. */
  readonly scope: StatsScope;
  readonly stats: ClusterStats;
  readonly clock: TurnClock;
}

/** What pools ask, and tell. */
export type Breakers = Pick<CircuitBreakers, keyof CircuitBreakers>;

export class CircuitBreakers {
  readonly #thresholds: ThresholdsModel;
  readonly #budget: BudgetShare | null;
  /** Of the budget: how many at a time is not how many at all. null: there is none. */
  readonly #credit: SharedCredit | null;
  readonly #parts: BreakerParts;
  readonly #key: string;
  readonly #priority: PriorityName;
  #tally: SharedTally | null;

  constructor(thresholds: ThresholdsModel, cluster: string, priority: PriorityName, parts: BreakerParts) {
    this.#thresholds = thresholds;
    this.#budget = budgetOf(thresholds);
    const { retryBudget } = thresholds;
    const terms = retryBudget && { percent: retryBudget.percent, free: retryBudget.minConcurrency };
    this.#credit = terms === null ? null : new SharedCredit(terms, parts.clock);
    this.#parts = parts;
    this.#key = `cluster ${priority} ${cluster}`;
    this.#priority = priority;
    this.#tally = null;
  }

  /** Whether what is sent again has a share of its own, so that what costs nobody anything draws from it too. */
  get hasRetryBudget(): boolean {
    return this.#budget !== null;
  }

  get mayConnect(): boolean {
    return this.#count(CONNECTIONS) < this.#thresholds.maxConnections;
  }

  get mayWait(): boolean {
    return this.#count(PENDING) < this.#thresholds.maxPendingRequests;
  }

  get mayRequest(): boolean {
    return this.#count(REQUESTS) < this.#thresholds.maxRequests;
  }

  get mayHavePool(): boolean {
    return this.#count(POOLS) < this.#thresholds.maxConnectionPools;
  }

  connectionAdded(): void {
    this.#shared().add(CONNECTIONS);
  }

  connectionGone(): void {
    this.#shared().remove(CONNECTIONS);
  }

  waitBegins(): void {
    this.#shared().add(PENDING);
  }

  waitEnds(): void {
    this.#shared().remove(PENDING);
  }

  requestBegins(): void {
    const tally = this.#shared();
    tally.add(REQUESTS);
    if (this.#credit !== null) this.#credit.earn(tally);
  }

  requestEnds(): void {
    this.#shared().remove(REQUESTS);
  }

  poolAdded(): void {
    this.#shared().add(POOLS);
  }

  poolGone(): void {
    this.#shared().remove(POOLS);
  }

  /** false: there are too many, which is counted. */
  takeRetry(): boolean {
    const tally = this.#shared();
    const { maxRetries } = this.#thresholds;
    const limit = this.#budget === null ? maxRetries : budgetLimit(tally.words, tally.at, RETRIES, this.#budget);
    if (tally.add(RETRIES) < limit && (this.#credit === null || this.#credit.spend(tally))) return true;
    tally.remove(RETRIES);
    this.#parts.stats.rqRetryOverflow.inc();
    return false;
  }

  giveRetryBack(): void {
    this.#shared().remove(RETRIES);
  }

  /** The cluster is gone, and so is all that was counted. */
  release(): void {
    this.#tally?.release();
  }

  #count(index: number): number {
    return this.#shared().get(index);
  }

  #shared(): SharedTally {
    return this.#tally ?? this.#claim();
  }

  #claim(): SharedTally {
    const { table, scope } = this.#parts;
    const tally = new SharedTally(table, this.#key);
    this.#tally = tally;
    if (tally.isShared) this.#tell(tally, scope.under(`circuit_breakers.${this.#priority}.`));
    return tally;
  }

  #tell({ at }: SharedTally, scope: StatsScope): void {
    const { maxConnections, maxPendingRequests, maxRequests, maxRetries, maxConnectionPools, tracksRemaining } =
      this.#thresholds;
    for (const [index, limit] of [
      maxConnections,
      maxPendingRequests,
      maxRequests,
      maxRetries,
      maxConnectionPools,
    ].entries()) {
      const budget = index === RETRIES ? this.#budget : null;
      scope.level(OPEN[index]!, { at, index, limit, budget, shows: "open" });
      if (tracksRemaining) scope.level(REMAINING[index]!, { at, index, limit, budget, shows: "remaining" });
    }
  }
}

function budgetOf({ retryBudget }: ThresholdsModel): BudgetShare | null {
  if (retryBudget === null) return null;
  return { percent: retryBudget.percent, least: retryBudget.minConcurrency, active: REQUESTS, pending: PENDING };
}

/** Those of both priorities. */
export class ClusterBreakers implements RetryAllowance {
  readonly default: CircuitBreakers;
  readonly high: CircuitBreakers;

  constructor(cluster: string, model: CircuitBreakersModel | undefined, parts: BreakerParts) {
    const thresholds = model ?? DEFAULT_CIRCUIT_BREAKERS;
    this.default = new CircuitBreakers(thresholds.default, cluster, "default", parts);
    this.high = new CircuitBreakers(thresholds.high, cluster, "high", parts);
  }

  of(isHighPriority: boolean): CircuitBreakers {
    return isHighPriority ? this.high : this.default;
  }

  take(isHighPriority: boolean): boolean {
    return this.of(isHighPriority).takeRetry();
  }

  giveBack(isHighPriority: boolean): void {
    this.of(isHighPriority).giveRetryBack();
  }

  release(): void {
    this.default.release();
    this.high.release();
  }
}

/** Connections to one host, by all workers; for clusters that limit them. Envoy: per_host_thresholds. */
export class HostConnections {
  readonly #tally: SharedTally;
  readonly #limit: number;

  constructor(table: SharedTable, cluster: string, address: string, limit: number) {
    this.#tally = new SharedTally(table, `host ${cluster} ${address}`);
    this.#limit = limit;
  }

  get mayConnect(): boolean {
    return this.#tally.get(CONNECTIONS) < this.#limit;
  }

  added(): void {
    this.#tally.add(CONNECTIONS);
  }

  gone(): void {
    this.#tally.remove(CONNECTIONS);
  }

  release(): void {
    this.#tally.release();
  }
}

/** Counts nothing and limits nothing: of the proxy's own probes. */
export const NO_LIMITS: Breakers = {
  hasRetryBudget: false,
  mayConnect: true,
  mayWait: true,
  mayRequest: true,
  mayHavePool: true,
  connectionAdded() {},
  connectionGone() {},
  waitBegins() {},
  waitEnds() {},
  requestBegins() {},
  requestEnds() {},
  poolAdded() {},
  poolGone() {},
  takeRetry: () => true,
  giveRetryBack() {},
  release() {},
};
