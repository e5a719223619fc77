/** What a route says of requests that fail upstream: which are sent again, how often and when, and who else gets a copy. Envoy: RetryPolicy, HedgePolicy, RequestMirrorPolicy. */
import type { RequestHeaders, ResponseHeaders } from "./headers.ts";
import type { UpstreamHost } from "./stream-info.ts";

/** Conditions of `retry_on` (and `x-envoy-retry-on`, `x-envoy-retry-grpc-on`). A policy has them as bits: `1 << index`. */
export const RETRY_CONDITIONS = [
  "5xx",
  "gateway-error",
  "connect-failure",
  "retriable-4xx",
  "refused-stream",
  "retriable-status-codes",
  "retriable-headers",
  "envoy-ratelimited",
  "reset",
  "reset-before-request",
  "http3-post-connect-failure",
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
] as const;

export type RetryCondition = (typeof RETRY_CONDITIONS)[number];

/** Conditions by `,`, as bits; unknown ones are passed over, and given to `onUnknown`. */
export function parseRetryOn(text: string, onUnknown?: (word: string) => void): number {
  let bits = 0;
  for (const part of text.split(",")) {
    const word = part.trim();
    const index = (RETRY_CONDITIONS as readonly string[]).indexOf(word);
    if (index >= 0) bits |= 1 << index;
    else if (word !== "") onUnknown?.(word);
  }
  return bits;
}

export interface RetryPolicy {
  /** Bits of {@link RETRY_CONDITIONS}. */
  readonly on: number;
  /** How often a request is sent again. Envoy: num_retries, 1. */
  readonly retries: number;
  /** For one attempt, from the end of the request to the headers of the response; 0: none. */
  readonly perTryTimeoutMs: number;
  /** For one attempt without a byte either way; 0: none. */
  readonly perTryIdleTimeoutMs: number;
  readonly statusCodes: readonly number[];
  /** The n-th retry waits a random time below `min(backOffMaxMs, backOffBaseMs * (2^n - 1))`. */
  readonly backOffBaseMs: number;
  readonly backOffMaxMs: number;
  /** null: what responses say of it is passed over. */
  readonly rateLimitedBackOff: RateLimitedBackOff | null;
  /** null: every host will do. */
  readonly hosts: RetryHosts | null;
  /**
   * After how many attempts each the priorities that had one are left out of those that follow; 0: never. Envoy: retry_priority,
   * PreviousPrioritiesConfig.update_frequency.
   */
  readonly priorityUpdateFrequency: number;
  /** Whether requests like this one are sent again at all (retriable_request_headers). */
  appliesTo(request: RequestHeaders): boolean;
  /** Whether the response has one of the retriable headers. */
  hasRetriableHeader(response: ResponseHeaders): boolean;
}

/** Envoy: rate_limited_retry_back_off. */
export interface RateLimitedBackOff {
  /** The first that says a time of at most `maxMs` counts; names in lower case. */
  readonly headers: ReadonlyArray<{ readonly name: string; readonly format: "seconds" | "unix_timestamp" }>;
  readonly maxMs: number;
}

/** Envoy: retry_host_predicate, host_selection_retry_max_attempts. */
export interface RetryHosts {
  /** How often another host is picked in the place of one that is not wanted; then it is taken. */
  readonly attempts: number;
  /** Hosts that have had an attempt are not wanted. */
  readonly omitsPrevious: boolean;
  /** Whether a host is not wanted for what it is (canary, metadata). */
  omits(host: UpstreamHost): boolean;
}

/** Envoy: RequestMirrorPolicy. */
export interface MirrorPolicy {
  /** The cluster that gets a copy of the request; empty where its headers were to name it and do not. */
  clusterFor(request: RequestHeaders): string;
  /** Whether this request is among those that are copied. */
  includes(): boolean;
  /** Whether `-shadow` is added to the host. */
  readonly marksHost: boolean;
}
