/**
 * Hot path: docs/extending/hot-path-rules.md. What decoded fields must be, whatever message they belong to (RFC 9113 section 8.2, RFC 9110 section 5): legal
 * bytes, pseudo-headers first and once, nothing that belongs to one connection, not too many, not too long. One object per codec, used again for every message.
 */
import { HeaderField, KNOWN } from "../../headers/field.ts";
import { isForbiddenInTrailers } from "../h1/hop-by-hop.ts";
import { parseLength } from "../h1/syntax.ts";
import { DETAILS } from "./details.ts";
import { FIELD_FAULT, type FieldSink } from "./hpack/field-sink.ts";

export const Fault = {
  none: 0,
  /** RFC 9113 section 8.1.1: a stream error, or the connection's, as configured. */
  malformed: 1,
  /** Legal, but more than we take. */
  tooLarge: 2,
} as const;
export type Fault = (typeof Fault)[keyof typeof Fault];

export interface FieldLimits {
  readonly maxHeaderListBytes: number;
  readonly maxHeaders: number;
}

/** Never pushed to. */
const NO_FIELDS: HeaderField[] = [];
const COLON = 58;
/** RFC 9113 section 6.5.2: what a field counts beside its characters. */
const FIELD_OVERHEAD = 32;

export abstract class FieldSection implements FieldSink {
  /** In their order, without pseudo-headers; a new array for every message: it becomes the header map's. */
  fields: HeaderField[];
  fault: Fault;
  detail: string;
  /** -1: there is none. */
  contentLength: number;
  readonly #limits: FieldLimits;
  #bytes: number;
  #count: number;
  #hasRegular: boolean;
  #isTrailer: boolean;
  /** Index of the first `cookie`; -1: none. */
  #cookieAt: number;
  /** All of them, where there are several. */
  #crumbs: string[] | null;

  constructor(limits: FieldLimits) {
    this.fields = NO_FIELDS;
    this.fault = Fault.none;
    this.detail = "";
    this.contentLength = -1;
    this.#limits = limits;
    this.#bytes = 0;
    this.#count = 0;
    this.#hasRegular = false;
    this.#isTrailer = false;
    this.#cookieAt = -1;
    this.#crumbs = null;
  }

  /** Before a block. */
  protected reset(isTrailer: boolean): void {
    this.fields = [];
    this.fault = Fault.none;
    this.detail = "";
    this.contentLength = -1;
    this.#bytes = 0;
    this.#count = 0;
    this.#hasRegular = false;
    this.#isTrailer = isTrailer;
    this.#cookieAt = -1;
    this.#crumbs = null;
  }

  beginTrailers(): void {
    this.reset(true);
  }

  onField(field: HeaderField, _neverIndexed: boolean, faults: number): boolean {
    const { name, value } = field;
    this.#bytes += name.length + value.length + FIELD_OVERHEAD;
    if (this.#bytes > this.#limits.maxHeaderListBytes || ++this.#count > this.#limits.maxHeaders) {
      return this.refuse(Fault.tooLarge, DETAILS.tooManyHeaders);
    }
    if (faults !== FIELD_FAULT.none) return this.malformed(DETAILS.invalidHeader);
    if (name.charCodeAt(0) === COLON) {
      if (this.#hasRegular || this.#isTrailer) return this.malformed(DETAILS.messagingRule);
      return this.onPseudo(name, value);
    }
    this.#hasRegular = true;
    if (field.known === KNOWN.other) {
      if (this.#isTrailer && isForbiddenInTrailers(name)) return true;
      this.fields.push(field);
      return true;
    }
    return this.#isTrailer ? this.#onKnownTrailer(field) : this.#onKnown(field);
  }

  /** A pseudo-header in front of all other fields. */
  protected abstract onPseudo(name: string, value: string): boolean;

  /** `host`, in a request. False: refused. */
  protected abstract onHost(value: string): boolean;

  #onKnown(field: HeaderField): boolean {
    switch (field.known) {
      case KNOWN.host:
        return this.onHost(field.value);
      case KNOWN.contentLength:
        // Equal ones would be allowed (RFC 9110 section 8.6); nobody needs them.
        if (this.contentLength !== -1) return this.malformed(DETAILS.messagingRule);
        this.contentLength = parseLength(field.value);
        if (this.contentLength === -1) return this.malformed(DETAILS.messagingRule);
        this.fields.push(field);
        return true;
      case KNOWN.connection:
      case KNOWN.keepAlive:
      case KNOWN.proxyConnection:
      case KNOWN.transferEncoding:
      case KNOWN.upgrade:
        // RFC 9113 section 8.2.2.
        return this.malformed(DETAILS.messagingRule);
      case KNOWN.te:
        if (field.value !== "trailers" && field.value.toLowerCase() !== "trailers") {
          return this.malformed(DETAILS.messagingRule);
        }
        this.fields.push(field);
        return true;
      case KNOWN.http2Settings:
        return true;
      case KNOWN.cookie:
        return this.#onCookie(field);
      default:
        this.fields.push(field);
        return true;
    }
  }

  /** Fields that frame messages, name the host or govern the connection are refused: some readers obey them. Others that may not stand there are left out. */
  #onKnownTrailer(field: HeaderField): boolean {
    if (field.known <= KNOWN.te) return this.malformed(DETAILS.invalidTrailers);
    if (!isForbiddenInTrailers(field.name)) this.fields.push(field);
    return true;
  }

  /** Crumbs are joined before they meet anything that is not HTTP/2 (RFC 9113 section 8.2.3). */
  #onCookie(field: HeaderField): boolean {
    if (this.#cookieAt === -1) {
      this.#cookieAt = this.fields.length;
      this.fields.push(field);
    } else {
      // It counts as one; the bytes of all of them have their limit.
      this.#count--;
      (this.#crumbs ??= [this.fields[this.#cookieAt]!.value]).push(field.value);
    }
    return true;
  }

  /** After a block without a fault. */
  protected finish(): void {
    const crumbs = this.#crumbs;
    if (crumbs === null) return;
    this.#crumbs = null;
    this.fields[this.#cookieAt] = new HeaderField("cookie", crumbs.join("; "));
  }

  /** The section was passed on, or thrown away: nothing of it is kept. */
  take(): HeaderField[] {
    const { fields } = this;
    this.fields = NO_FIELDS;
    this.#crumbs = null;
    return fields;
  }

  malformed(detail: string): false {
    return this.refuse(Fault.malformed, detail);
  }

  protected refuse(fault: Fault, detail: string): false {
    // The first fault counts: fields behind it are not even offered.
    this.fault = fault;
    this.detail = detail;
    return false;
  }
}
