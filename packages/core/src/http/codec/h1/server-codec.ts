/**
 * Hot path: docs/extending/hot-path-rules.md. HTTP/1 towards clients: requests in, responses out, one at a time (RFC 9112). Bytes of a pipelined request wait,
 * with reading paused, until the exchange before it is complete. What is not legal is answered and the connection closed; nothing is guessed.
 */
import type { HeaderField } from "../../headers/field.ts";
import { HeaderMap, type ResponseHeaderMap } from "../../headers/header-map.ts";
import { PROPER_CASE } from "../../headers/spelling.ts";
import type { Connection } from "../../../network/connection.ts";
import type { FlushQueue, Flushable } from "../../../network/flush-queue.ts";
import type { Http1ServerOptions, ResetReason, ServerCallbacks, ServerCodec } from "../codec.ts";
import { EMPTY, latin1 } from "./bytes.ts";
import { DETAILS } from "./details.ts";
import { HeldBytes } from "./held-bytes.ts";
import { type MessageOwner, MessageReader } from "./message-reader.ts";
import { MessageWriter, fieldLines } from "./message-writer.ts";
import { RequestHead } from "./request-head.ts";
import { Http1ServerStream, type ServerStreamOwner } from "./server-stream.ts";
import { statusLine } from "./status-line.ts";

const State = {
  open: 0,
  /** A request was refused: waiting for `sendErrorAndClose`. */
  refused: 1,
  /** The last bytes are on their way; what comes is not read. */
  closing: 2,
  closed: 3,
} as const;
type State = (typeof State)[keyof typeof State];

const DEFAULT_DELAYED_CLOSE_MS = 1000;

export class Http1ServerCodec implements ServerCodec, MessageOwner, ServerStreamOwner, Flushable {
  flushQueued: boolean;
  readonly writer: MessageWriter;
  readonly enableTrailers: boolean;
  readonly #connection: Connection;
  readonly #callbacks: ServerCallbacks;
  readonly #options: Http1ServerOptions;
  readonly #flushQueue: FlushQueue;
  readonly #reader: MessageReader;
  readonly #head: RequestHead;
  readonly #scheme: string;
  readonly #delayedCloseMs: number;
  #state: State;
  #stream: Http1ServerStream | null;
  /** No request after this one. */
  #isLast: boolean;
  #isDraining: boolean;
  readonly #held: HeldBytes;
  #isRequestPaused: boolean;

  constructor(connection: Connection, callbacks: ServerCallbacks, options: Http1ServerOptions, flushQueue: FlushQueue) {
    this.flushQueued = false;
    this.writer = new MessageWriter(connection, options.headerCase?.style === "proper" ? PROPER_CASE : null);
    this.enableTrailers = options.enableTrailers;
    this.#connection = connection;
    this.#callbacks = callbacks;
    this.#options = options;
    this.#flushQueue = flushQueue;
    this.#reader = new MessageReader(this, options, true);
    this.#head = new RequestHead();
    this.#scheme = connection.info.tls === null ? "http" : "https";
    this.#delayedCloseMs = options.delayedCloseMs ?? DEFAULT_DELAYED_CLOSE_MS;
    this.#state = State.open;
    this.#stream = null;
    this.#isLast = false;
    this.#isDraining = false;
    this.#held = new HeldBytes(connection);
    this.#isRequestPaused = false;
  }

  get activeStreams(): number {
    return this.#stream === null ? 0 : 1;
  }

  get readingHead(): boolean {
    return this.#reader.isInHead;
  }

  get aboveWatermark(): boolean {
    return this.#connection.aboveWatermark;
  }

  // From the connection.

  onData(data: Uint8Array): void {
    if (this.#state !== State.open) return;
    const at = this.#held.isEmpty ? this.#reader.read(data, 0) : 0;
    if (at === data.length || this.#state !== State.open || this.#held.add(data, at)) return;
    const stream = this.#stream;
    if (stream === null) this.#close();
    else this.#lose(stream, "overflow", DETAILS.unexpectedData);
  }

  onEnd(): void {
    const stream = this.#stream;
    if (this.#state === State.open && stream !== null && stream.isRaw) {
      this.#endRawRequest(stream);
      return;
    }
    if (this.#state !== State.open) return;
    // As Envoy: a client that closes its side has gone, whether or not its request was complete.
    if (stream === null) this.#close();
    else this.#lose(stream, "connection_termination", DETAILS.clientGone);
  }

  onClose(detail: string): void {
    if (this.#state === State.closed) return;
    const stream = this.#stream;
    this.#shut(State.closed);
    if (stream === null) return;
    this.#stream = null;
    const { decoder } = stream;
    const isDone = stream.hasResponseEnded && stream.hasRequestEnded;
    stream.detach();
    if (decoder === null) return;
    if (isDone) decoder.onResponseFlushed();
    else decoder.onRequestReset("connection_termination", detail === "" ? DETAILS.clientGone : detail);
  }

  onWriteHigh(): void {
    const stream = this.#stream;
    if (stream === null || stream.isHigh || stream.hasResponseEnded) return;
    stream.isHigh = true;
    stream.decoder?.onResponseWriteHigh();
  }

  onWriteLow(): void {
    const stream = this.#stream;
    if (stream === null || !stream.isHigh) return;
    stream.isHigh = false;
    stream.decoder?.onResponseWriteLow();
  }

  /** HTTP/1 waits for nothing here: closing after the last byte is the connection's own work. */
  onDrained(): void {}

  // From the connection manager.

  sendErrorAndClose(headers: ResponseHeaderMap, body: string): void {
    if (this.#state > State.refused || this.#stream !== null) return;
    const bytes = Buffer.from(body, "utf8");
    const lines = fieldLines(headers, false);
    const isHead = this.#head.method === "HEAD";
    this.writer.text(
      `${statusLine(headers.status, false)}${lines}content-length: ${bytes.length}\r\nconnection: close\r\n\r\n${isHead ? "" : latin1(bytes, 0, bytes.length)}`,
    );
    this.writer.flush();
    this.#close();
  }

  shutdown(): void {
    this.#isDraining = true;
  }

  flush(): void {
    if (this.#state === State.closed) return;
    const stream = this.#stream;
    if (stream === null) {
      this.writer.flush();
      return;
    }
    if (stream.failure !== "") {
      this.#lose(stream, "local_reset", stream.failure);
      return;
    }
    this.closeHead(stream);
    this.writer.flush();
    if (stream.isRaw) this.#held.readInto(this.#reader);
    if (stream.hasResponseEnded && this.#stream === stream) this.#finishResponse(stream);
  }

  // From the reader.

  onHeadBegin(): void {
    this.#head.method = "";
    this.#callbacks.onRequestBegin();
  }

  onHead(text: string, end: number): boolean {
    const head = this.#head;
    const reader = this.#reader;
    const { section } = reader;
    const headers = head.read(text, end, section, this.#options, this.#scheme);
    if (headers === null) return false;
    const stream = new Http1ServerStream(this, head.method, headers.upgrade, head.isHttp10, head.isPersistent(section));
    this.#stream = stream;
    if (section.isChunked) {
      reader.expectChunks();
    } else if (section.contentLength > 0) {
      reader.expectLength(section.contentLength);
    } else {
      reader.expectNoBody();
      // A switch that is asked for leaves the request open: it may go on as raw bytes.
      stream.hasRequestEnded = !stream.awaitsSwitch;
    }
    const decoder = this.#callbacks.onStream(stream);
    stream.decoder = decoder;
    decoder.onRequestHeaders(headers, stream.hasRequestEnded);
    if (this.#connection.aboveWatermark) this.onWriteHigh();
    return true;
  }

  onBody(data: Uint8Array, end: boolean): void {
    const stream = this.#stream!;
    if (end) stream.hasRequestEnded = true;
    stream.decoder!.onRequestData(data, end);
  }

  onTrailers(fields: HeaderField[]): void {
    const stream = this.#stream!;
    stream.hasRequestEnded = true;
    stream.decoder!.onRequestTrailers(new HeaderMap(fields));
  }

  onBroken(status: number, detail: string): void {
    const stream = this.#stream;
    if (stream === null) {
      this.#refuse(status, detail);
      return;
    }
    // A response that is whole already goes out; the connection closes behind it.
    if (stream.hasResponseEnded) return;
    if (stream.hasResponseHead) {
      this.#lose(stream, "protocol_error", detail);
      return;
    }
    this.#stream = null;
    const { decoder } = stream;
    stream.detach();
    // First the answer: the stream's record says with what it was refused.
    this.#refuse(status, detail);
    decoder?.onRequestReset("protocol_error", detail);
  }

  // From the stream.

  queueFlush(): void {
    this.#flushQueue.add(this);
  }

  closeHead(stream: Http1ServerStream): void {
    if (this.writer.hasOpenHead) this.writer.headEnd = this.#headEnd(stream);
  }

  switchToRaw(): void {
    this.#reader.expectRaw();
  }

  pauseRequest(): void {
    if (this.#isRequestPaused) return;
    this.#isRequestPaused = true;
    this.#connection.pause();
  }

  resumeRequest(): void {
    if (!this.#isRequestPaused) return;
    this.#isRequestPaused = false;
    this.#connection.unpause();
  }

  closeAfterResponse(): void {
    this.#isLast = true;
  }

  resetByEngine(stream: Http1ServerStream): void {
    this.#destroy(stream);
    stream.detach();
  }

  // The ends of things.

  /** The response is in the socket's hands. */
  #finishResponse(stream: Http1ServerStream): void {
    const decoder = stream.decoder!;
    if (stream.isRaw) {
      if (stream.isFlushed) return;
      stream.isFlushed = true;
      this.#connection.end();
      decoder.onResponseFlushed();
      if (stream.hasRequestEnded) this.#endRaw(stream);
      return;
    }
    const isComplete = stream.hasRequestEnded || stream.awaitsSwitch;
    this.#stream = null;
    stream.detach();
    // Behind a switch that was refused nothing may stand: what came early is of unknown meaning.
    if (!isComplete || this.#isLast || (stream.awaitsSwitch && !this.#held.isEmpty)) this.#close();
    else this.resumeRequest();
    // Such a request was all there is.
    if (stream.awaitsSwitch) decoder.onRequestData(EMPTY, true);
    decoder.onResponseFlushed();
    if (!isComplete) decoder.onRequestReset("local_reset", DETAILS.earlyResponse);
    if (this.#state !== State.open) return;
    this.#reader.expectHead();
    this.#held.readInto(this.#reader);
  }

  #endRawRequest(stream: Http1ServerStream): void {
    if (stream.hasRequestEnded) return;
    stream.hasRequestEnded = true;
    stream.decoder!.onRequestData(EMPTY, true);
    if (stream.isFlushed) this.#endRaw(stream);
  }

  /** Both directions of a raw stream have ended. */
  #endRaw(stream: Http1ServerStream): void {
    if (this.#stream !== stream) return;
    this.#stream = null;
    stream.detach();
    this.#close();
  }

  /** The exchange cannot go on: the decoder is told, the connection is cut. */
  #lose(stream: Http1ServerStream, reason: ResetReason, detail: string): void {
    const { decoder } = stream;
    this.#destroy(stream);
    stream.detach();
    decoder?.onRequestReset(reason, detail);
  }

  /** Cuts the connection: with a TCP reset where an orderly end would make half a response look whole. */
  #destroy(stream: Http1ServerStream): void {
    this.#stream = null;
    this.#shut(State.closed);
    this.#connection.destroy(stream.hasResponseHead && (stream.isHttp10 || stream.isRaw));
  }

  #refuse(status: number, detail: string): void {
    this.#shut(State.refused);
    if (status === 0) this.#close();
    else this.#callbacks.onProtocolError({ status, detail });
  }

  #close(): void {
    this.#shut(State.closing);
    this.#connection.closeAfterFlush(this.#delayedCloseMs);
  }

  /** Nothing is read from here on; what still comes is thrown away, so that closing does not reset the connection under the last response. */
  #shut(state: State): void {
    this.#state = state;
    this.#reader.stop();
    this.resumeRequest();
    this.#held.clear();
  }

  /** What the head says of the connection, decided when it goes out. */
  #headEnd(stream: Http1ServerStream): string {
    if (stream.isRaw) return "\r\n";
    const isCut = stream.hasResponseEnded && !stream.hasRequestEnded && (!stream.awaitsSwitch || !this.#held.isEmpty);
    if (!stream.isPersistent || this.#isDraining || isCut) this.#isLast = true;
    if (this.#isLast) return "connection: close\r\n\r\n";
    return stream.isHttp10 ? "connection: keep-alive\r\n\r\n" : "\r\n";
  }
}
