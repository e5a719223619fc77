/**
 * The codec interface: what turns bytes into streams and back. HTTP/1 is the first implementation, on both sides; HTTP/2 is made to be the second.
 * Server side: the codec makes a stream through `ServerCallbacks.onStream` and feeds it; the stream answers through its `ResponseEncoder`.
 * Client side: `openStream` gives a `RequestEncoder`; the response comes to the `ResponseDecoder`.
 * No codec call throws on input; what is wrong on the wire comes as a reset or a protocol error.
 */
import type { ResetReason } from "@sluice/sdk";
import type { HeaderCaseModel } from "../../config/model.ts";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../headers/header-map.ts";
import type { Connection } from "../../network/connection.ts";
import type { FlushQueue } from "../../network/flush-queue.ts";

export type { ResetReason };

export const HTTP_1_0 = "HTTP/1.0";
export const HTTP_1_1 = "HTTP/1.1";

/** The engine's side of a downstream stream; implemented by the connection manager's stream. */
export interface RequestDecoder {
  /** Called once. `end`: no body and no trailers follow. */
  onRequestHeaders(headers: RequestHeaderMap, end: boolean): void;
  /** Bytes are valid until the call returns unless `Connection.retain()` was called. */
  onRequestData(data: Uint8Array, end: boolean): void;
  onRequestTrailers(trailers: HeaderMap): void;
  /**
   * The client is gone, or what it sent is not legal after the headers. No call follows. `detail` is a stable word.
   * Also, with `local_reset`, after `onResponseFlushed` where the response ended before its request: HTTP/1 reads no more of such a request and closes.
   */
  onRequestReset(reason: ResetReason, detail: string): void;
  /** The response's way is above its high watermark, or below its low one again. */
  onResponseWriteHigh(): void;
  onResponseWriteLow(): void;
  /**
   * Everything of the response is in the socket's hands (or dropped with it). The stream may be forgotten once the request is complete too: no call follows
   * then. An upgrade or CONNECT that was refused gets the end of its request (`onRequestData` with `end`) right before it.
   */
  onResponseFlushed(): void;
}

/** The codec's side of a downstream stream. Inert after the response's end or a reset. */
export interface ResponseEncoder {
  /** 100 to 199 without 101. */
  sendInformational(headers: ResponseHeaderMap): void;
  /** `end`: no body. Status 101 switches an upgraded HTTP/1 stream to raw bytes. */
  sendHeaders(headers: ResponseHeaderMap, end: boolean): void;
  sendData(data: Uint8Array, end: boolean): void;
  sendTrailers(trailers: HeaderMap): void;
  /** HTTP/1: closes the connection; HTTP/2: RST_STREAM. `code`: with which the upstream broke its response off (RFC 9113 section 7); absent or -1: it said none. */
  reset(reason: ResetReason, code?: number): void;
  /** Stops and restarts reading of this stream's request. Idempotent: the counting is the engine's. */
  pauseRequest(): void;
  resumeRequest(): void;
  /** HTTP/1: the connection closes after this response (`Connection: close`). HTTP/2: nothing. */
  closeAfterResponse(): void;
  readonly protocol: string;
  /** Bytes of the request and response on the wire so far, this stream's share. */
  readonly aboveWatermark: boolean;
}

/** A bad message that never became a stream: the connection manager answers and counts it. */
export interface ProtocolError {
  /** 400, 414, 431, 501, 505, … the status to answer before closing; 0: close without an answer. */
  readonly status: number;
  /** Stable word (`http1.codec_error`, `http1.invalid_characters`, `request_headers_too_large`, …). */
  readonly detail: string;
}

export interface ServerCallbacks {
  /** A request head is complete and legal. Called before `onRequestHeaders` of the stream that it returns. */
  onStream(encoder: ResponseEncoder): RequestDecoder;
  /**
   * A request that is not legal, seen before its stream existed, or after the stream was reset for it and nothing of a response had been sent. The codec has
   * stopped reading; the callee sends through `sendErrorAndClose` of the codec. HTTP/2: an error of the connection, with status 0, whether or not there were
   * streams to tell; the codec has sent its GOAWAY and closes.
   */
  onProtocolError(error: ProtocolError): void;
  /** The first byte of a new request arrived: starts header time-outs. HTTP/2: its header block has come in part. */
  onRequestBegin(): void;
}

export interface ServerCodec {
  /** Bytes from the client. */
  onData(data: Uint8Array): void;
  /** The client closed its write side. */
  onEnd(): void;
  /** The connection is gone: resets every stream. */
  onClose(detail: string): void;
  /** The connection's write buffer rose above, fell below its watermark. */
  onWriteHigh(): void;
  onWriteLow(): void;
  /** Everything that was written has left. */
  onDrained(): void;
  /** Writes a minimal response for a `ProtocolError` (not through filters) and closes the connection when it is flushed. */
  sendErrorAndClose(headers: ResponseHeaderMap, body: string): void;
  /** Lame duck: no new stream after the ones that are open (`Connection: close`, GOAWAY); idle connections may be closed by the owner. */
  shutdown(): void;
  /** Streams that are open. */
  readonly activeStreams: number;
  /** Whether part of a request head has been read (a connection that is not idle although no stream is open). */
  readonly readingHead: boolean;
  /** Bytes of the write side that the codec still holds back (heads waiting for their body) are sent now. Called by the flush queue. */
  flush(): void;
}

/** The pool's side of an upstream stream. */
export interface ResponseDecoder {
  onInformational(headers: ResponseHeaderMap): void;
  onResponseHeaders(headers: ResponseHeaderMap, end: boolean): void;
  onResponseData(data: Uint8Array, end: boolean): void;
  onResponseTrailers(trailers: HeaderMap): void;
  /** `code`: of the RST_STREAM that came; absent or -1: none did. */
  onResponseReset(reason: ResetReason, detail: string, code?: number): void;
  onRequestWriteHigh(): void;
  onRequestWriteLow(): void;
}

export interface RequestEncoder {
  /** `headers.upgrade` non-empty: an upgrade request. */
  sendHeaders(headers: RequestHeaderMap, end: boolean): void;
  sendData(data: Uint8Array, end: boolean): void;
  sendTrailers(trailers: HeaderMap): void;
  /** Gives the stream up; its decoder hears nothing more. HTTP/1: closes the connection unless the exchange was complete. */
  reset(): void;
  pauseResponse(): void;
  resumeResponse(): void;
  readonly aboveWatermark: boolean;
}

export interface ClientCallbacks {
  /**
   * A stream ended (complete on both sides, or reset). `reusable`: whether the connection may carry another; where not, the codec has closed it.
   * The decoder has heard its last before.
   */
  onStreamEnd(reusable: boolean): void;
  /** GOAWAY, `Connection: close`, or anything odd: no new streams on this connection. */
  onDraining(): void;
}

export interface ClientCodec {
  /** HTTP/1: one at a time. */
  openStream(decoder: ResponseDecoder): RequestEncoder;
  onData(data: Uint8Array): void;
  onEnd(): void;
  onClose(detail: string): void;
  onWriteHigh(): void;
  onWriteLow(): void;
  onDrained(): void;
  flush(): void;
  readonly activeStreams: number;
}

export interface Http1ServerOptions {
  /** Of the whole head. Over it: 431 `request_headers_too_large`. */
  readonly maxHeadBytes: number;
  /** Over it: 431 `too_many_headers`. */
  readonly maxHeaders: number;
  readonly acceptHttp10: boolean;
  readonly defaultHostForHttp10: string;
  readonly enableTrailers: boolean;
  readonly allowAbsoluteUrl: boolean;
  /** `content-length` beside `transfer-encoding: chunked` is dropped, not refused. @default false */
  readonly allowChunkedLength?: boolean;
  /** @default lower case, and nothing is remembered */
  readonly headerCase?: HeaderCaseModel;
  /** How long a connection that is closed behind its last response waits for the client's end (Envoy: `delayed_close_timeout`). @default 1000 */
  readonly delayedCloseMs?: number;
}

export interface Http1ClientOptions {
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  readonly enableTrailers: boolean;
  /** `content-length` beside `transfer-encoding: chunked` is dropped, not refused. @default false */
  readonly allowChunkedLength?: boolean;
  /** @default lower case, and nothing is remembered */
  readonly headerCase?: HeaderCaseModel;
}

/** The codec registers with `flushQueue` what it holds back; whoever reads the connection runs the queue at the end of its turn. */
export type CreateServerCodec = (
  connection: Connection,
  callbacks: ServerCallbacks,
  options: Http1ServerOptions,
  flushQueue: FlushQueue,
) => ServerCodec;
export type CreateClientCodec = (
  connection: Connection,
  callbacks: ClientCallbacks,
  options: Http1ClientOptions,
  flushQueue: FlushQueue,
) => ClientCodec;
