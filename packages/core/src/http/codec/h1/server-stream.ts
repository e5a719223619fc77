/**
 * Hot path: docs/extending/hot-path-rules.md. One request's way back: turns what the engine sends into HTTP/1 output. A new one for every request, so that a late
 * call of an old stream is inert instead of hitting the next one.
 */
import { KNOWN } from "../../headers/field.ts";
import type { HeaderMap, ResponseHeaderMap } from "../../headers/header-map.ts";
import { HTTP_1_0, HTTP_1_1, type RequestDecoder, type ResetReason, type ResponseEncoder } from "../codec.ts";
import { DETAILS } from "./details.ts";
import { Framing, type MessageWriter, fieldLines } from "./message-writer.ts";
import { statusLine } from "./status-line.ts";
import { parseLength } from "./syntax.ts";

/** The codec, as its streams see it. */
export interface ServerStreamOwner {
  readonly writer: MessageWriter;
  readonly enableTrailers: boolean;
  readonly aboveWatermark: boolean;
  /** Something waits to be written, or the stream has ended: `flush` of the codec will come. */
  queueFlush(): void;
  /** Settles what an open head says of the connection, before a body may push it out. */
  closeHead(stream: Http1ServerStream): void;
  /** From here on both directions are raw bytes. */
  switchToRaw(): void;
  pauseRequest(): void;
  resumeRequest(): void;
  closeAfterResponse(): void;
  resetByEngine(stream: Http1ServerStream): void;
}

export class Http1ServerStream implements ResponseEncoder {
  readonly isHttp10: boolean;
  readonly isHead: boolean;
  readonly isConnect: boolean;
  /** Protocol that the client asked for; "" where it asked for none. */
  readonly upgrade: string;
  /** The client wants the connection to go on. */
  readonly isPersistent: boolean;
  /** An upgrade or CONNECT that has not been answered: what comes meanwhile is neither body nor request. */
  awaitsSwitch: boolean;
  isRaw: boolean;
  /** A raw response has ended and left. */
  isFlushed: boolean;
  hasRequestEnded: boolean;
  hasResponseHead: boolean;
  hasResponseEnded: boolean;
  /** Response above its watermark, and the decoder knows. */
  isHigh: boolean;
  /** Why the response cannot be completed; "" while it can. */
  failure: string;
  /** Set by the codec at once after construction. */
  decoder: RequestDecoder | null;
  #owner: ServerStreamOwner | null;

  constructor(owner: ServerStreamOwner, method: string, upgrade: string, isHttp10: boolean, isPersistent: boolean) {
    this.isHttp10 = isHttp10;
    this.isHead = method === "HEAD";
    this.isConnect = method === "CONNECT";
    this.upgrade = upgrade;
    this.isPersistent = isPersistent;
    this.awaitsSwitch = upgrade !== "" || method === "CONNECT";
    this.isRaw = false;
    this.isFlushed = false;
    this.hasRequestEnded = false;
    this.hasResponseHead = false;
    this.hasResponseEnded = false;
    this.isHigh = false;
    this.failure = "";
    this.decoder = null;
    this.#owner = owner;
  }

  get protocol(): string {
    return this.isHttp10 ? HTTP_1_0 : HTTP_1_1;
  }

  get aboveWatermark(): boolean {
    const owner = this.#owner;
    return owner !== null && owner.aboveWatermark;
  }

  /** The stream is over: nothing that is called from now on has an effect. */
  detach(): void {
    this.#owner = null;
    this.decoder = null;
  }

  sendInformational(headers: ResponseHeaderMap): void {
    const owner = this.#owner;
    if (owner === null || this.hasResponseHead || this.failure !== "") return;
    // HTTP/1.0 has no such thing (RFC 9110 section 15.2); 101 is final.
    if (this.isHttp10 || headers.status === 101 || headers.status > 199) return;
    owner.writer.text(`${statusLine(headers.status, false)}${fieldLines(headers, false)}\r\n`);
    owner.queueFlush();
  }

  sendHeaders(headers: ResponseHeaderMap, end: boolean): void {
    const owner = this.#owner;
    if (owner === null || this.hasResponseHead || this.failure !== "") return;
    this.hasResponseHead = true;
    owner.writer.spell(headers.spelling);
    const { status } = headers;
    if (status < 200 || (this.isConnect && status < 300)) return this.#switch(owner, headers);
    const length = headers.findKnown(KNOWN.contentLength);
    const bytes = length === null ? 0 : parseLength(length.value);
    if (bytes === -1) return this.#fail(owner, DETAILS.invalidContentLength);
    if (status === 204 || status === 304 || this.isHead) {
      const lines = fieldLines(headers, status !== 204);
      owner.writer.start(statusLine(status, this.isHttp10) + lines, Framing.dropped, 0);
    } else if (length !== null) {
      owner.writer.start(statusLine(status, this.isHttp10) + fieldLines(headers, true), Framing.length, bytes);
    } else if (end) {
      const lines = fieldLines(headers, false);
      owner.writer.start(`${statusLine(status, this.isHttp10)}${lines}content-length: 0\r\n`, Framing.none, 0);
    } else {
      this.#startUnmeasured(owner, headers);
    }
    const connection = headers.findKnown(KNOWN.connection);
    if (connection !== null && /\bclose\b/i.test(connection.value)) owner.closeAfterResponse();
    if (end) this.#end(owner, null);
    else owner.queueFlush();
  }

  sendData(data: Uint8Array, end: boolean): void {
    const owner = this.#owner;
    if (owner === null || !this.hasResponseHead || this.hasResponseEnded || this.failure !== "") return;
    owner.closeHead(this);
    if (!owner.writer.data(data)) return this.#fail(owner, DETAILS.bodyLengthMismatch);
    if (end) this.#end(owner, null);
    else owner.queueFlush();
  }

  sendTrailers(trailers: HeaderMap): void {
    const owner = this.#owner;
    if (owner === null || !this.hasResponseHead || this.hasResponseEnded || this.failure !== "") return;
    this.#end(owner, owner.enableTrailers ? trailers : null);
  }

  reset(_reason: ResetReason): void {
    const owner = this.#owner;
    // A tunnel may be open the other way.
    if (owner === null || (this.hasResponseEnded && !this.isRaw)) return;
    owner.resetByEngine(this);
  }

  pauseRequest(): void {
    this.#owner?.pauseRequest();
  }

  resumeRequest(): void {
    this.#owner?.resumeRequest();
  }

  closeAfterResponse(): void {
    this.#owner?.closeAfterResponse();
  }

  /** No length: chunked, or for HTTP/1.0 up to the end of the connection. */
  #startUnmeasured(owner: ServerStreamOwner, headers: ResponseHeaderMap): void {
    const lines = fieldLines(headers, false);
    if (!this.isHttp10) {
      owner.writer.start(
        `${statusLine(headers.status, false)}${lines}transfer-encoding: chunked\r\n`,
        Framing.chunked,
        0,
      );
      return;
    }
    owner.closeAfterResponse();
    owner.writer.start(statusLine(headers.status, true) + lines, Framing.untilClose, 0);
  }

  /** 101, or 2xx to CONNECT: no framing field (RFC 9110 section 9.3.6), then raw bytes. */
  #switch(owner: ServerStreamOwner, headers: ResponseHeaderMap): void {
    const isUpgrade = headers.status === 101;
    if (!this.awaitsSwitch || isUpgrade === this.isConnect || (headers.status < 200 && !isUpgrade)) {
      return this.#fail(owner, DETAILS.unexpectedSwitch);
    }
    let head = statusLine(headers.status, false) + fieldLines(headers, false);
    if (isUpgrade) {
      const chosen = headers.findKnown(KNOWN.upgrade);
      head += `connection: upgrade\r\nupgrade: ${chosen === null ? this.upgrade : chosen.value}\r\n`;
    }
    this.awaitsSwitch = false;
    this.isRaw = true;
    owner.writer.start(head, Framing.raw, 0);
    owner.switchToRaw();
    owner.queueFlush();
  }

  #end(owner: ServerStreamOwner, trailers: HeaderMap | null): void {
    if (!owner.writer.end(trailers)) return this.#fail(owner, DETAILS.bodyLengthMismatch);
    this.hasResponseEnded = true;
    owner.queueFlush();
  }

  /** What was sent contradicts what was promised: the codec cuts the connection, at its next flush so that the engine is not called back from its own call. */
  #fail(owner: ServerStreamOwner, detail: string): void {
    this.failure = detail;
    owner.queueFlush();
  }
}
