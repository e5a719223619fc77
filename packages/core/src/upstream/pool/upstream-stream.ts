/**
 * Hot path: docs/extending/hot-path-rules.md. One HTTP stream to an upstream: before it has a connection it keeps what is sent and presses back at once; from then on it is a
 * thin pass between the codec and the stream's owner. What is kept can be sent again until the response begins.
 */
import type {
  Headers,
  HostAversion,
  HostChoice,
  RequestHeaders,
  ResetReason,
  UpstreamHost,
  UpstreamStream,
  UpstreamStreamEvents,
} from "@sluice/sdk";
import type { RequestEncoder, ResponseDecoder } from "../../http/codec/codec.ts";
import type { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../http/headers/header-map.ts";
import { DETAILS } from "../../http/codec/h2/details.ts";
import type { Host } from "../host.ts";
import { DurationTimer } from "./duration-timer.ts";
import type { StreamCarrier, StreamPool } from "./pool.ts";
import { KeptParts } from "./kept-parts.ts";
import { tellAnswer, tellFailure, tellGivenUp } from "./stream-latency.ts";

/** How often one request is sent again. */
const MAX_REPEATS = 3;
/** Hosts that may take no connection for it. */
const MAX_UNREACHED = 8;

export class PooledStream extends KeptParts implements UpstreamStream, ResponseDecoder {
  pool: StreamPool;
  readonly events: UpstreamStreamEvents;
  connection: StreamCarrier | null;
  encoder: RequestEncoder | null;
  /** Whose server refused it last: it goes to another one. */
  avoids: StreamCarrier | null;
  /** The response is complete; the request is. */
  responseEnded: boolean;
  requestEnded: boolean;
  /** Where it was said to be: again where that changes. */
  readyHost: UpstreamHost | null;
  readyAddress: string;
  /** How often it was sent again. */
  repeats: number;
  /** Hosts that took no connection for it; null: all did. */
  unreached: Host[] | null;
  /** What its host was chosen by, for the case that another one is chosen; null: nothing. */
  choice: HostChoice | null;
  /** Hosts that its request would rather not have; null: every host will do. */
  aversion: HostAversion | null;
  /** Whether it holds a part of its cluster's retry budget. */
  hasDrawn: boolean;
  pauses: number;
  /** The owner was told to stop sending, and not yet to go on. */
  high: boolean;
  status: number;
  /** That no answer came in time is counted. */
  isLate: boolean;
  /** When it got its connection, where somebody asks how long its host takes; -1: nobody does. */
  startedMs: number;
  /** Whether a load report came in its headers: none in its trailers counts then. */
  reported: boolean;
  timer: DurationTimer | null;

  constructor(pool: StreamPool, events: UpstreamStreamEvents) {
    super();
    this.pool = pool;
    this.events = events;
    this.connection = null;
    this.encoder = null;
    this.avoids = null;
    this.responseEnded = false;
    this.requestEnded = false;
    this.readyHost = null;
    this.readyAddress = "";
    this.repeats = 0;
    this.unreached = null;
    this.choice = null;
    this.aversion = null;
    this.hasDrawn = false;
    this.pauses = 0;
    this.high = false;
    this.status = 0;
    this.isLate = false;
    this.startedMs = -1;
    this.reported = false;
    this.timer = null;
  }

  // ---- from the owner -----------------------------------------------------------------------------------------------------------------------

  sendHeaders(headers: RequestHeaders, end: boolean): void {
    if (this.over) return;
    if (end) this.requestEnded = true;
    const { encoder } = this;
    if (encoder === null || this.keeps) {
      this.headers = headers as RequestHeaderMap;
      this.headersEnd = end;
      if (encoder === null) return;
    }
    this.tellReady();
    if (!this.over) encoder.sendHeaders(headers as RequestHeaderMap, end);
  }

  sendData(data: Uint8Array, end: boolean): void {
    if (this.over) return;
    if (end) this.requestEnded = true;
    const { encoder } = this;
    if (encoder !== null) {
      if (this.keeps) this.keep(data, end);
      encoder.sendData(data, end);
      return;
    }
    this.addChunk(data, end);
    if (!this.high && !end) {
      this.high = true;
      this.events.onUpstreamWriteHigh();
    }
  }

  sendTrailers(trailers: Headers): void {
    if (this.over) return;
    this.requestEnded = true;
    const { encoder } = this;
    if (encoder === null || this.keeps) this.trailers = trailers as HeaderMap;
    if (encoder !== null) encoder.sendTrailers(trailers as HeaderMap);
  }

  reset(timedOut = false): void {
    if (this.over) return;
    this.finish();
    if (this.status === 0) {
      if (timedOut) tellFailure(this.pool, this.startedMs);
      else tellGivenUp(this.pool, this.startedMs);
    }
    if (this.encoder !== null) {
      if (timedOut && this.status === 0) this.countTimeout();
      // A complete exchange has given its connection back: it may carry another stream already.
      if (this.responseEnded && this.requestEnded) return;
      this.pool.stats.rqTxReset.inc();
      this.encoder.reset();
    } else this.pool.cancelPending(this);
  }

  late(): void {
    if (this.over || this.encoder === null || this.status !== 0) return;
    this.isLate = true;
    this.pool.host.watch?.timedOut();
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
    this.keeps = connection.canRefuse && this.isRepeatable;
    this.startedMs = this.pool.host.latency === null ? -1 : this.pool.clock.turnNow();
    const { maxStreamMs } = this.pool;
    if (maxStreamMs !== 0 && this.timer === null) {
      this.timer = new DurationTimer(this);
      this.pool.timers.arm(this.timer, maxStreamMs);
    }
    if (this.pauses !== 0) encoder.pauseResponse();
    const { watch } = this.pool.host;
    if (watch !== null) watch.connected();
    if (this.headers === null) return;
    this.tellReady();
    if (!this.over) this.sendKept(encoder);
    if (!this.keeps) this.forget();
    if (this.high && !this.over && !encoder.aboveWatermark) {
      this.high = false;
      this.events.onUpstreamWriteLow();
    }
  }

  /** It has no connection any more, or never got one, and is to be sent again. False: it cannot be. */
  detach(): boolean {
    if (this.repeats >= MAX_REPEATS || (this.encoder !== null && !this.keeps)) return false;
    this.repeats++;
    if (this.encoder !== null) {
      this.avoids = this.connection;
      this.connection = null;
      this.encoder = null;
      this.keeps = false;
    }
    return true;
  }

  /** Takes its part of the retry budget, where the cluster has one. False: there is nothing left of it. */
  draw(): boolean {
    const { breakers } = this.pool;
    if (this.hasDrawn || !breakers.hasRetryBudget) return true;
    this.hasDrawn = breakers.takeRetry();
    return this.hasDrawn;
  }

  private giveBack(): void {
    this.hasDrawn = false;
    this.pool.breakers.giveRetryBack();
  }

  /** The host took no connection for it. False: it has waited for too many already. */
  missed(host: Host): boolean {
    if (this.unreached === null) this.unreached = [host];
    else this.unreached.push(host);
    return this.unreached.length <= MAX_UNREACHED;
  }

  /** No connection came to be. */
  fail(reason: ResetReason, detail: string): void {
    if (this.over) return;
    this.finish();
    const { host } = this.pool;
    if (reason !== "overflow" && reason !== "local_reset") {
      tellFailure(this.pool, this.startedMs);
      host.watch?.failed();
    }
    this.events.onUpstreamReset(reason, detail, host);
  }

  private countTimeout(): void {
    const { host } = this.pool;
    host.rqTimeout.inc();
    if (!this.isLate) host.watch?.timedOut();
  }

  /** The time of the cluster's streams is over. */
  expire(): void {
    if (this.over || this.responseEnded) return;
    this.finish();
    const { stats, host } = this.pool;
    stats.rqMaxDuration.inc();
    if (this.status === 0) tellFailure(this.pool, this.startedMs);
    if (this.encoder !== null) {
      stats.rqTxReset.inc();
      this.encoder.reset();
    } else this.pool.cancelPending(this);
    this.events.onUpstreamReset("max_duration", "", host);
  }

  private tellReady(): void {
    const { host } = this.pool;
    const { localAddress } = this.connection!;
    if (this.readyHost === host && this.readyAddress === localAddress) return;
    this.readyHost = host;
    this.readyAddress = localAddress;
    this.events.onUpstreamReady(host, localAddress);
  }

  private finish(): void {
    this.over = true;
    if (this.hasDrawn) this.giveBack();
    if (this.timer !== null) this.pool.timers.cancel(this.timer);
    this.forget();
  }

  // ---- from the codec -----------------------------------------------------------------------------------------------------------------------

  onInformational(headers: ResponseHeaderMap): void {
    if (this.over) return;
    // Whoever was told of a server's work cannot be told of another's.
    if (this.keeps) this.forget();
    this.events.onUpstreamInformational(headers);
  }

  onResponseHeaders(headers: ResponseHeaderMap, end: boolean): void {
    if (this.over || this.responseEnded) return;
    this.status = headers.status;
    if (this.hasDrawn) this.giveBack();
    if (this.keeps) this.forget();
    const { host } = this.pool;
    if (headers.status >= 500) host.rqError.inc();
    else host.rqSuccess.inc();
    if (host.watch !== null) host.watch.answered(headers);
    if (this.startedMs >= 0) tellAnswer(this.pool, this.startedMs, headers);
    if (host.load !== null) this.reported = host.load.observe(headers, this.pool.clock.turnNow());
    if (end) this.endResponse();
    this.events.onUpstreamHeaders(headers, end);
  }

  onResponseData(data: Uint8Array, end: boolean): void {
    if (this.over || this.responseEnded) return;
    if (end) this.endResponse();
    this.events.onUpstreamData(data, end);
  }

  onResponseTrailers(trailers: HeaderMap): void {
    if (this.over || this.responseEnded) return;
    const { load } = this.pool.host;
    if (load !== null && !this.reported) load.observe(trailers, this.pool.clock.turnNow());
    this.endResponse();
    this.events.onUpstreamTrailers(trailers);
  }

  private endResponse(): void {
    this.responseEnded = true;
    if (this.timer !== null) this.pool.timers.cancel(this.timer);
  }

  /** Also after the response's end, of a tunnel that still carries bytes the other way. */
  onResponseReset(reason: ResetReason, detail: string, code = -1): void {
    if (this.over || (this.responseEnded && this.requestEnded)) return;
    if (detail === DETAILS.remoteRefused) {
      const { pool, startedMs } = this;
      this.connection!.refused();
      if (pool.sendAgain(this)) {
        // A server that takes its leave (GOAWAY) has not failed; one that refuses this stream alone has.
        if (code === -1) return;
        pool.host.watch?.failed();
        tellFailure(pool, startedMs);
        return;
      }
    } else if (detail === DETAILS.connectNotEnabled && this.pool.sendOverHttp1(this)) return;
    this.finish();
    const { stats, host } = this.pool;
    stats.rqRxReset.inc();
    if (reason === "protocol_error") stats.cxProtocolError.inc();
    if (this.status === 0) {
      host.rqError.inc();
      tellFailure(this.pool, this.startedMs);
    }
    if (host.watch !== null && reason !== "overflow") host.watch.failed();
    this.events.onUpstreamReset(reason, detail, host, code);
  }

  onRequestWriteHigh(): void {
    if (this.over || this.high) return;
    this.high = true;
    this.events.onUpstreamWriteHigh();
  }

  onRequestWriteLow(): void {
    if (this.over || !this.high) return;
    this.high = false;
    this.events.onUpstreamWriteLow();
  }
}
