/**
 * Hot path: docs/extending/hot-path-rules.md. HTTP/1 towards upstreams: one request at a time, its response, and whether the connection may carry another. What is
 * not legal resets the stream; a connection on which anything odd was seen is not used again.
 */
import { type HeaderField, KNOWN } from "../../headers/field.ts";
import { HeaderMap } from "../../headers/header-map.ts";
import { PROPER_CASE } from "../../headers/spelling.ts";
import type { Connection } from "../../../network/connection.ts";
import type { FlushQueue, Flushable } from "../../../network/flush-queue.ts";
import type {
  ClientCallbacks,
  ClientCodec,
  Http1ClientOptions,
  RequestEncoder,
  ResetReason,
  ResponseDecoder,
} from "../codec.ts";
import { EMPTY } from "./bytes.ts";
import { type ClientStreamOwner, Http1ClientStream } from "./client-stream.ts";
import { DETAILS } from "./details.ts";
import { type MessageOwner, MessageReader, Phase } from "./message-reader.ts";
import { Framing, MessageWriter } from "./message-writer.ts";
import { ResponseHead } from "./response-head.ts";

/** Before one final response. */
const MAX_INFORMATIONAL = 16;

/** How long the upstream's end is waited for behind a tunnel's last byte. */
const LINGER_MS = 1000;

export class Http1ClientCodec implements ClientCodec, MessageOwner, ClientStreamOwner, Flushable {
  flushQueued: boolean;
  readonly writer: MessageWriter;
  readonly enableTrailers: boolean;
  readonly #connection: Connection;
  readonly #callbacks: ClientCallbacks;
  readonly #options: Http1ClientOptions;
  readonly #flushQueue: FlushQueue;
  readonly #reader: MessageReader;
  readonly #head: ResponseHead;
  #stream: Http1ClientStream | null;
  #isClosed: boolean;
  /** Nothing odd was seen, nobody asked to close. */
  #isReusable: boolean;
  #isResponsePaused: boolean;

  constructor(connection: Connection, callbacks: ClientCallbacks, options: Http1ClientOptions, flushQueue: FlushQueue) {
    this.flushQueued = false;
    this.writer = new MessageWriter(connection, options.headerCase?.style === "proper" ? PROPER_CASE : null);
    this.enableTrailers = options.enableTrailers;
    this.#connection = connection;
    this.#callbacks = callbacks;
    this.#options = options;
    this.#flushQueue = flushQueue;
    this.#reader = new MessageReader(this, options, false);
    this.#head = new ResponseHead();
    this.#stream = null;
    this.#isClosed = false;
    this.#isReusable = true;
    this.#isResponsePaused = false;
  }

  get activeStreams(): number {
    return this.#stream === null ? 0 : 1;
  }

  get aboveWatermark(): boolean {
    return this.#connection.aboveWatermark;
  }

  /** @throws Error while a stream is open, or after the connection was found unfit: the pool's mistake. */
  openStream(decoder: ResponseDecoder): RequestEncoder {
    if (this.#stream !== null || this.#isClosed || !this.#isReusable) {
      throw new Error("an HTTP/1 connection carries one stream at a time, and none after it said that it cannot");
    }
    const stream = new Http1ClientStream(this, decoder);
    this.#stream = stream;
    this.#reader.expectHead();
    return stream;
  }

  // From the connection.

  onData(data: Uint8Array): void {
    if (this.#isClosed) return;
    const stream = this.#stream;
    if (stream === null) {
      this.#abandon();
      return;
    }
    // An answer to what was never asked: someone else's, or a lie.
    if (!stream.hasLeft) {
      this.#lose(stream, "protocol_error", DETAILS.unexpectedData);
      return;
    }
    const at = this.#reader.read(data, 0);
    if (this.#isClosed || this.#reader.phase !== Phase.complete) return;
    // The response is whole, and something stands behind it.
    if (at < data.length) this.#notReusable();
    this.#finishIfBoth(stream);
  }

  onEnd(): void {
    if (this.#isClosed) return;
    const stream = this.#stream;
    if (stream === null) {
      this.#abandon();
      return;
    }
    if (stream.isRaw || this.#reader.phase === Phase.untilClose) {
      if (stream.hasResponseEnded) return;
      this.#notReusable();
      stream.hasResponseEnded = true;
      this.#reader.stop();
      stream.decoder?.onResponseData(EMPTY, true);
      this.#finishIfBoth(stream);
    } else if (stream.hasResponseEnded) {
      this.#notReusable();
    } else {
      this.#lose(stream, "connection_termination", DETAILS.upstreamGone);
    }
  }

  onClose(detail: string): void {
    if (this.#isClosed) return;
    const stream = this.#stream;
    if (stream === null) {
      this.#shut();
      this.#notReusable();
      return;
    }
    // As Envoy: a RST of the connection ends the stream as its closing does.
    this.#lose(stream, "connection_termination", detail === "" ? DETAILS.upstreamGone : detail);
  }

  onWriteHigh(): void {
    const stream = this.#stream;
    if (stream === null || stream.isHigh || stream.hasResponseEnded) return;
    stream.isHigh = true;
    stream.decoder?.onRequestWriteHigh();
  }

  onWriteLow(): void {
    const stream = this.#stream;
    if (stream === null || !stream.isHigh) return;
    stream.isHigh = false;
    stream.decoder?.onRequestWriteLow();
  }

  /** HTTP/1 waits for nothing here. */
  onDrained(): void {}

  flush(): void {
    const stream = this.#stream;
    if (stream === null) return;
    if (stream.failure !== "") {
      this.#lose(stream, "local_reset", stream.failure);
      return;
    }
    this.writer.flush();
    stream.hasLeft = true;
    if (!stream.hasRequestEnded) return;
    if (stream.isRaw) this.#connection.end();
    this.#finishIfBoth(stream);
  }

  // From the reader.

  onHeadBegin(): void {}

  onHead(text: string, end: number): boolean {
    const stream = this.#stream!;
    const { section } = this.#reader;
    const head = this.#head;
    const headers = head.read(text, end, section, this.#options);
    if (headers === null) return false;
    const { status } = head;
    if (status < 200 && status !== 101) {
      if (++stream.informational > MAX_INFORMATIONAL) return section.refuse(502, DETAILS.tooManyInformational);
      if (!head.isPersistent(section)) this.#notReusable();
      stream.decoder?.onInformational(headers);
      return true;
    }
    const isSwitch = stream.awaitsSwitch && (stream.isConnect ? status >= 200 && status < 300 : status === 101);
    if (status === 101 && !isSwitch) return section.refuse(502, DETAILS.unexpectedSwitch);
    stream.hasResponseHead = true;
    if (isSwitch) {
      stream.awaitsSwitch = false;
      stream.isRaw = true;
      this.writer.framing = Framing.raw;
      this.#reader.expectRaw();
      if (stream.hasRequestEnded) this.#connection.end();
      headers.deleteKnown(KNOWN.contentLength);
      this.#notReusable();
    } else {
      if (!head.isPersistent(section)) this.#notReusable();
      this.#expectBody(stream, status);
    }
    const isWhole = this.#reader.phase === Phase.complete;
    stream.hasResponseEnded = isWhole;
    stream.decoder?.onResponseHeaders(headers, isWhole);
    return true;
  }

  onBody(data: Uint8Array, end: boolean): void {
    const stream = this.#stream!;
    if (end) stream.hasResponseEnded = true;
    stream.decoder?.onResponseData(data, end);
  }

  onTrailers(fields: HeaderField[]): void {
    const stream = this.#stream!;
    stream.hasResponseEnded = true;
    stream.decoder?.onResponseTrailers(new HeaderMap(fields));
  }

  onBroken(_status: number, detail: string): void {
    const stream = this.#stream;
    if (stream !== null) this.#lose(stream, "protocol_error", detail);
  }

  // From the stream.

  queueFlush(): void {
    this.#flushQueue.add(this);
  }

  pauseResponse(): void {
    if (this.#isResponsePaused) return;
    this.#isResponsePaused = true;
    this.#connection.pause();
  }

  resumeResponse(): void {
    if (!this.#isResponsePaused) return;
    this.#isResponsePaused = false;
    this.#connection.unpause();
  }

  resetByEngine(stream: Http1ClientStream): void {
    // Complete on both sides: the codec is about to say so.
    if (stream.hasRequestEnded && stream.hasResponseEnded) return;
    stream.decoder = null;
    // What a tunnel was given to its end is delivered; an orderly end would make half of it look whole.
    if (stream.isRaw && stream.hasRequestEnded) {
      this.writer.flush();
      this.#connection.closeAfterFlush(LINGER_MS);
      this.#lose(stream, "local_reset", "", null);
    } else this.#lose(stream, "local_reset", "", stream.isRaw && !stream.hasResponseEnded);
  }

  // The ends of things.

  /** RFC 9112 section 6.3. */
  #expectBody(stream: Http1ClientStream, status: number): void {
    const reader = this.#reader;
    const { section } = reader;
    // The switch was refused: the request is all that was sent.
    if (stream.awaitsSwitch) stream.hasRequestEnded = true;
    if (stream.isHead || status === 204 || status === 304 || section.contentLength === 0) {
      reader.expectNoBody();
    } else if (section.isChunked) {
      reader.expectChunks();
    } else if (section.contentLength > 0) {
      reader.expectLength(section.contentLength);
    } else {
      reader.expectUntilClose();
      this.#notReusable();
    }
  }

  #finishIfBoth(stream: Http1ClientStream): void {
    if (this.#stream !== stream || !stream.hasRequestEnded || !stream.hasResponseEnded) return;
    this.#stream = null;
    stream.detach();
    this.resumeResponse();
    const isReusable = this.#isReusable;
    if (isReusable) {
      this.writer.flush();
    } else {
      this.#shut();
      // The last bytes of a tunnel may still be on their way.
      if (stream.isRaw) this.#connection.closeAfterFlush(0);
      else this.#connection.destroy();
    }
    this.#callbacks.onStreamEnd(isReusable);
  }

  /** The exchange cannot go on: whoever still waits is told, the connection is cut (`abort`: with a TCP reset; null: it closes by itself). */
  #lose(stream: Http1ClientStream, reason: ResetReason, detail: string, abort: boolean | null = false): void {
    const isOver = stream.hasResponseEnded && (!stream.isRaw || stream.hasRequestEnded);
    const decoder = isOver ? null : stream.decoder;
    this.#stream = null;
    stream.detach();
    this.#shut();
    this.#isReusable = false;
    if (abort !== null) this.#connection.destroy(abort);
    decoder?.onResponseReset(reason, detail);
    this.#callbacks.onStreamEnd(false);
  }

  /** Bytes or an end where nothing may come. */
  #abandon(): void {
    this.#shut();
    this.#notReusable();
    this.#connection.destroy();
  }

  #shut(): void {
    this.#isClosed = true;
    this.#reader.stop();
    this.resumeResponse();
  }

  #notReusable(): void {
    if (!this.#isReusable) return;
    this.#isReusable = false;
    this.#callbacks.onDraining();
  }
}
