/** Retries, copies of requests and limits of clusters in the compiled configuration: plain data, resolved and defaulted. Durations are milliseconds. */
import type { HeaderMatchModel } from "./route-model.ts";
import type { RuntimeFractionModel } from "./match-model.ts";
import type { Json } from "./model.ts";

/** Envoy: RetryPolicy. */
export interface RetryModel {
  /** Bits of the sdk's RETRY_CONDITIONS. */
  readonly on: number;
  readonly retries: number;
  /** 0: none. */
  readonly perTryTimeoutMs: number;
  readonly perTryIdleTimeoutMs: number;
  readonly statusCodes: readonly number[];
  readonly headers: readonly HeaderMatchModel[];
  /** Empty: every request. */
  readonly requestHeaders: readonly HeaderMatchModel[];
  readonly backOffBaseMs: number;
  readonly backOffMaxMs: number;
  readonly rateLimitedBackOff: {
    readonly headers: ReadonlyArray<{ readonly name: string; readonly format: "seconds" | "unix_timestamp" }>;
    readonly maxMs: number;
  } | null;
  /** null: none is chosen twice for what it is. */
  readonly hosts: RetryHostsModel | null;
  /** After how many attempts each the priorities that had one are left out; 0: never. */
  readonly priorityUpdateFrequency: number;
}

export interface RetryHostsModel {
  readonly attempts: number;
  readonly omitsPrevious: boolean;
  readonly omitsCanaries: boolean;
  /** Hosts that have all of one of these under `envoy.lb`. */
  readonly omitsMetadata: ReadonlyArray<Readonly<Record<string, Json>>>;
}

/** Envoy: RequestMirrorPolicy. */
export interface MirrorModel {
  /** Empty: the header has it. */
  readonly cluster: string;
  /** Lower-case. */
  readonly clusterHeader: string;
  /** null: all. */
  readonly fraction: RuntimeFractionModel | null;
  readonly marksHost: boolean;
}

/** What a route says besides where to forward to; absent: nothing of it. */
export interface ResilienceModel {
  readonly retry?: RetryModel;
  readonly hedges?: boolean;
  readonly mirrors?: readonly MirrorModel[];
  readonly isHighPriority?: boolean;
  readonly includeIsTimeoutRetry?: boolean;
}

/** Envoy: CircuitBreakers. Limits hold for all workers together. */
export interface CircuitBreakersModel {
  readonly default: ThresholdsModel;
  readonly high: ThresholdsModel;
  /** For one host; 0: no limit of its own. Envoy: per_host_thresholds. */
  readonly maxConnectionsPerHost: number;
}

export interface ThresholdsModel {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  readonly maxConnectionPools: number;
  /** In the place of `maxRetries`; null: there is none. */
  readonly retryBudget: { readonly percent: number; readonly minConcurrency: number } | null;
  /** Whether gauges say what is left. */
  readonly tracksRemaining: boolean;
}

/** No limit that could be reached. */
export const UNLIMITED = 0xffff_ffff;

/** Envoy's defaults. */
export const DEFAULT_THRESHOLDS: ThresholdsModel = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  maxConnectionPools: UNLIMITED,
  retryBudget: null,
  tracksRemaining: false,
};

export const DEFAULT_CIRCUIT_BREAKERS: CircuitBreakersModel = {
  default: DEFAULT_THRESHOLDS,
  high: DEFAULT_THRESHOLDS,
  maxConnectionsPerHost: 0,
};
