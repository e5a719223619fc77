/**
 * Reads a serialised google.protobuf.Value (struct.proto) from untrusted bytes into what JSON has for it. Nothing else of protobuf is needed here, and the filters
 * depend on no library.
 */

/** Deeper values are refused, as protobuf's own readers do. */
const MAX_DEPTH = 100;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

class Malformed extends Error {}

/** undefined where the bytes are no such message. */
export function parseProtobufValue(bytes: Uint8Array): unknown {
  try {
    return new Reader(bytes, 0, bytes.length).value(0);
  } catch (error) {
    if (error instanceof Malformed || error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
  }

  /** The last of several kinds counts; none at all is null. */
  value(depth: number): unknown {
    if (depth > MAX_DEPTH) throw new Malformed();
    let value: unknown = null;
    while (this.#at < this.#end) {
      const tag = this.#varint();
      switch (tag) {
        case (1 << 3) | VARINT:
          this.#varint();
          value = null;
          break;
        case (2 << 3) | FIXED64:
          value = this.#number();
          break;
        case (3 << 3) | LENGTH:
          value = this.#text();
          break;
        case (4 << 3) | VARINT:
          value = this.#varint() !== 0;
          break;
        case (5 << 3) | LENGTH:
          value = this.#part().#struct(depth + 1);
          break;
        case (6 << 3) | LENGTH:
          value = this.#part().#list(depth + 1);
          break;
        default:
          this.#skip(tag & 7);
      }
    }
    return value;
  }

  #struct(depth: number): Record<string, unknown> {
    const struct = Object.create(null) as Record<string, unknown>;
    while (this.#at < this.#end) {
      const tag = this.#varint();
      if (tag === ((1 << 3) | LENGTH)) this.#part().#entry(struct, depth);
      else this.#skip(tag & 7);
    }
    return struct;
  }

  #entry(struct: Record<string, unknown>, depth: number): void {
    let key = "";
    let value: unknown = null;
    while (this.#at < this.#end) {
      const tag = this.#varint();
      if (tag === ((1 << 3) | LENGTH)) key = this.#text();
      else if (tag === ((2 << 3) | LENGTH)) value = this.#part().value(depth);
      else this.#skip(tag & 7);
    }
    struct[key] = value;
  }

  #list(depth: number): unknown[] {
    const list: unknown[] = [];
    while (this.#at < this.#end) {
      const tag = this.#varint();
      if (tag === ((1 << 3) | LENGTH)) list.push(this.#part().value(depth));
      else this.#skip(tag & 7);
    }
    return list;
  }

  #text(): string {
    const part = this.#part();
    return utf8.decode(part.#bytes.subarray(part.#at, part.#end));
  }

  #number(): number {
    const start = this.#advance(8);
    const number = this.#view.getFloat64(start, true);
    // JSON has none of the others, nor has a Value.
    if (!Number.isFinite(number)) throw new Malformed();
    return number;
  }

  /** What has a length before it. */
  #part(): Reader {
    const length = this.#varint();
    const start = this.#advance(length);
    return new Reader(this.#bytes, start, start + length);
  }

  #advance(length: number): number {
    const start = this.#at;
    if (length > this.#end - start) throw new Malformed();
    this.#at = start + length;
    return start;
  }

  #skip(wireType: number): void {
    if (wireType === VARINT) this.#varint();
    else if (wireType === FIXED64) this.#advance(8);
    else if (wireType === LENGTH) this.#part();
    else if (wireType === FIXED32) this.#advance(4);
    else throw new Malformed();
  }

  /** Tags and lengths are far below 2^53; of larger numbers only that they are not 0 matters. */
  #varint(): number {
    let number = 0;
    for (let i = 0, factor = 1; i < 10; i++, factor *= 128) {
      const byte = this.#bytes[this.#advance(1)]!;
      number += (byte & 0x7f) * factor;
      if (byte < 0x80) return number;
    }
    throw new Malformed();
  }
}
