/** The short form's retries, copies and limits. Reference: docs/configuration/short-form.md. */
import type { DurationText } from "./define-config.ts";
import type { MatchConfig } from "./define-routes.ts";

export interface RetryConfig {
  /** Envoy's conditions. @default gateway-error, reset, connect-failure, refused-stream */
  readonly on?: string | readonly string[];
  /** How often it is sent again. @default 1 */
  readonly attempts?: number;
  /** Which may be sent twice. @default GET, HEAD, OPTIONS, TRACE, PUT, DELETE */
  readonly methods?: "any" | readonly string[];
  /** From the end of the request to the headers of the answer, for one attempt. */
  readonly per_try_timeout?: DurationText;
  /** Without a byte either way, for one attempt. */
  readonly per_try_idle_timeout?: DurationText;
  /** With `retriable-status-codes`, which need not be written then. */
  readonly statuses?: readonly number[];
  /** Headers of an answer, with `retriable-headers`, which need not be written then. */
  readonly headers?: Readonly<Record<string, MatchConfig>>;
  /** The first wait, and the longest. @default 25 ms, ten times the first */
  readonly back_off?: DurationText | { readonly base: DurationText; readonly max?: DurationText };
  /** `retry-after` of an answer (and `x-ratelimit-reset`) says when, up to this. */
  readonly respect_retry_after?: DurationText;
  /** A slow attempt (`per_try_timeout`) goes on beside the next one; the first good answer counts. @default false */
  readonly hedge?: boolean;
  /** A retry may go to a host that has had the request already. @default false */
  readonly same_host?: boolean;
}

export interface MirrorConfig {
  readonly cluster: string;
  /** @default 100 */
  readonly percent?: number;
  /** Of the runtime, where that says another share. */
  readonly key?: string;
  /** Whether `-shadow` is added to the host. @default true */
  readonly mark_host?: boolean;
}

/** Of all workers together. */
export interface CircuitBreakersConfig extends ThresholdsConfig {
  /** For requests of routes with `priority: high`. */
  readonly high?: ThresholdsConfig;
  readonly max_connections_per_host?: number;
}

export interface ThresholdsConfig {
  /** @default 1024 */
  readonly max_connections?: number;
  /** Requests that wait for a connection. @default 1024 */
  readonly max_pending_requests?: number;
  /** @default 1024 */
  readonly max_requests?: number;
  /** At a time, instead of `retry_budget`. */
  readonly max_retries?: number;
  /** Percent of the requests that are under way which may be sent again. @default 20 where routes have `retry`, else Envoy's max_retries, 3 */
  readonly retry_budget?: number | { readonly percent: number; readonly min?: number };
  readonly max_connection_pools?: number;
  /** Gauges `remaining_…` say what is left. @default false */
  readonly track_remaining?: boolean;
}
