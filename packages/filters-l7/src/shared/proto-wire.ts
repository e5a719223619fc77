/** Protobuf's wire format (protobuf.dev/programming-guides/encoding), as far as small messages need it. Filters depend on no library. */

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** Bytes that are no message. */
export class Malformed extends Error {
  override readonly name = "Malformed";
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Fields one after the other: `while (reader.next())`, then exactly one of `number`, `bytes`, `text`, `skip`. @throws Malformed */
export class ProtoReader {
  field = 0;
  readonly #bytes: Uint8Array;
  #at = 0;
  #wireType = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  next(): boolean {
    if (this.#at >= this.#bytes.length) return false;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.#wireType = tag & 7;
    if (this.field === 0) throw new Malformed("a field with the number 0");
    return true;
  }

  /** Not negative; exact up to 2^53. */
  number(): number {
    this.#expect(VARINT);
    return this.#varint();
  }

  /** A part of what is read: valid as long as that is. */
  bytes(): Uint8Array {
    this.#expect(LENGTH);
    const length = this.#varint();
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  text(): string {
    try {
      return utf8.decode(this.bytes());
    } catch (error) {
      if (error instanceof TypeError) throw new Malformed("a text that is not UTF-8");
      throw error;
    }
  }

  skip(): void {
    if (this.#wireType === VARINT) this.#varint();
    else if (this.#wireType === FIXED64) this.#advance(8);
    else if (this.#wireType === LENGTH) this.#advance(this.#varint());
    else if (this.#wireType === FIXED32) this.#advance(4);
    else throw new Malformed(`wire type ${this.#wireType}`);
  }

  #expect(wireType: number): void {
    if (this.#wireType !== wireType) throw new Malformed(`field ${this.field} has wire type ${this.#wireType}`);
  }

  #advance(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw new Malformed("the message ends inside a field");
    this.#at = start + length;
    return start;
  }

  #varint(): number {
    let number = 0;
    for (let i = 0, factor = 1; i < 10; i++, factor *= 128) {
      const byte = this.#bytes[this.#advance(1)]!;
      number += (byte & 0x7f) * factor;
      if (byte < 0x80) return number;
    }
    throw new Malformed("a number of more than ten bytes");
  }
}

/** Fields in the order in which they are written; defaults (0, empty) are left out by whoever wants that. */
export class ProtoWriter {
  readonly #parts: Uint8Array[] = [];

  /** Whole, from 0 to 2^53. */
  number(field: number, value: number): void {
    this.#parts.push(varint(field * 8 + VARINT), varint(value));
  }

  text(field: number, value: string): void {
    this.message(field, Buffer.from(value, "utf8"));
  }

  message(field: number, bytes: Uint8Array): void {
    this.#parts.push(varint(field * 8 + LENGTH), varint(bytes.length), bytes);
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
