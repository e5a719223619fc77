/**
 * Hot path: docs/extending/hot-path-rules.md. HTTP/2 towards upstreams (RFC 9113): many requests on one connection. A connection that drains (GOAWAY, no ids
 * left) takes no new stream, finishes those that are open and then closes itself; a stream that the server promises not to have served says so in its reset.
 */
import { HeaderField, KNOWN } from "../../headers/field.ts";
import type { RequestHeaderMap, ResponseHeaderMap } from "../../headers/header-map.ts";
import type { Connection } from "../../../network/connection.ts";
import type { ClientCallbacks, ClientCodec, RequestEncoder, ResetReason, ResponseDecoder } from "../codec.ts";
import { type ClientStreamOwner, Http2ClientStream } from "./client-stream.ts";
import { Closed } from "./closed-streams.ts";
import { Life } from "./connection-base.ts";
import { H2Connection } from "./connection.ts";
import { DETAILS } from "./details.ts";
import { encodeRequest } from "./encode-message.ts";
import { Fault } from "./field-section.ts";
import { EMPTY, ErrorCode, MAX_STREAM_ID } from "./frame.ts";
import type { Http2Environment, Http2Options } from "./options.ts";
import { ResponseSection } from "./response-section.ts";

/** Before one final response. */
const MAX_INFORMATIONAL = 16;

export class Http2ClientCodec extends H2Connection<Http2ClientStream> implements ClientCodec, ClientStreamOwner {
  readonly #callbacks: ClientCallbacks;
  readonly #section: ResponseSection;
  #nextId: number;
  /** Streams whose headers were not sent yet. */
  readonly #unsent: Http2ClientStream[];
  #isDraining: boolean;
  /** Of the server's GOAWAY. */
  #lastGoawayId: number;

  constructor(
    connection: Connection,
    callbacks: ClientCallbacks,
    options: Http2Options,
    environment: Http2Environment,
  ) {
    super(connection, options, environment, false);
    this.#callbacks = callbacks;
    this.#section = new ResponseSection(options);
    this.#nextId = 1;
    this.#unsent = [];
    this.#isDraining = false;
    this.#lastGoawayId = MAX_STREAM_ID;
  }

  override get activeStreams(): number {
    return this.table.size + this.#unsent.length;
  }

  /** How many more streams may be opened now: our limit and the peer's. 0 on a connection that drains. */
  get availableStreams(): number {
    if (this.#isDraining || this.life !== Life.open) return 0;
    const limit = Math.min(this.options.maxConcurrentStreams, this.peer.maxConcurrentStreams);
    return Math.max(0, limit - this.activeStreams);
  }

  get isConnectEnabled(): boolean {
    return this.options.allowConnect && this.peer.isConnectEnabled;
  }

  /** @throws Error beyond `availableStreams`: the pool's mistake. */
  openStream(decoder: ResponseDecoder): RequestEncoder {
    if (this.availableStreams === 0) {
      throw new Error("an HTTP/2 connection that drains, or is full, takes no new stream");
    }
    const stream = new Http2ClientStream(this, decoder);
    this.#unsent.push(stream);
    this.keepalive.streamOpens();
    return stream;
  }

  // From the connection.

  onEnd(): void {
    if (this.life !== Life.open) return;
    this.connection.destroy();
    this.transportGone(DETAILS.upstreamGone);
  }

  onClose(detail: string): void {
    this.transportGone(detail === "" ? DETAILS.upstreamGone : detail);
  }

  protected override connectionBroken(detail: string): void {
    const unsent = this.#unsent.splice(0);
    for (const stream of unsent) this.#giveUp(stream, "connection_termination", detail);
    this.#drain();
  }

  /** Takes no stream any more; closes when the last one that is open is over. */
  shutdown(): void {
    if (this.life !== Life.open) return;
    this.#drain();
    if (this.activeStreams !== 0) return;
    this.goaway(ErrorCode.noError);
    this.closeQuietly();
  }

  /** A stream that the server has not heard of. */
  #giveUp(stream: Http2ClientStream, reason: ResetReason, detail: string): void {
    if (stream.owner === null) return;
    stream.detach();
    stream.tellReset(reason, detail);
    this.streamGone(stream);
  }

  #drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#callbacks.onDraining();
  }

  override onDrainTimeout(): void {}

  protected override pingAnswered(): void {}

  // Requests.

  writeRequest(stream: Http2ClientStream, headers: RequestHeaderMap, end: boolean): void {
    this.#forgetUnsent(stream);
    if (this.life !== Life.open || this.#nextId > this.#lastGoawayId) {
      // Opened before the connection began to drain, used after: the server will not see it.
      stream.failure = DETAILS.remoteRefused;
      this.failLater(stream);
      return;
    }
    stream.id = this.#nextId;
    stream.sendWindow = this.peer.initialWindowSize;
    stream.receiveWindow = this.streamWindow;
    this.#nextId += 2;
    this.addStream(stream);
    this.guard.openedStreams++;
    encodeRequest(this.writer, this.encoder, stream.id, headers, end);
    if (this.#nextId > MAX_STREAM_ID) this.#drain();
  }

  #forgetUnsent(stream: Http2ClientStream): void {
    const unsent = this.#unsent;
    if (unsent.at(-1) === stream) unsent.pop();
    else if (unsent.includes(stream)) unsent.splice(unsent.indexOf(stream), 1);
  }

  protected override loseUnsent(stream: Http2ClientStream): void {
    this.#forgetUnsent(stream);
    this.#giveUp(stream, "local_reset", stream.failure);
  }

  resetByEngine(stream: Http2ClientStream): void {
    // Complete on both sides: the codec is about to say so.
    if (stream.hasSentEnd && stream.hasToldEnd) return;
    stream.decoder = null;
    if (stream.id === 0) {
      this.#forgetUnsent(stream);
      stream.detach();
    } else {
      this.resetStream(stream, stream.hasToldEnd ? ErrorCode.noError : ErrorCode.cancel);
    }
    this.streamGone(stream);
  }

  protected override finishLocal(stream: Http2ClientStream): void {
    stream.isFlushed = true;
    if (stream.hasToldEnd) this.#finish(stream);
  }

  protected override remoteEnded(stream: Http2ClientStream): void {
    if (stream.isFlushed) this.#finish(stream);
  }

  #finish(stream: Http2ClientStream): void {
    stream.decoder = null;
    this.removeStream(stream, Closed.ended);
    this.streamGone(stream);
  }

  protected override streamGone(_stream: Http2ClientStream): void {
    this.keepalive.streamEnded();
    const isReusable = !this.#isDraining && this.life === Life.open;
    if (this.#isDraining) this.closeIdle();
    this.#callbacks.onStreamEnd(isReusable);
  }

  // Responses.

  /** Odd streams are ours; a server opens none where pushing is off. */
  protected override isIdle(id: number): boolean {
    return (id & 1) === 0 || id >= this.#nextId;
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
    const section = this.#section;
    if (stream === null) {
      section.begin();
      if (this.decode(data, from, to, section)) this.strayFrame(streamId);
      section.take();
      return;
    }
    if (stream.hasResponseHead) section.beginTrailers();
    else section.begin();
    if (!this.decode(data, from, to, section)) return;
    if (stream.hasReceivedEnd) {
      this.behindEnd(stream);
    } else if (dependsOn === streamId) {
      this.loseStream(stream, ErrorCode.protocolError, "protocol_error", DETAILS.selfDependency);
    } else if (section.fault === Fault.tooLarge) {
      this.environment.stats.headerOverflow.inc();
      this.loseStream(stream, ErrorCode.enhanceYourCalm, "protocol_error", section.detail);
    } else if (stream.hasResponseHead) {
      this.#trailers(stream, end);
    } else {
      const headers = section.read();
      if (headers === null) this.messagingError(stream, section.detail);
      else this.#response(stream, headers, end);
    }
    section.take();
  }

  #response(stream: Http2ClientStream, headers: ResponseHeaderMap, end: boolean): void {
    const { status } = headers;
    if (status < 200) {
      if (end) return this.messagingError(stream, DETAILS.messagingRule);
      if (++stream.informational > MAX_INFORMATIONAL) return this.messagingError(stream, DETAILS.tooManyInformational);
      stream.decoder?.onInformational(headers);
      return;
    }
    stream.hasResponseHead = true;
    if (!this.#expect(stream, status, headers, end)) return this.messagingError(stream, DETAILS.bodyLengthMismatch);
    if (end) {
      stream.hasReceivedEnd = true;
      stream.hasToldEnd = true;
    }
    stream.decoder?.onResponseHeaders(headers, end);
    this.settleRemote(stream);
  }

  /** What body may come (RFC 9110 section 6.4.1). False: the headers contradict themselves. */
  #expect(stream: Http2ClientStream, status: number, headers: ResponseHeaderMap, end: boolean): boolean {
    const { contentLength } = this.#section;
    if (stream.awaitsSwitch) {
      if (status < 300) {
        stream.isRaw = true;
        headers.deleteKnown(KNOWN.contentLength);
        // What an extended CONNECT was inside: an upgrade, answered as HTTP/1 does.
        if (stream.upgrade !== "") {
          headers.status = 101;
          headers.fields.push(new HeaderField("upgrade", stream.upgrade));
        }
        return true;
      }
      // Refused: the request is all that was sent.
      if (!stream.isEnding) {
        stream.isEnding = true;
        this.sender.send(stream, EMPTY, true);
      }
    }
    if (stream.isHead || status === 304) {
      stream.expected = 0;
      return true;
    }
    if (status === 204) {
      stream.expected = 0;
      return contentLength <= 0;
    }
    if (end) return contentLength <= 0;
    stream.expected = contentLength;
    return true;
  }

  #trailers(stream: Http2ClientStream, end: boolean): void {
    const section = this.#section;
    if (!end || section.fault !== Fault.none || stream.isRaw) {
      return this.messagingError(stream, DETAILS.invalidTrailers);
    }
    if (stream.expected > 0) return this.messagingError(stream, DETAILS.bodyLengthMismatch);
    this.environment.stats.trailers.inc();
    stream.receiveTrailers(section.take());
    this.settleRemote(stream);
  }

  protected override acceptsData(stream: Http2ClientStream): boolean {
    return stream.hasResponseHead;
  }

  protected override resetByPeer(stream: Http2ClientStream, code: number): void {
    const isRefused = code === ErrorCode.refusedStream;
    if (isRefused) this.environment.stats.streamRefusedErrors.inc();
    this.removeStream(stream, Closed.resetByPeer);
    stream.tellReset("remote_reset", isRefused ? DETAILS.remoteRefused : DETAILS.remoteReset, code);
    this.streamGone(stream);
  }

  override onGoaway(lastStreamId: number, _code: number): void {
    if (lastStreamId > this.#lastGoawayId) {
      return this.onConnectionError(ErrorCode.protocolError, DETAILS.badGoaway);
    }
    this.#lastGoawayId = lastStreamId;
    this.#drain();
    for (const stream of this.table.all()) {
      if (stream.id <= lastStreamId || stream.owner === null) continue;
      this.removeStream(stream, Closed.resetByPeer);
      stream.tellReset("remote_reset", DETAILS.remoteRefused);
      this.streamGone(stream);
    }
    this.closeIdle();
  }
}
