/** Requests that filters send themselves, through the pools of a cluster: `context.clusters.get(name)?.request(…)`. In the shape of fetch. */
import type { Headers, ResponseHeaders } from "./headers.ts";
import type { UpstreamHost } from "./stream-info.ts";
import type { OpenFailure, ResetReason } from "./upstream.ts";

/** What ends a request that a stream asked for, with that stream: an `HttpStream`, a `TerminalStream`, or anything with a signal. */
export interface HasSignal {
  readonly signal: AbortSignal;
}

export interface UpstreamRequestInit {
  /** @default GET */
  readonly method?: string;
  /** Path and query, in origin form. */
  readonly path: string;
  /**
   * Names as HTTP has them. `host`, `content-length`, `connection`, `transfer-encoding` and the other names of one hop are refused: the engine writes them.
   */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | Iterable<readonly [string, string]>;
  /**
   * A string is sent as UTF-8. Strings and bytes carry `content-length`; an iterable (a `ReadableStream` is one) is sent in chunks, and read only as fast as
   * the upstream takes it. Bytes MUST NOT be changed until the request is over.
   */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** `Host` of the request. @default the cluster's name */
  readonly authority?: string;
  /** For the whole exchange, the response's body included; 0: none. @default 15 000 */
  readonly timeoutMs?: number;
  /** Cancels the request. */
  readonly signal?: AbortSignal;
  /** The stream for which it is made: its end cancels the request. Make it `stream`, unless the request may outlive the stream. */
  readonly stream?: HasSignal;
}

/**
 * The body of a response. It can be read once, in one of these ways; while nobody reads, at most about a buffer of it is held. Each rejects with
 * {@link UpstreamError} where the body ends before its time.
 */
export interface UpstreamBody extends AsyncIterable<Uint8Array> {
  /** @param limit bytes; more: `too_large`, and the request is cancelled. @default 1 MiB */
  bytes(limit?: number): Promise<Uint8Array>;
  /** As UTF-8. @param limit as for `bytes` */
  text(limit?: number): Promise<string>;
  /** @param limit as for `bytes`. @throws SyntaxError where it is no JSON. */
  json(limit?: number): Promise<unknown>;
}

/**
 * A response whose headers are there. A body that nobody reads holds its connection until it ends, is cancelled, or the time is over: read it or call `cancel`.
 * Informational responses (1xx) are dropped.
 */
export interface UpstreamResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: UpstreamBody;
  /** Empty where there are none. Settled at the end of the body; rejected where that does not come. */
  readonly trailers: Promise<Headers>;
  readonly host: UpstreamHost;
  /** Gives up what has not come yet. Harmless when all has. */
  cancel(): void;
}

export type UpstreamErrorReason =
  | ResetReason
  | OpenFailure
  | "timeout" // `timeoutMs` is over
  | "cancelled" // by a signal, the end of the stream or of the filter, or `cancel`
  | "too_large"; // the body is larger than the limit

const UPSTREAM_ERROR: unique symbol = Symbol.for("sluice.upstream_error") as never;

/** Why a request that a filter sent came to nothing. `instanceof` knows it whichever copy of the sdk has thrown it. */
export class UpstreamError extends Error {
  readonly reason: UpstreamErrorReason;
  /** More for logs, never for clients; may be empty. */
  readonly detail: string;
  readonly cluster: string;

  constructor(cluster: string, reason: UpstreamErrorReason, detail = "", options?: ErrorOptions) {
    super(`request to cluster "${cluster}": ${reason}${detail === "" ? "" : ` (${detail})`}`, options);
    this.name = "UpstreamError";
    this.reason = reason;
    this.detail = detail;
    this.cluster = cluster;
    Object.defineProperty(this, UPSTREAM_ERROR, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && Object.hasOwn(value, UPSTREAM_ERROR);
  }
}
