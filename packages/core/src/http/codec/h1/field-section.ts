/**
 * Hot path: docs/extending/hot-path-rules.md. Reads the field lines of a head or of trailers: what is end-to-end goes into a list, what frames the message or
 * belongs to this hop alone is taken out and noted. One object per codec, used again for every message.
 */
import { HeaderField, KNOWN } from "../../headers/field.ts";
import { DETAILS } from "./details.ts";
import { lineCache } from "./line-cache.ts";
import { parseLength } from "./syntax.ts";
import { isForbiddenInTrailers, isNominationIgnored, isNominationRefused } from "./hop-by-hop.ts";

/** Never pushed to: every section begins with a list of its own. */
const NO_FIELDS: HeaderField[] = [];

/** As Envoy: more options than these are refused. */
const MAX_OPTIONS = 10;

export class FieldSection {
  /** End-to-end fields in their order; a new array for every message: it becomes the header map's. */
  fields: HeaderField[];
  host: string;
  hosts: number;
  /** -1: there is none. */
  contentLength: number;
  /** `content-length` in the list, or null. */
  lengthField: HeaderField | null;
  hasTransferEncoding: boolean;
  /** The one transfer coding is `chunked`. */
  isChunked: boolean;
  hasClose: boolean;
  hasKeepAlive: boolean;
  hasUpgradeOption: boolean;
  /** Value of `upgrade`; "" where there is none. */
  upgrade: string;
  upgradeField: HeaderField | null;
  /** What is wrong, after a parse that returned false. */
  status: number;
  detail: string;
  /** Connection options that may name fields; null in nearly every message. */
  #nominated: string[] | null;
  #options: number;
  #hasTrailers: boolean;

  constructor() {
    this.fields = NO_FIELDS;
    this.host = "";
    this.hosts = 0;
    this.contentLength = -1;
    this.lengthField = null;
    this.hasTransferEncoding = false;
    this.isChunked = false;
    this.hasClose = false;
    this.hasKeepAlive = false;
    this.hasUpgradeOption = false;
    this.upgrade = "";
    this.upgradeField = null;
    this.status = 0;
    this.detail = "";
    this.#nominated = null;
    this.#options = 0;
    this.#hasTrailers = false;
  }

  /** Forgets the last message. */
  #reset(): void {
    this.fields = [];
    this.host = "";
    this.hosts = 0;
    this.contentLength = -1;
    this.lengthField = null;
    this.hasTransferEncoding = false;
    this.isChunked = false;
    this.hasClose = false;
    this.hasKeepAlive = false;
    this.hasUpgradeOption = false;
    this.upgrade = "";
    this.upgradeField = null;
    this.#nominated = null;
    this.#options = 0;
    this.#hasTrailers = false;
  }

  /** The lines of a head from `start` on; each ends with CRLF, the last one at `end`. `keepTrailer`: whether trailers (and their announcement) go on. */
  parse(text: string, start: number, end: number, maxFields: number, keepTrailer: boolean): boolean {
    this.#reset();
    const { fields } = this;
    let count = 0;
    let at = start;
    while (at < end) {
      const stop = text.indexOf("\r\n", at);
      const field = lineCache.field(text, at, stop);
      if (field === null) return this.#refuseLine(text, at, stop);
      if (++count > maxFields) return this.refuse(431, DETAILS.tooManyHeaders);
      if (field.known === 0) fields.push(field);
      else if (!this.#take(field, keepTrailer)) return false;
      at = stop + 2;
    }
    return this.#nominated === null || this.#dropNominated();
  }

  /**
   * The lines of a trailer section. Fields that must not stand there are left out (RFC 9110 section 6.5.1); those that frame messages, name the host or
   * govern the connection are refused: some readers obey them.
   */
  parseTrailers(text: string, end: number, maxFields: number): boolean {
    this.fields = [];
    let count = 0;
    let at = 0;
    while (at < end) {
      const stop = text.indexOf("\r\n", at);
      const field = lineCache.field(text, at, stop);
      if (field === null) return this.#refuseLine(text, at, stop);
      if (++count > maxFields) return this.refuse(431, DETAILS.tooManyHeaders);
      if (field.known !== KNOWN.other && field.known <= KNOWN.te) return this.refuse(400, DETAILS.codecError);
      if (!isForbiddenInTrailers(field.name)) this.fields.push(field);
      at = stop + 2;
    }
    return true;
  }

  /** Gives the fields away, and keeps nothing that would keep the text of an idle connection's last head alive. */
  take(): HeaderField[] {
    const { fields } = this;
    this.fields = NO_FIELDS;
    this.lengthField = null;
    this.upgradeField = null;
    this.host = "";
    this.upgrade = "";
    this.#nominated = null;
    return fields;
  }

  /**
   * The message is chunked, and may say a length besides: nobody is to see it. What stands behind such a message is another one to whoever obeyed the length, so the
   * connection ends with it (RFC 9112 section 6.1).
   */
  dropLength(): void {
    if (this.lengthField === null) return;
    this.fields.splice(this.fields.indexOf(this.lengthField), 1);
    this.lengthField = null;
    this.contentLength = -1;
    this.hasClose = true;
  }

  refuse(status: number, detail: string): false {
    this.status = status;
    this.detail = detail;
    return false;
  }

  #refuseLine(text: string, at: number, stop: number): false {
    const colon = text.indexOf(":", at);
    const hasName = colon > at && colon < stop && !/[\s]/.test(text.slice(at, colon));
    return this.refuse(400, hasName ? DETAILS.invalidCharacters : DETAILS.codecError);
  }

  /** A field that the codec knows: noted, kept or both. */
  #take(field: HeaderField, keepTrailer: boolean): boolean {
    switch (field.known) {
      case KNOWN.host:
        this.hosts++;
        this.host = field.value;
        return true;
      case KNOWN.contentLength:
        // RFC 9112 section 6.3 allows equal ones; refused all the same: nobody needs them.
        if (this.contentLength !== -1) return this.refuse(400, DETAILS.invalidContentLength);
        this.contentLength = parseLength(field.value);
        if (this.contentLength === -1) return this.refuse(400, DETAILS.invalidContentLength);
        this.lengthField = field;
        this.fields.push(field);
        return true;
      case KNOWN.transferEncoding:
        this.isChunked = !this.hasTransferEncoding && isChunked(field.value);
        this.hasTransferEncoding = true;
        return true;
      case KNOWN.connection:
        return this.#takeConnection(field.value);
      case KNOWN.upgrade:
        this.upgrade = this.upgrade === "" ? field.value : `${this.upgrade}, ${field.value}`;
        this.upgradeField = field;
        return true;
      case KNOWN.te:
        return this.#takeTe(field);
      case KNOWN.trailer:
        if (keepTrailer) this.fields.push(field);
        return true;
      case KNOWN.proxyConnection:
        // No standard, but as Envoy and llhttp read it.
        if (field.value.toLowerCase() === "close") this.hasClose = true;
        return true;
      case KNOWN.keepAlive:
      case KNOWN.http2Settings:
        return true;
      default:
        this.fields.push(field);
        return true;
    }
  }

  #takeConnection(value: string): boolean {
    if (value === "keep-alive") {
      this.hasKeepAlive = true;
      return true;
    }
    if (value === "close") {
      this.hasClose = true;
      return true;
    }
    for (const part of value.split(",")) {
      const option = part.trim().toLowerCase();
      if (option === "") continue;
      if (++this.#options > MAX_OPTIONS) return this.refuse(400, DETAILS.connectionRejected);
      if (option === "close") this.hasClose = true;
      else if (option === "keep-alive") this.hasKeepAlive = true;
      else if (option === "upgrade") this.hasUpgradeOption = true;
      else if (isNominationRefused(option)) return this.refuse(400, DETAILS.connectionRejected);
      else if (!isNominationIgnored(option)) (this.#nominated ??= []).push(option);
    }
    return true;
  }

  /** Only `trailers` goes on (RFC 9110 section 10.1.4: the rest belongs to this hop). */
  #takeTe(field: HeaderField): boolean {
    if (this.#hasTrailers) return true;
    for (const part of field.value.split(",")) {
      if (part.trim().toLowerCase() !== "trailers") continue;
      this.#hasTrailers = true;
      this.fields.push(field.value === "trailers" ? field : TE_TRAILERS);
      return true;
    }
    return true;
  }

  #dropNominated(): true {
    const names = this.#nominated!;
    const kept: HeaderField[] = [];
    for (const field of this.fields) if (!names.includes(field.name)) kept.push(field);
    this.fields = kept;
    return true;
  }
}

/** Transfer-coding names are case-insensitive; parameters and lists are refused. */
function isChunked(value: string): boolean {
  return value === "chunked" || (value.length === 7 && value.toLowerCase() === "chunked");
}

const TE_TRAILERS = new HeaderField("te", "trailers");
