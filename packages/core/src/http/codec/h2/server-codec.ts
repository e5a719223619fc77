/**
 * Hot path: docs/extending/hot-path-rules.md. HTTP/2 towards clients (RFC 9113): requests in, responses out, many at a time. What is not legal costs its stream or
 * the connection, as the RFC says. The end is polite: GOAWAY without a limit, a PING's way there and back, then GOAWAY with the last stream.
 */
import { type HeaderMap, ResponseHeaderMap } from "../../headers/header-map.ts";
import type { Connection } from "../../../network/connection.ts";
import type { ResetReason, ServerCallbacks, ServerCodec } from "../codec.ts";
import { Closed } from "./closed-streams.ts";
import { Life } from "./connection-base.ts";
import { H2Connection } from "./connection.ts";
import { DETAILS } from "./details.ts";
import { encodeResponse } from "./encode-message.ts";
import { Fault } from "./field-section.ts";
import { EMPTY, ErrorCode, MAX_STREAM_ID } from "./frame.ts";
import { isEqual } from "./keepalive.ts";
import type { Http2Environment, Http2Options } from "./options.ts";
import { RequestSection } from "./request-section.ts";
import { Http2ServerStream, type ServerStreamOwner } from "./server-stream.ts";
import { ConnectionTimer, Timeout } from "./timers.ts";

const Drain = {
  none: 0,
  /** The client was told that the end is near; what is on its way is still taken. */
  announced: 1,
  /** It knows the last stream. */
  final: 2,
} as const;
type Drain = (typeof Drain)[keyof typeof Drain];

const DRAIN_PAYLOAD: Uint8Array = Buffer.from("slucdran", "latin1");
/** For a client that does not answer the PING. */
const DRAIN_MS = 5000;
const TOO_LARGE = new ResponseHeaderMap(431);

export class Http2ServerCodec extends H2Connection<Http2ServerStream> implements ServerCodec, ServerStreamOwner {
  readonly #callbacks: ServerCallbacks;
  readonly #section: RequestSection;
  #drain: Drain;
  #drainTimer: ConnectionTimer | null;
  #requests: number;
  /** The stream whose header block was incomplete when the last bytes were read; 0: none was. */
  #cutBlock: number;

  constructor(
    connection: Connection,
    callbacks: ServerCallbacks,
    options: Http2Options,
    environment: Http2Environment,
  ) {
    super(connection, options, environment, true);
    const scheme = connection.info.tls === null ? "http" : "https";
    this.#callbacks = callbacks;
    this.#section = new RequestSection(options, options.allowConnect, scheme);
    this.#drain = Drain.none;
    this.#drainTimer = null;
    this.#requests = 0;
    this.#cutBlock = 0;
  }

  get readingHead(): boolean {
    return this.reader.blockStreamId !== 0;
  }

  // From the connection.

  /** A header block that comes in pieces is a head that has begun: time-outs run. */
  override onData(data: Uint8Array): void {
    super.onData(data);
    const streamId = this.reader.blockStreamId;
    if (streamId === this.#cutBlock) return;
    this.#cutBlock = streamId;
    if (streamId !== 0) this.#callbacks.onRequestBegin();
  }

  /** As Envoy: a client that closes its side has gone. */
  onEnd(): void {
    if (this.life !== Life.open) return;
    this.writer.flush();
    this.connection.closeAfterFlush(this.options.delayedCloseMs);
    this.transportGone(DETAILS.clientGone);
  }

  onClose(detail: string): void {
    this.transportGone(detail === "" ? DETAILS.clientGone : detail);
  }

  // From the connection manager.

  /** HTTP/2 has no answer without a stream: GOAWAY, and what is open is finished by nobody. */
  sendErrorAndClose(_headers: ResponseHeaderMap, _body: string): void {
    this.onConnectionError(ErrorCode.noError, DETAILS.messagingRule);
  }

  shutdown(): void {
    if (this.#drain !== Drain.none || this.life !== Life.open) return;
    this.#drain = Drain.announced;
    this.environment.stats.goawaySent.inc();
    this.writer.goaway(MAX_STREAM_ID, ErrorCode.noError);
    this.writer.ping(DRAIN_PAYLOAD, false);
    this.#drainTimer = new ConnectionTimer(this, Timeout.drain);
    this.environment.timers.arm(this.#drainTimer, DRAIN_MS);
    this.queueFlush();
  }

  protected override pingAnswered(payload: Uint8Array): void {
    if (this.#drain === Drain.announced && isEqual(payload, DRAIN_PAYLOAD)) this.#finishDrain();
  }

  override onDrainTimeout(): void {
    if (this.#drain === Drain.announced && this.life === Life.open) this.#finishDrain();
  }

  #finishDrain(): void {
    this.#drain = Drain.final;
    this.environment.timers.cancel(this.#drainTimer!);
    this.goaway(ErrorCode.noError);
    if (this.table.size === 0) this.closeQuietly();
  }

  protected override release(): void {
    super.release();
    if (this.#drainTimer !== null) this.environment.timers.cancel(this.#drainTimer);
  }

  protected override connectionBroken(detail: string): void {
    // A transport that is gone breaks no rule.
    if (this.life === Life.closing) this.#callbacks.onProtocolError({ status: 0, detail });
  }

  // Requests.

  /** A client's streams are odd; even ones would be ours, and we open none. */
  protected override isIdle(id: number): boolean {
    return (id & 1) === 0 || id > this.lastPeerId;
  }

  override onHeaderBlock(
    streamId: number,
    data: Uint8Array,
    from: number,
    to: number,
    end: boolean,
    dependsOn: number,
  ): void {
    const stream = this.table.get(streamId);
    if (stream !== null) return this.#trailers(stream, data, from, to, end, dependsOn);
    if ((streamId & 1) === 0) return this.onConnectionError(ErrorCode.protocolError, DETAILS.badStreamId);
    const section = this.#section;
    section.begin();
    if (streamId <= this.lastPeerId) {
      if (this.decode(data, from, to, section)) this.strayFrame(streamId);
      section.take();
      return;
    }
    if (streamId > this.lastPeerId + 2) this.closed.skip(this.lastPeerId + 1, streamId - 1);
    this.lastPeerId = streamId;
    if (this.decode(data, from, to, section)) {
      if (this.#drain !== Drain.final) this.#open(streamId, end, dependsOn);
      // The client knows that it will not be served (RFC 9113 section 6.8).
      else this.closed.add(streamId, Closed.resetByUs);
    }
    section.take();
  }

  #open(streamId: number, end: boolean, dependsOn: number): void {
    const { stats, clock } = this.environment;
    if (dependsOn === streamId) return this.#refuse(streamId, ErrorCode.protocolError, DETAILS.selfDependency);
    if (this.table.size >= this.options.maxConcurrentStreams) {
      stats.streamRefusedErrors.inc();
      return this.#refuse(streamId, ErrorCode.refusedStream, DETAILS.streamClosed);
    }
    const section = this.#section;
    const headers = section.read(end);
    if (headers === null) return this.#refuseMessage(streamId, end);
    const { method, upgrade } = headers;
    const { initialWindowSize } = this.peer;
    const stream = new Http2ServerStream(
      this,
      streamId,
      initialWindowSize,
      this.streamWindow,
      method,
      upgrade,
      clock.turnNow(),
    );
    stream.hasReceivedEnd = end;
    stream.hasToldEnd = end;
    if (!end) stream.expected = section.contentLength;
    this.addStream(stream);
    this.keepalive.streamOpens();
    const decoder = this.#callbacks.onStream(stream);
    stream.decoder = decoder;
    decoder.onRequestHeaders(headers, end);
    const { maxRequestsPerConnection } = this.options;
    if (maxRequestsPerConnection !== 0 && ++this.#requests >= maxRequestsPerConnection) this.shutdown();
  }

  /** No stream was made of it. */
  #refuse(streamId: number, code: number, detail: string): void {
    this.closed.add(streamId, Closed.resetByUs);
    this.onStreamError(streamId, code, detail);
  }

  #refuseMessage(streamId: number, end: boolean): void {
    const { fault, detail } = this.#section;
    const { stats } = this.environment;
    if (fault === Fault.tooLarge) {
      stats.headerOverflow.inc();
      encodeResponse(this.writer, this.encoder, streamId, 431, TOO_LARGE, false, true);
      if (end) this.closed.add(streamId, Closed.ended);
      else this.#refuse(streamId, ErrorCode.noError, detail);
      return;
    }
    stats.rxMessagingError.inc();
    if (this.options.streamErrorOnInvalidHttpMessage) this.#refuse(streamId, ErrorCode.protocolError, detail);
    else this.onConnectionError(ErrorCode.protocolError, detail);
  }

  #trailers(
    stream: Http2ServerStream,
    data: Uint8Array,
    from: number,
    to: number,
    end: boolean,
    dependsOn: number,
  ): void {
    const section = this.#section;
    section.beginTrailers();
    if (!this.decode(data, from, to, section)) return;
    const fields = section.take();
    if (stream.hasReceivedEnd) {
      this.behindEnd(stream);
    } else if (dependsOn === stream.id) {
      this.loseStream(stream, ErrorCode.protocolError, "protocol_error", DETAILS.selfDependency);
    } else if (!end || section.fault === Fault.malformed || stream.isRaw) {
      this.messagingError(stream, DETAILS.invalidTrailers);
    } else if (section.fault === Fault.tooLarge) {
      this.environment.stats.headerOverflow.inc();
      this.loseStream(stream, ErrorCode.enhanceYourCalm, "protocol_error", DETAILS.tooManyHeaders);
    } else if (stream.expected > 0) {
      this.messagingError(stream, DETAILS.bodyLengthMismatch);
    } else {
      this.environment.stats.trailers.inc();
      stream.receiveTrailers(fields);
      this.settleRemote(stream);
    }
  }

  protected override acceptsData(): boolean {
    return true;
  }

  /** The response says when the stream is over. */
  protected override remoteEnded(stream: Http2ServerStream): void {
    if (stream.isFlushed) this.#finishRaw(stream);
  }

  override onGoaway(lastStreamId: number, _code: number): void {
    // What the client will not answer for is our pushes: there are none.
    if (lastStreamId !== 0 && (lastStreamId & 1) === 1 && lastStreamId !== MAX_STREAM_ID) {
      this.onConnectionError(ErrorCode.protocolError, DETAILS.badGoaway);
    }
  }

  // Responses.

  writeResponse(
    stream: Http2ServerStream,
    status: number,
    headers: HeaderMap,
    keepsLength: boolean,
    end: boolean,
  ): void {
    if (status >= 200) this.guard.openedStreams++;
    encodeResponse(this.writer, this.encoder, stream.id, status, headers, keepsLength, end);
  }

  protected override finishLocal(stream: Http2ServerStream): void {
    const decoder = stream.decoder!;
    if (stream.isRaw && !stream.hasToldEnd) {
      stream.isFlushed = true;
      decoder.onResponseFlushed();
      return;
    }
    const isComplete = stream.hasReceivedEnd;
    const wasAsked = stream.awaitsSwitch && !stream.hasToldEnd;
    stream.decoder = null;
    if (isComplete) {
      this.removeStream(stream, Closed.ended);
    } else {
      // The client may stop sending (RFC 9113 section 8.1).
      this.resetStream(stream, ErrorCode.noError);
    }
    if (wasAsked) decoder.onRequestData(EMPTY, true);
    decoder.onResponseFlushed();
    if (!isComplete && !wasAsked) decoder.onRequestReset("local_reset", DETAILS.earlyResponse);
    this.streamGone(stream);
  }

  /** Both ends of a tunnel are there. */
  #finishRaw(stream: Http2ServerStream): void {
    stream.decoder = null;
    this.removeStream(stream, Closed.ended);
    this.streamGone(stream);
  }

  resetByEngine(stream: Http2ServerStream, reason: ResetReason, code: number): void {
    stream.decoder = null;
    this.resetStream(stream, codeOf(reason, stream, code));
    this.streamGone(stream);
  }

  protected override resetByPeer(stream: Http2ServerStream, code: number): void {
    const { prematureResetMinStreamLifetimeMs } = this.options;
    const lifetime = this.environment.clock.turnNow() - stream.startMs;
    const isPremature = !stream.hasSentHeaders && lifetime <= prematureResetMinStreamLifetimeMs;
    this.removeStream(stream, Closed.resetByPeer);
    const detail = code === ErrorCode.refusedStream ? DETAILS.remoteRefused : DETAILS.remoteReset;
    stream.tellReset("remote_reset", detail);
    this.#ended(isPremature);
  }

  protected override streamGone(_stream: Http2ServerStream): void {
    this.#ended(false);
  }

  #ended(isPremature: boolean): void {
    const flood = this.guard.streamEnded(isPremature);
    if (flood !== "") return this.onConnectionError(ErrorCode.enhanceYourCalm, flood);
    this.keepalive.streamEnded();
    if (this.#drain === Drain.final && this.table.size === 0) this.closeQuietly();
  }
}

/** What the client is told when our side gives a stream up. */
function codeOf(reason: ResetReason, stream: Http2ServerStream, code: number): number {
  if (stream.isConnect) return ErrorCode.connectError;
  // What these say holds for the client too: gRPC makes CANCELLED and RESOURCE_EXHAUSTED of them. Others are between the proxy and its upstream, or would lie.
  if (code === ErrorCode.cancel || code === ErrorCode.enhanceYourCalm) return code;
  switch (reason) {
    case "protocol_error":
      return ErrorCode.protocolError;
    case "overflow":
      // REFUSED_STREAM promises that nothing was done with the request.
      return stream.hasSentHeaders ? ErrorCode.internalError : ErrorCode.refusedStream;
    default:
      return ErrorCode.internalError;
  }
}
