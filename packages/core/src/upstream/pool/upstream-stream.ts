/**
 * Hot path: docs/extending/hot-path-rules.md. One HTTP stream to an upstream: before it has a connection it keeps what is sent and presses back at once; from then on it is a
 * thin pass between the codec and the stream's owner.
 */
import type { Headers, RequestHeaders, ResetReason, UpstreamStream, UpstreamStreamEvents } from "@sluice/sdk";
import type { RequestEncoder, ResponseDecoder } from "../../http/codec/codec.ts";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../http/headers/header-map.ts";
import { DETAILS } from "../../http/codec/h2/details.ts";
import type { StreamCarrier, StreamPool } from "./pool.ts";

export class PooledStream implements UpstreamStream, ResponseDecoder {
  readonly pool: StreamPool;
  readonly events: UpstreamStreamEvents;
  connection: StreamCarrier | null;
  encoder: RequestEncoder | null;
  /** No event fires any more, no call does anything. */
  over: boolean;
  /** The response is complete; the request is. */
  responseEnded: boolean;
  requestEnded: boolean;
  headers: RequestHeaderMap | null;
  /** A request that was its headers alone, and may be sent again; null: it is not, or the response has begun. */
  whole: RequestHeaderMap | null;
  /** How often it was. */
  repeats: number;
  /** Headers (and the end) of a stream that still waits for its connection. */
  headersEnd: boolean;
  chunks: Uint8Array[] | null;
  chunksEnd: boolean;
  trailers: HeaderMap | null;
  pauses: number;
  high: boolean;
  status: number;

  constructor(pool: StreamPool, events: UpstreamStreamEvents) {
    this.pool = pool;
    this.events = events;
    this.connection = null;
    this.encoder = null;
    this.over = false;
    this.responseEnded = false;
    this.requestEnded = false;
    this.headers = null;
    this.whole = null;
    this.repeats = 0;
    this.headersEnd = false;
    this.chunks = null;
    this.chunksEnd = false;
    this.trailers = null;
    this.pauses = 0;
    this.high = false;
    this.status = 0;
  }

  // ---- from the owner -----------------------------------------------------------------------------------------------------------------------

  sendHeaders(headers: RequestHeaders, end: boolean): void {
    if (this.over) return;
    if (end) {
      this.requestEnded = true;
      this.whole = headers as RequestHeaderMap;
    }
    const { encoder, connection } = this;
    if (encoder === null) {
      this.headers = headers as RequestHeaderMap;
      this.headersEnd = end;
      return;
    }
    this.events.onUpstreamReady(this.pool.host, connection!.localAddress);
    if (!this.over) encoder.sendHeaders(headers as RequestHeaderMap, end);
  }

  sendData(data: Uint8Array, end: boolean): void {
    if (this.over) return;
    if (end) this.requestEnded = true;
    if (this.encoder !== null) {
      this.encoder.sendData(data, end);
      return;
    }
    if (data.length !== 0) (this.chunks ??= []).push(Uint8Array.prototype.slice.call(data));
    this.chunksEnd = end;
    if (!this.high && !end) {
      this.high = true;
      this.events.onUpstreamWriteHigh();
    }
  }

  sendTrailers(trailers: Headers): void {
    if (this.over) return;
    this.requestEnded = true;
    if (this.encoder !== null) this.encoder.sendTrailers(trailers as HeaderMap);
    else this.trailers = trailers as HeaderMap;
  }

  reset(): void {
    if (this.over) return;
    this.over = true;
    if (this.encoder !== null) {
      // A complete exchange has given its connection back: it may carry another stream already.
      if (this.responseEnded && this.requestEnded) return;
      this.pool.stats.rqTxReset.inc();
      this.encoder.reset();
    } else this.pool.cancelPending(this);
  }

  pause(): void {
    if (this.pauses++ === 0 && this.encoder !== null && !this.over) {
      this.pool.stats.flowPaused.inc();
      this.encoder.pauseResponse();
    }
  }

  unpause(): void {
    if (this.pauses === 0 || --this.pauses !== 0) return;
    if (this.encoder !== null && !this.over) {
      this.pool.stats.flowResumed.inc();
      this.encoder.resumeResponse();
    }
  }

  get aboveWatermark(): boolean {
    return this.high || (this.encoder !== null && this.encoder.aboveWatermark);
  }

  // ---- from the pool ------------------------------------------------------------------------------------------------------------------------

  /** Takes its connection; what was sent before goes out now. */
  attach(connection: StreamCarrier, encoder: RequestEncoder): void {
    this.connection = connection;
    this.encoder = encoder;
    if (this.pauses !== 0) encoder.pauseResponse();
    const { headers } = this;
    if (headers === null) return;
    this.headers = null;
    if (this.repeats === 0) this.events.onUpstreamReady(this.pool.host, connection.localAddress);
    if (this.over) return;
    encoder.sendHeaders(headers, this.headersEnd);
    const { chunks, trailers } = this;
    if (chunks !== null) {
      this.chunks = null;
      for (let i = 0; i < chunks.length && !this.over; i++) {
        encoder.sendData(chunks[i]!, this.chunksEnd && i === chunks.length - 1);
      }
    } else if (this.chunksEnd && !this.headersEnd) encoder.sendData(NOTHING, true);
    if (trailers !== null && !this.over) {
      this.trailers = null;
      encoder.sendTrailers(trailers);
    }
    if (this.high && !this.over) {
      this.high = false;
      if (!encoder.aboveWatermark) this.events.onUpstreamWriteLow();
    }
  }

  /** Waits for a connection once more. */
  detach(): void {
    this.connection = null;
    this.encoder = null;
    this.headers = this.whole;
    this.headersEnd = true;
    this.repeats++;
  }

  /** No connection came to be. */
  fail(reason: ResetReason, detail: string): void {
    if (this.over) return;
    this.over = true;
    this.events.onUpstreamReset(reason, detail, this.pool.host);
  }

  // ---- from the codec -----------------------------------------------------------------------------------------------------------------------

  onInformational(headers: ResponseHeaderMap): void {
    if (!this.over) this.events.onUpstreamInformational(headers);
  }

  onResponseHeaders(headers: ResponseHeaderMap, end: boolean): void {
    if (this.over || this.responseEnded) return;
    this.status = headers.status;
    this.whole = null;
    const { host } = this.pool;
    if (headers.status >= 500) host.rqError.inc();
    else host.rqSuccess.inc();
    if (end) this.responseEnded = true;
    this.events.onUpstreamHeaders(headers, end);
  }

  onResponseData(data: Uint8Array, end: boolean): void {
    if (this.over || this.responseEnded) return;
    if (end) this.responseEnded = true;
    this.events.onUpstreamData(data, end);
  }

  onResponseTrailers(trailers: HeaderMap): void {
    if (this.over || this.responseEnded) return;
    this.responseEnded = true;
    this.events.onUpstreamTrailers(trailers);
  }

  onResponseReset(reason: ResetReason, detail: string): void {
    if (this.over || this.responseEnded) return;
    if (detail === DETAILS.remoteRefused && this.whole !== null && this.pool.sendAgain(this)) return;
    this.over = true;
    const { stats, host } = this.pool;
    stats.rqRxReset.inc();
    if (reason === "protocol_error") stats.cxProtocolError.inc();
    if (this.status === 0) host.rqError.inc();
    this.events.onUpstreamReset(reason, detail, host);
  }

  onRequestWriteHigh(): void {
    if (!this.over) this.events.onUpstreamWriteHigh();
  }

  onRequestWriteLow(): void {
    if (!this.over) this.events.onUpstreamWriteLow();
  }
}

const NOTHING = new Uint8Array(0);
