/**
 * Envoy's `Http2ProtocolOptions` resolved, with what the connection manager and the cluster add to it; Envoy's defaults. What a codec needs of its thread
 * (`Http2Environment`), and the counters of `http2.*` that it feeds.
 */
import type { FlushQueue } from "../../../network/flush-queue.ts";
import type { Timers, TurnClock } from "../../../timing/clock.ts";

/** `connection_keepalive`. */
export interface Http2Keepalive {
  /** 0: no regular PING. */
  readonly intervalMs: number;
  /** How long the answer may take; then the connection is closed. */
  readonly timeoutMs: number;
  /** Part of the interval that is added at random. @default 15 */
  readonly intervalJitterPercent: number;
  /** A connection that was idle for this long is asked with a PING when a new stream is opened on it. 0: not. */
  readonly connectionIdleIntervalMs: number;
}

export interface Http2Options {
  /** Of our decoder (SETTINGS_HEADER_TABLE_SIZE), and the most that our encoder uses. @default 4096 */
  readonly hpackTableSize: number;
  /** SETTINGS_MAX_CONCURRENT_STREAMS; for upstream connections the most that this side opens. @default 1024 */
  readonly maxConcurrentStreams: number;
  /** Bytes. @default 16777216 */
  readonly initialStreamWindowSize: number;
  /** Bytes; at least 65535. @default 25165824 */
  readonly initialConnectionWindowSize: number;
  /** Extended CONNECT (RFC 8441): a server offers it, a client uses it where the server does. @default false; for clients true */
  readonly allowConnect: boolean;
  /** Frames that wait to be written. @default 10000 */
  readonly maxOutboundFrames: number;
  /** PING, SETTINGS and RST_STREAM frames that wait to be written. @default 1000 */
  readonly maxOutboundControlFrames: number;
  /** HEADERS, CONTINUATION and DATA without payload and without END_STREAM, in a row. @default 1 */
  readonly maxConsecutiveInboundFramesWithEmptyPayload: number;
  /** @default 100 */
  readonly maxInboundPriorityFramesPerStream: number;
  /** @default 10 */
  readonly maxInboundWindowUpdateFramesPerDataFrameSent: number;
  /** `override_stream_error_on_invalid_http_message`: a malformed message costs its stream alone, not the connection. @default false */
  readonly streamErrorOnInvalidHttpMessage: boolean;
  /** Sent as they are: `[identifier, value]`. @default [] */
  readonly customSettingsParameters: ReadonlyArray<readonly [number, number]>;
  /** @default null */
  readonly connectionKeepalive: Http2Keepalive | null;

  /** `max_request_headers_kb`, `max_response_headers_kb`, in bytes, counted as SETTINGS_MAX_HEADER_LIST_SIZE. @default 61440 */
  readonly maxHeaderListBytes: number;
  /** `max_headers_count`. @default 100 */
  readonly maxHeaders: number;
  /** Requests after which a server connection is drained. 0: no limit. */
  readonly maxRequestsPerConnection: number;
  /** `stream_flush_timeout`: how long a whole message may wait for the peer's window. 0: for ever. @default 300000 */
  readonly streamFlushTimeoutMs: number;
  /** `delayed_close_timeout`. @default 1000 */
  readonly delayedCloseMs: number;

  // Without a field in Envoy's API: constants and runtime keys there.
  /** CONTINUATION frames of one block. @default 512 (server), 1024 (client) */
  readonly maxContinuationFrames: number;
  /** `overload.premature_reset_total_stream_count`. @default 500 */
  readonly prematureResetTotalStreamCount: number;
  /** `overload.premature_reset_min_stream_lifetime_seconds`. @default 1000 */
  readonly prematureResetMinStreamLifetimeMs: number;
  /** Resets that the peer sends or causes: at once, and per second. @default 1000, 33 */
  readonly streamResetBurst: number;
  readonly streamResetRate: number;
  /** For the answer to our SETTINGS (RFC 9113 section 6.5.3). 0: for ever. @default 30000 */
  readonly settingsTimeoutMs: number;
  /** High watermark of a stream's bytes that wait for the peer's window or for the socket; the low one is half of it. @default 262144 */
  readonly streamBufferBytes: number;
}

export const HTTP2_SERVER_DEFAULTS: Http2Options = Object.freeze({
  hpackTableSize: 4096,
  maxConcurrentStreams: 1024,
  initialStreamWindowSize: 16 * 1024 * 1024,
  initialConnectionWindowSize: 24 * 1024 * 1024,
  allowConnect: false,
  maxOutboundFrames: 10_000,
  maxOutboundControlFrames: 1000,
  maxConsecutiveInboundFramesWithEmptyPayload: 1,
  maxInboundPriorityFramesPerStream: 100,
  maxInboundWindowUpdateFramesPerDataFrameSent: 10,
  streamErrorOnInvalidHttpMessage: false,
  customSettingsParameters: Object.freeze([]),
  connectionKeepalive: null,
  maxHeaderListBytes: 61_440,
  maxHeaders: 100,
  maxRequestsPerConnection: 0,
  streamFlushTimeoutMs: 300_000,
  delayedCloseMs: 1000,
  maxContinuationFrames: 512,
  prematureResetTotalStreamCount: 500,
  prematureResetMinStreamLifetimeMs: 1000,
  streamResetBurst: 1000,
  streamResetRate: 33,
  settingsTimeoutMs: 30_000,
  streamBufferBytes: 256 * 1024,
});

export const HTTP2_CLIENT_DEFAULTS: Http2Options = Object.freeze({
  ...HTTP2_SERVER_DEFAULTS,
  allowConnect: true,
  maxContinuationFrames: 1024,
});

interface Count {
  inc(amount?: number): void;
}

/** Envoy's counters below `http2.`, in camelCase; `tooManyPrematureResets` is `downstream_rq_too_many_premature_resets`. */
export interface Http2Stats {
  readonly headerOverflow: Count;
  readonly inboundEmptyFramesFlood: Count;
  readonly inboundPriorityFramesFlood: Count;
  readonly inboundWindowUpdateFramesFlood: Count;
  readonly keepaliveTimeout: Count;
  readonly outboundControlFlood: Count;
  readonly outboundFlood: Count;
  readonly rxMessagingError: Count;
  readonly rxReset: Count;
  readonly streamRefusedErrors: Count;
  readonly trailers: Count;
  readonly txFlushTimeout: Count;
  readonly txReset: Count;
  readonly goawaySent: Count;
  readonly tooManyPrematureResets: Count;
  readonly streamsActive: Count & { dec(amount?: number): void };
  /** Gauge: bytes that wait for windows or the socket. */
  readonly pendingSendBytes: Count & { dec(amount?: number): void };
}

const NOTHING = { inc(): void {}, dec(): void {} };

export const NO_HTTP2_STATS: Http2Stats = Object.freeze({
  headerOverflow: NOTHING,
  inboundEmptyFramesFlood: NOTHING,
  inboundPriorityFramesFlood: NOTHING,
  inboundWindowUpdateFramesFlood: NOTHING,
  keepaliveTimeout: NOTHING,
  outboundControlFlood: NOTHING,
  outboundFlood: NOTHING,
  rxMessagingError: NOTHING,
  rxReset: NOTHING,
  streamRefusedErrors: NOTHING,
  trailers: NOTHING,
  txFlushTimeout: NOTHING,
  txReset: NOTHING,
  goawaySent: NOTHING,
  tooManyPrematureResets: NOTHING,
  streamsActive: NOTHING,
  pendingSendBytes: NOTHING,
});

/** What a codec needs of its thread. */
export interface Http2Environment {
  readonly flushQueue: FlushQueue;
  readonly timers: Timers;
  readonly clock: TurnClock;
  readonly stats: Http2Stats;
  /** 0 up to 1: the jitter of keep-alive. */
  readonly random: () => number;
}
