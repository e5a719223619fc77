/**
 * Hot path: docs/extending/hot-path-rules.md. One request towards an upstream: turns what the engine sends into HTTP/1 output. A new one for every request, so
 * that a late call of an old stream is inert instead of hitting the next one.
 */
import { KNOWN } from "../../headers/field.ts";
import type { HeaderMap, RequestHeaderMap } from "../../headers/header-map.ts";
import type { RequestEncoder, ResponseDecoder } from "../codec.ts";
import { DETAILS } from "./details.ts";
import { Framing, type MessageWriter, fieldLines } from "./message-writer.ts";
import { parseLength } from "./syntax.ts";

/** The codec, as its streams see it. */
export interface ClientStreamOwner {
  readonly writer: MessageWriter;
  readonly enableTrailers: boolean;
  readonly aboveWatermark: boolean;
  queueFlush(): void;
  pauseResponse(): void;
  resumeResponse(): void;
  resetByEngine(stream: Http1ClientStream): void;
}

export class Http1ClientStream implements RequestEncoder {
  isHead: boolean;
  isConnect: boolean;
  /** Protocol that is asked for; "" where none is. */
  upgrade: string;
  awaitsSwitch: boolean;
  isRaw: boolean;
  hasRequestHead: boolean;
  hasRequestEnded: boolean;
  /** Something of the request has left. */
  hasLeft: boolean;
  hasResponseHead: boolean;
  hasResponseEnded: boolean;
  /** Informational responses so far. */
  informational: number;
  isHigh: boolean;
  /** Why the request cannot be completed; "" while it can. */
  failure: string;
  decoder: ResponseDecoder | null;
  #owner: ClientStreamOwner | null;

  constructor(owner: ClientStreamOwner, decoder: ResponseDecoder) {
    this.isHead = false;
    this.isConnect = false;
    this.upgrade = "";
    this.awaitsSwitch = false;
    this.isRaw = false;
    this.hasRequestHead = false;
    this.hasRequestEnded = false;
    this.hasLeft = false;
    this.hasResponseHead = false;
    this.hasResponseEnded = false;
    this.informational = 0;
    this.isHigh = false;
    this.failure = "";
    this.decoder = decoder;
    this.#owner = owner;
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

  sendHeaders(headers: RequestHeaderMap, end: boolean): void {
    const owner = this.#owner;
    if (owner === null || this.hasRequestHead || this.failure !== "") return;
    this.hasRequestHead = true;
    owner.writer.spell(headers.spelling);
    const { method, authority, path, upgrade } = headers;
    this.isHead = method === "HEAD";
    this.isConnect = method === "CONNECT";
    this.upgrade = upgrade;
    this.awaitsSwitch = this.isConnect || upgrade !== "";
    let head = `${method} ${this.isConnect ? authority : path === "" ? "/" : path} HTTP/1.1\r\nhost: ${authority}\r\n`;
    if (this.awaitsSwitch) {
      // No body goes before a switch, so no field may promise one.
      head += fieldLines(headers, false);
      if (upgrade !== "") head += `connection: upgrade\r\nupgrade: ${upgrade}\r\n`;
      owner.writer.start(head, Framing.none, 0);
      owner.queueFlush();
      return;
    }
    const te = headers.findKnown(KNOWN.te);
    // RFC 9110 section 10.1.4: the sender of TE names it in Connection.
    if (te !== null) head += "connection: te\r\nte: trailers\r\n";
    const length = headers.findKnown(KNOWN.contentLength);
    if (length !== null) {
      const bytes = parseLength(length.value);
      if (bytes === -1) return this.#fail(owner, DETAILS.invalidContentLength);
      owner.writer.start(head + fieldLines(headers, true), Framing.length, bytes);
    } else if (!end) {
      owner.writer.start(`${head}${fieldLines(headers, false)}transfer-encoding: chunked\r\n`, Framing.chunked, 0);
    } else {
      head += fieldLines(headers, false);
      owner.writer.start(expectsContent(method) ? `${head}content-length: 0\r\n` : head, Framing.none, 0);
    }
    if (end) this.#end(owner, null);
    else owner.queueFlush();
  }

  sendData(data: Uint8Array, end: boolean): void {
    const owner = this.#owner;
    if (owner === null || !this.hasRequestHead || this.hasRequestEnded || this.failure !== "") return;
    if (this.awaitsSwitch && data.length > 0) return this.#fail(owner, DETAILS.dataBeforeSwitch);
    if (!owner.writer.data(data)) return this.#fail(owner, DETAILS.bodyLengthMismatch);
    if (end) this.#end(owner, null);
    else owner.queueFlush();
  }

  sendTrailers(trailers: HeaderMap): void {
    const owner = this.#owner;
    if (owner === null || !this.hasRequestHead || this.hasRequestEnded || this.failure !== "") return;
    this.#end(owner, owner.enableTrailers ? trailers : null);
  }

  reset(): void {
    const owner = this.#owner;
    if (owner !== null) owner.resetByEngine(this);
  }

  pauseResponse(): void {
    this.#owner?.pauseResponse();
  }

  resumeResponse(): void {
    this.#owner?.resumeResponse();
  }

  #end(owner: ClientStreamOwner, trailers: HeaderMap | null): void {
    if (!owner.writer.end(trailers)) return this.#fail(owner, DETAILS.bodyLengthMismatch);
    this.hasRequestEnded = true;
    owner.queueFlush();
  }

  /** What was sent contradicts what was promised: the codec cuts the connection, at its next flush so that the engine is not called back from its own call. */
  #fail(owner: ClientStreamOwner, detail: string): void {
    this.failure = detail;
    owner.queueFlush();
  }
}

/** RFC 9110 section 8.6: a request without content says so where its method means to have some. */
function expectsContent(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}
