/** Hot path: docs/extending/hot-path-rules.md. A cursor over one header block: integers and string headers (RFC 7541 section 5). */
import { HPACK_ERROR, type HpackError } from "./hpack-error.ts";

const EMPTY = new Uint8Array(0);

export class BlockReader {
  bytes: Uint8Array;
  at: number;
  end: number;
  /** The last string's octets: where they begin, how many, and whether they are Huffman-coded. */
  start: number;
  length: number;
  isHuffman: boolean;

  constructor() {
    this.bytes = EMPTY;
    this.at = 0;
    this.end = 0;
    this.start = 0;
    this.length = 0;
    this.isHuffman = false;
  }

  /** What stands in `bytes` from `from` to `to`. */
  open(bytes: Uint8Array, from: number, to: number): void {
    this.bytes = bytes;
    this.at = from;
    this.end = to;
  }

  /** A read buffer belongs to the connection: it is not kept. */
  close(): void {
    this.bytes = EMPTY;
  }

  /** The rest of an integer whose prefix `mask` was all ones; a negative HpackError where it is not legal. */
  integer(mask: number): number {
    let value = mask;
    for (let shift = 0; shift <= 28; shift += 7) {
      if (this.at === this.end) return -HPACK_ERROR.truncated;
      const byte = this.bytes[this.at++]!;
      const bits = byte & 0x7f;
      if (shift === 28 && bits > 7) break;
      value += bits << shift;
      if (byte < 0x80) return value > 0x7fffffff ? -HPACK_ERROR.integerOverflow : value;
    }
    return -HPACK_ERROR.integerOverflow;
  }

  /** A string literal: its place, and the cursor behind it. */
  string(): HpackError {
    if (this.at === this.end) return HPACK_ERROR.truncated;
    const first = this.bytes[this.at++]!;
    let length = first & 0x7f;
    if (length === 0x7f) {
      length = this.integer(0x7f);
      if (length < 0) return -length as HpackError;
    }
    if (length > this.end - this.at) return HPACK_ERROR.truncated;
    this.start = this.at;
    this.length = length;
    this.isHuffman = first >= 0x80;
    this.at += length;
    return HPACK_ERROR.ok;
  }
}
