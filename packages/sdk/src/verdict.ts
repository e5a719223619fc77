/** Verdicts: what a filter hook tells the engine to do next. Small integers, so that a synchronous hook costs nothing. */

/** Go on to the next filter. Releases everything that this filter holds in this direction. The same as returning nothing. */
export const Continue = 0;
/**
 * Hold this phase and keep calling this filter.
 * From a headers hook: later filters do not see the headers; this filter's data and trailers hooks still run, and the
 * first of them that returns `Continue` releases the headers too. From a data hook: the chunk is held, the next chunk comes to
 * this filter; the source is paused while more than the buffer limit is held. From a trailers hook: the trailers are held.
 */
export const Stop = 1;
/**
 * Hold the body up to the buffer limit; beyond it the stream is answered 413 (request) or 500 (response).
 * From a headers hook no hook of this direction runs until `resume()`; then this filter's data hook gets what was held.
 * From a data hook the filter is still called with each further chunk, and `Continue` releases all of them.
 */
export const StopAndBuffer = 2;
/** Hold this direction and pause its source until `resume()`. No hook of this direction runs on this or later filters. */
export const StopAndWatermark = 3;

export type Continue = typeof Continue;
export type Stop = typeof Stop;
export type StopAndBuffer = typeof StopAndBuffer;
export type StopAndWatermark = typeof StopAndWatermark;

export interface LocalReplyOptions {
  /** HTTP status, 200 to 599. */
  readonly status: number;
  /** Extra response headers. A name given here replaces the engine's own (`content-type`). */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Body; a string is sent as UTF-8 with `content-type: text/plain` unless the headers say otherwise. */
  readonly body?: string | Uint8Array;
  /**
   * A stable word for the access log (`%RESPONSE_CODE_DETAILS%`): `[a-z0-9_.{}:-]+`; other characters become `_`.
   * @default the filter's id
   */
  readonly details?: string;
  /** gRPC status for gRPC requests. @default mapped from `status` as the gRPC specification says. */
  readonly grpcStatus?: number;
  /** Response flag to set, as in the access log (`RL`, `UAEX`, …). */
  readonly flag?: string;
  /**
   * Where the response has begun, so that the stream is reset instead: the code with which an upstream did so (`onUpstreamReset`). An HTTP/2 client is told
   * those that concern it, CANCEL and ENHANCE_YOUR_CALM. @default INTERNAL_ERROR
   */
  readonly resetCode?: number;
}

/** A local reply as a verdict. Made by {@link reply}; recognised by its `kind`, so that two copies of the sdk do no harm. */
export interface LocalReply extends LocalReplyOptions {
  readonly kind: "sluice.reply";
}

/** Answers the stream locally: `return reply({ status: 403, body: "no" })`. */
export function reply(options: LocalReplyOptions): LocalReply {
  return { ...options, kind: "sluice.reply" };
}

/** What a headers or trailers hook may return. */
// oxlint-disable-next-line typescript/no-invalid-void-type -- a hook that returns nothing continues
export type Verdict = void | Continue | Stop | StopAndBuffer | StopAndWatermark | LocalReply;
/** What a data hook may return: a verdict, or bytes that take the place of this chunk (empty: the chunk is consumed); they MUST NOT be changed after. */
export type DataVerdict = Verdict | Uint8Array;
