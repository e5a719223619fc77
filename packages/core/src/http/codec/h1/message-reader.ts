/**
 * Hot path: docs/extending/hot-path-rules.md. One direction of HTTP/1 input: head, body by its framing, trailers, and again. The owner (a codec of either side)
 * reads the head's text, says how the body is framed, and hears the rest. It stops after every message, so that the owner decides what comes next.
 */
import type { HeaderField } from "../../headers/field.ts";
import { CR, EMPTY, LF, view } from "./bytes.ts";
import { Chunk, ChunkReader } from "./chunk-reader.ts";
import { DETAILS } from "./details.ts";
import { FieldSection } from "./field-section.ts";
import { HeadRead, HeadReader } from "./head-reader.ts";
import { isTokenByte } from "./syntax.ts";

/**
 *     head → (nothing | length | chunked [→ trailers] | untilClose) → complete        stopped: nothing is read any more
 *       └→ raw, after a switch of protocols
 */
export const Phase = {
  head: 0,
  length: 1,
  chunked: 2,
  trailers: 3,
  untilClose: 4,
  raw: 5,
  complete: 6,
  stopped: 7,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

export interface MessageOwner {
  /** The first byte of a head. */
  onHeadBegin(): void;
  /**
   * A head, without its empty line: `text` up to `end`. The owner calls one of the reader's `expect…`, then tells whoever waits.
   * False: it is refused, `section.status` and `section.detail` say why.
   */
  onHead(text: string, end: number): boolean;
  onBody(data: Uint8Array, end: boolean): void;
  onTrailers(fields: HeaderField[]): void;
  /** What came is not legal; the reader has stopped. */
  onBroken(status: number, detail: string): void;
}

export interface ReaderLimits {
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  readonly enableTrailers: boolean;
}

export class MessageReader {
  phase: Phase;
  readonly section: FieldSection;
  readonly #owner: MessageOwner;
  readonly #limits: ReaderLimits;
  readonly #isServer: boolean;
  readonly #head: HeadReader;
  readonly #chunks: ChunkReader;
  #remaining: number;
  /** Bytes of an empty line that came before a request: one is passed over (RFC 9112 section 2.2). */
  #blank: number;
  #hasBegun: boolean;

  constructor(owner: MessageOwner, limits: ReaderLimits, isServer: boolean) {
    this.phase = Phase.head;
    this.section = new FieldSection();
    this.#owner = owner;
    this.#limits = limits;
    this.#isServer = isServer;
    this.#head = new HeadReader();
    this.#chunks = new ChunkReader();
    this.#remaining = 0;
    this.#blank = 0;
    this.#hasBegun = false;
  }

  /** Part of a head was read. */
  get isInHead(): boolean {
    return this.#hasBegun;
  }

  /** Reads from `at` on. Returns where it stopped: at the end of the data, or after a message, or where nothing is read any more. */
  read(data: Uint8Array, from: number): number {
    const { length } = data;
    let at = from;
    while (at < length) {
      switch (this.phase) {
        case Phase.head:
          at = this.#readHead(data, at);
          break;
        case Phase.length:
          at = this.#readLength(data, at);
          break;
        case Phase.chunked:
          at = this.#readChunks(data, at);
          break;
        case Phase.trailers:
          at = this.#readTrailers(data, at);
          break;
        case Phase.untilClose:
        case Phase.raw:
          this.#owner.onBody(view(data, at, length), false);
          return length;
        default:
          return at;
      }
    }
    return at;
  }

  expectHead(): void {
    this.phase = Phase.head;
    this.#blank = 0;
  }

  expectNoBody(): void {
    this.phase = Phase.complete;
  }

  /** `length` above 0. */
  expectLength(length: number): void {
    this.phase = Phase.length;
    this.#remaining = length;
  }

  expectChunks(): void {
    this.phase = Phase.chunked;
    this.#chunks.reset();
  }

  expectUntilClose(): void {
    this.phase = Phase.untilClose;
  }

  expectRaw(): void {
    this.phase = Phase.raw;
  }

  stop(): void {
    this.phase = Phase.stopped;
    this.#head.reset();
    this.#hasBegun = false;
  }

  #readHead(data: Uint8Array, from: number): number {
    let at = from;
    if (!this.#hasBegun) {
      if (this.#isServer) {
        at = this.#passBlank(data, at);
        if (at === data.length || this.phase !== Phase.head) return at;
      }
      if (!isTokenByte(data[at]!)) return this.#broken(at, 400, DETAILS.codecError);
      this.#hasBegun = true;
      this.#owner.onHeadBegin();
    }
    const head = this.#head;
    switch (head.read(data, at, this.#limits.maxHeadBytes)) {
      case HeadRead.partial:
        return data.length;
      case HeadRead.complete:
        break;
      case HeadRead.bareLf:
        return this.#broken(data.length, 400, DETAILS.codecError);
      default:
        return this.#tooLarge(data.length, head.text);
    }
    this.#hasBegun = false;
    const { next, text } = head;
    head.text = "";
    if (!this.#owner.onHead(text, head.end)) {
      const { status, detail } = this.section;
      // What a head in pieces is refused for at once comes first in a whole one as well.
      if (hasBareLf(text, head.end)) return this.#broken(next, 400, DETAILS.codecError);
      return this.#broken(next, status, detail);
    }
    return next;
  }

  #passBlank(data: Uint8Array, from: number): number {
    let at = from;
    while (at < data.length && this.#blank < 2) {
      const expected = this.#blank === 0 ? CR : LF;
      if (data[at] !== expected) {
        return this.#blank === 0 ? at : this.#broken(at, 400, DETAILS.codecError);
      }
      this.#blank++;
      at++;
    }
    return at;
  }

  #readLength(data: Uint8Array, at: number): number {
    const available = data.length - at;
    if (available < this.#remaining) {
      this.#remaining -= available;
      this.#owner.onBody(view(data, at, data.length), false);
      return data.length;
    }
    const stop = at + this.#remaining;
    this.#remaining = 0;
    this.phase = Phase.complete;
    this.#owner.onBody(view(data, at, stop), true);
    return stop;
  }

  #readChunks(data: Uint8Array, at: number): number {
    const chunks = this.#chunks;
    switch (chunks.step(data, at)) {
      case Chunk.more:
        return data.length;
      case Chunk.data:
        this.#owner.onBody(view(data, chunks.start, chunks.stop), false);
        return chunks.at;
      case Chunk.lastData:
        this.phase = Phase.complete;
        this.#owner.onBody(view(data, chunks.start, chunks.stop), true);
        return chunks.at;
      case Chunk.end:
        this.phase = Phase.complete;
        this.#owner.onBody(EMPTY, true);
        return chunks.at;
      case Chunk.trailers:
        this.phase = Phase.trailers;
        return chunks.at;
      default:
        return this.#broken(data.length, 400, DETAILS.codecError);
    }
  }

  #readTrailers(data: Uint8Array, at: number): number {
    const head = this.#head;
    const { maxHeadBytes, maxHeaders, enableTrailers } = this.#limits;
    switch (head.read(data, at, maxHeadBytes)) {
      case HeadRead.partial:
        return data.length;
      case HeadRead.complete:
        break;
      case HeadRead.bareLf:
        return this.#broken(data.length, 400, DETAILS.codecError);
      default:
        return this.#broken(data.length, 431, this.#isServer ? DETAILS.headTooLarge : DETAILS.responseHeadTooLarge);
    }
    const { next, text } = head;
    head.text = "";
    const { section } = this;
    if (!section.parseTrailers(text, head.end, maxHeaders)) {
      if (hasBareLf(text, head.end)) return this.#broken(next, 400, DETAILS.codecError);
      return this.#broken(next, section.status, section.detail);
    }
    this.phase = Phase.complete;
    const fields = section.take();
    if (enableTrailers && fields.length !== 0) this.#owner.onTrailers(fields);
    else this.#owner.onBody(EMPTY, true);
    return next;
  }

  /** Judged by the first bytes alone, as many as the limit: however they came. */
  #tooLarge(at: number, text: string): number {
    if (!this.#isServer) return this.#broken(at, 431, DETAILS.responseHeadTooLarge);
    if (text.indexOf("\r\n") === -1) return this.#broken(at, 414, DETAILS.uriTooLong);
    return this.#broken(at, 431, DETAILS.headTooLarge);
  }

  #broken(at: number, status: number, detail: string): number {
    this.stop();
    this.#owner.onBroken(status, detail);
    return at;
  }
}

function hasBareLf(text: string, end: number): boolean {
  for (let at = text.indexOf("\n"); at !== -1 && at < end; at = text.indexOf("\n", at + 1)) {
    if (at === 0 || text.charCodeAt(at - 1) !== CR) return true;
  }
  return false;
}
