/** Hot path: docs/extending/hot-path-rules.md. One request towards an upstream over HTTP/2: turns what the engine sends into frames, and what comes in into its calls. */
import { KNOWN } from "../../headers/field.ts";
import type { HeaderMap, RequestHeaderMap } from "../../headers/header-map.ts";
import type { RequestEncoder, ResetReason, ResponseDecoder } from "../codec.ts";
import { parseLength } from "../h1/syntax.ts";
import { DETAILS } from "./details.ts";
import { H2Stream, type StreamOwner } from "./stream.ts";

/** The client codec, as its streams see it. */
export interface ClientStreamOwner extends StreamOwner {
  /** Extended CONNECT is allowed by the peer. */
  readonly isConnectEnabled: boolean;
  /** Gives the stream its id and writes its HEADERS. */
  writeRequest(stream: Http2ClientStream, headers: RequestHeaderMap, end: boolean): void;
  resetByEngine(stream: Http2ClientStream): void;
}

export class Http2ClientStream extends H2Stream implements RequestEncoder {
  declare owner: ClientStreamOwner | null;
  isHead: boolean;
  isConnect: boolean;
  /** Protocol that is asked for; "" where none is. */
  upgrade: string;
  /** The final response has begun. */
  hasResponseHead: boolean;
  /** Informational responses so far. */
  informational: number;
  decoder: ResponseDecoder | null;

  constructor(owner: ClientStreamOwner, decoder: ResponseDecoder) {
    super(owner, 0, 0, 0);
    this.isHead = false;
    this.isConnect = false;
    this.upgrade = "";
    this.hasResponseHead = false;
    this.informational = 0;
    this.decoder = decoder;
  }

  /** A tunnel is asked for, and was not answered with yes. */
  get awaitsSwitch(): boolean {
    return !this.isRaw && (this.isConnect || this.upgrade !== "");
  }

  // From the engine.

  sendHeaders(headers: RequestHeaderMap, end: boolean): void {
    const { owner } = this;
    if (owner === null || this.hasSentHeaders || this.failure !== "") return;
    this.hasSentHeaders = true;
    const { method, upgrade } = headers;
    this.isHead = method === "HEAD";
    this.isConnect = method === "CONNECT";
    this.upgrade = upgrade;
    if (upgrade !== "" && !owner.isConnectEnabled) return this.fail(owner, DETAILS.connectNotEnabled);
    // HTTP/1 may have a host that says nothing; here one must be named (RFC 9113 section 8.3.1).
    if (headers.authority === "") return this.fail(owner, DETAILS.invalidRequest);
    if (!this.awaitsSwitch) {
      const length = headers.findKnown(KNOWN.contentLength);
      if (length !== null) {
        this.promised = parseLength(length.value);
        if (this.promised === -1) return this.fail(owner, DETAILS.invalidRequest);
        if (end && this.promised > 0) return this.fail(owner, DETAILS.bodyLengthMismatch);
      }
    }
    // What asks for a tunnel has no end that its headers could carry: as in HTTP/1, the stream stays open for the tunnel.
    const ends = end && !this.awaitsSwitch;
    owner.writeRequest(this, headers, ends);
    if (ends) {
      this.isEnding = true;
      owner.localEnded(this);
    }
    owner.queueFlush();
  }

  reset(): void {
    const { owner } = this;
    if (owner !== null) owner.resetByEngine(this);
  }

  pauseResponse(): void {
    this.pause();
  }

  resumeResponse(): void {
    this.resume();
  }

  // To the engine.

  override tellData(data: Uint8Array, end: boolean): void {
    this.decoder?.onResponseData(data, end);
  }

  override tellTrailers(trailers: HeaderMap): void {
    this.decoder?.onResponseTrailers(trailers);
  }

  override tellHigh(): void {
    this.decoder?.onRequestWriteHigh();
  }

  override tellLow(): void {
    this.decoder?.onRequestWriteLow();
  }

  override tellReset(reason: ResetReason, detail: string, code = -1): void {
    const { decoder } = this;
    this.decoder = null;
    // A response that is whole is no failure, whatever becomes of the request; of a tunnel each direction counts.
    if (!this.hasToldEnd || (this.isRaw && !this.isEnding)) decoder?.onResponseReset(reason, detail, code);
  }
}
