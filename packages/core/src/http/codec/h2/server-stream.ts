/** Hot path: docs/extending/hot-path-rules.md. One request's way back over HTTP/2: turns what the engine sends into frames, and what comes in into the engine's calls. */
import { KNOWN } from "../../headers/field.ts";
import type { HeaderMap, ResponseHeaderMap } from "../../headers/header-map.ts";
import type { RequestDecoder, ResetReason, ResponseEncoder } from "../codec.ts";
import { parseLength } from "../h1/syntax.ts";
import { DETAILS } from "./details.ts";
import { H2Stream, type StreamOwner } from "./stream.ts";

export const HTTP_2 = "HTTP/2";

/** The server codec, as its streams see it. */
export interface ServerStreamOwner extends StreamOwner {
  writeResponse(
    stream: Http2ServerStream,
    status: number,
    headers: HeaderMap,
    keepsLength: boolean,
    end: boolean,
  ): void;
  resetByEngine(stream: Http2ServerStream, reason: ResetReason, code: number): void;
}

export class Http2ServerStream extends H2Stream implements ResponseEncoder {
  declare owner: ServerStreamOwner | null;
  readonly protocol: string;
  readonly isHead: boolean;
  /** Plain CONNECT. */
  readonly isConnect: boolean;
  /** Protocol of an extended CONNECT; "" where there is none. */
  readonly upgrade: string;
  /** When the request came; for the count of premature resets. */
  readonly startMs: number;
  decoder: RequestDecoder | null;

  constructor(
    owner: ServerStreamOwner,
    id: number,
    sendWindow: number,
    receiveWindow: number,
    method: string,
    upgrade: string,
    startMs: number,
  ) {
    super(owner, id, sendWindow, receiveWindow);
    this.protocol = HTTP_2;
    this.isHead = method === "HEAD";
    this.isConnect = method === "CONNECT";
    this.upgrade = upgrade;
    this.startMs = startMs;
    this.decoder = null;
    this.isWithheld = this.isConnect || upgrade !== "";
  }

  /** A tunnel that was asked for, and not answered with yes. */
  get awaitsSwitch(): boolean {
    return !this.isRaw && (this.isConnect || this.upgrade !== "");
  }

  // From the engine.

  sendInformational(headers: ResponseHeaderMap): void {
    const { owner } = this;
    if (owner === null || this.hasSentHeaders || this.failure !== "") return;
    if (headers.status === 101 || headers.status > 199) return;
    owner.writeResponse(this, headers.status, headers, false, false);
    owner.queueFlush();
  }

  sendHeaders(headers: ResponseHeaderMap, end: boolean): void {
    const { owner } = this;
    if (owner === null || this.hasSentHeaders || this.failure !== "") return;
    this.hasSentHeaders = true;
    const { status } = headers;
    if (status < 200 || (this.isConnect && status < 300)) return this.switchTo(owner, headers, end);
    this.dropsBody = this.isHead || status === 204 || status === 304;
    let keepsLength = status !== 204;
    const length = headers.findKnown(KNOWN.contentLength);
    if (length !== null) {
      const bytes = parseLength(length.value);
      if (bytes === -1) return this.fail(owner, DETAILS.invalidResponse);
      if (!this.dropsBody) this.promised = bytes;
    } else keepsLength = false;
    if (end && this.promised > 0) return this.fail(owner, DETAILS.bodyLengthMismatch);
    owner.writeResponse(this, status, headers, keepsLength, end);
    this.wrote(owner, end);
  }

  reset(reason: ResetReason, code = -1): void {
    const { owner } = this;
    // A tunnel may be open the other way.
    if (owner === null || (this.hasSentEnd && !this.isRaw)) return;
    owner.resetByEngine(this, reason, code);
  }

  pauseRequest(): void {
    this.pause();
  }

  resumeRequest(): void {
    this.resume();
  }

  /** One stream's end says nothing about an HTTP/2 connection. */
  closeAfterResponse(): void {}

  /** The tunnel is accepted: 101 as HTTP/1 says it, or 2xx to CONNECT. */
  private switchTo(owner: ServerStreamOwner, headers: ResponseHeaderMap, end: boolean): void {
    const isUpgrade = headers.status === 101;
    if (!this.awaitsSwitch || isUpgrade === this.isConnect || (headers.status < 200 && !isUpgrade)) {
      return this.fail(owner, DETAILS.invalidResponse);
    }
    this.isRaw = true;
    this.isWithheld = false;
    if (this.held !== null) owner.deliverLater(this);
    owner.writeResponse(this, isUpgrade ? 200 : headers.status, headers, false, end);
    this.wrote(owner, end);
  }

  private wrote(owner: ServerStreamOwner, end: boolean): void {
    if (end) {
      this.isEnding = true;
      owner.localEnded(this);
    }
    owner.queueFlush();
  }

  // To the engine.

  override tellData(data: Uint8Array, end: boolean): void {
    this.decoder?.onRequestData(data, end);
  }

  override tellTrailers(trailers: HeaderMap): void {
    this.decoder?.onRequestTrailers(trailers);
  }

  override tellHigh(): void {
    this.decoder?.onResponseWriteHigh();
  }

  override tellLow(): void {
    this.decoder?.onResponseWriteLow();
  }

  override tellReset(reason: ResetReason, detail: string): void {
    const { decoder } = this;
    this.decoder = null;
    decoder?.onRequestReset(reason, detail);
  }
}
