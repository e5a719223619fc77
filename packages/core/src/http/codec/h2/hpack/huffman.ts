/**
 * Hot path: docs/extending/hot-path-rules.md. Huffman strings of RFC 7541 section 5.2, both ways. Decoding takes a byte at a step: a table from (node of the code
 * tree, byte) to (next node, the symbols that end within, at most two). Its 256 rows are filled when they are first needed: text in practice visits a few dozen.
 */
import { isIllegalInValue } from "./characters.ts";
import { CODES, CODE_LENGTHS, EOS } from "./huffman-codes.ts";

/*
 * An entry of the table:
 *   bit 28  a symbol that no field value may hold is among them
 *   bit 26  filled, and legal
 *   24..25  how many symbols
 *   16..23  the second symbol
 *    8..15  the first symbol
 *    0..7   the next node
 * 0 is an entry that is not filled yet; UNDECODABLE one that meets EOS.
 */
const ILLEGAL = 1 << 28;
const FILLED = 1 << 26;
const UNDECODABLE = 1;

const FIRST_ROOM = 4096;
const MOST_KEPT = 16_384;

const LEAF = -2;
const NONE = -1;

/** Children of each inner node: a node's number, or LEAF minus the symbol. 257 leaves make 256 inner nodes; 0 is the root. */
const children = new Int16Array(512).fill(NONE);
/** Nodes where a string may end: at most seven bits below the root, all ones (section 5.2). */
const mayEnd = new Uint8Array(256);

let nodes = 1;
for (let symbol = 0; symbol <= EOS; symbol++) {
  let node = 0;
  for (let bit = CODE_LENGTHS[symbol]! - 1; bit >= 0; bit--) {
    const child = node * 2 + ((CODES[symbol]! >>> bit) & 1);
    if (bit === 0) children[child] = LEAF - symbol;
    else if (children[child] === NONE) children[child] = nodes++;
    node = children[child]!;
  }
}
for (let node = 0, depth = 0; depth <= 7; depth++) {
  mayEnd[node] = 1;
  node = children[node * 2 + 1]!;
}

function fill(node: number, byte: number): number {
  let next = node;
  let symbols = 0;
  let count = 0;
  let illegal = 0;
  for (let bit = 7; bit >= 0; bit--) {
    next = children[next * 2 + ((byte >>> bit) & 1)]!;
    if (next > LEAF) continue;
    const symbol = LEAF - next;
    if (symbol === EOS) return UNDECODABLE;
    if (isIllegalInValue(symbol)) illegal = ILLEGAL;
    symbols |= symbol << (8 + 8 * count);
    count++;
    next = 0;
  }
  return next | symbols | (count << 24) | FILLED | illegal;
}

export class HuffmanDecoder {
  /** What was decoded last, from 0 on. */
  bytes: Buffer;
  /** Whether that has a byte which no field value may hold. */
  hasIllegal: boolean;
  readonly #steps: Int32Array;

  constructor() {
    this.bytes = Buffer.allocUnsafeSlow(FIRST_ROOM);
    this.hasIllegal = false;
    this.#steps = new Int32Array(256 * 256);
  }

  /** How many bytes the string stands for; -1 where it is no legal string. */
  decode(source: Uint8Array, start: number, end: number): number {
    // Five bits make a symbol, and the last step stores two bytes always.
    const most = (((end - start) * 8) / 5 + 2) | 0;
    // What one huge string needed is given back after it.
    if (most > this.bytes.length || this.bytes.length > MOST_KEPT)
      this.bytes = Buffer.allocUnsafeSlow(Math.max(most, FIRST_ROOM));
    const { bytes } = this;
    const steps = this.#steps;
    let node = 0;
    let length = 0;
    let seen = 0;
    for (let at = start; at < end; at++) {
      let step = steps[(node << 8) | source[at]!]!;
      if (step < FILLED) {
        step = this.#fill(node, source[at]!);
        if (step === UNDECODABLE) return -1;
      }
      seen |= step;
      bytes[length] = step >>> 8;
      bytes[length + 1] = step >>> 16;
      length += (step >>> 24) & 3;
      node = step & 0xff;
    }
    this.hasIllegal = (seen & ILLEGAL) !== 0;
    return mayEnd[node] === 1 ? length : -1;
  }

  #fill(node: number, byte: number): number {
    const step = fill(node, byte);
    this.#steps[(node << 8) | byte] = step;
    return step;
  }
}

/** Bytes of the text's Huffman form. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += CODE_LENGTHS[text.charCodeAt(i) & 0xff]!;
  return (bits + 7) >>> 3;
}

/** Codes of at most 16 bits, each above five bits of its length; 0 for the longer ones, which text hardly has. One load instead of two: a third of the time. */
const SHORT_CODES = new Int32Array(256);
for (let symbol = 0; symbol < 256; symbol++) {
  if (CODE_LENGTHS[symbol]! <= 16) SHORT_CODES[symbol] = (CODES[symbol]! << 5) | CODE_LENGTHS[symbol]!;
}

/** Writes the text's Huffman form and returns where it ends. There MUST be room for four times the text's length. */
export function writeHuffman(text: string, bytes: Uint8Array, start: number): number {
  let at = start;
  // The last `bits` bits, fewer than 16, are still to be written; what is above them was.
  let pending = 0;
  let bits = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff;
    let code = SHORT_CODES[symbol]!;
    if (code === 0) {
      // In two parts, so that 31 bits hold everything.
      const upper = CODE_LENGTHS[symbol]! - 16;
      pending = (pending << upper) | (CODES[symbol]! >>> 16);
      bits += upper;
      if (bits >= 16) {
        bits -= 16;
        bytes[at++] = pending >>> (bits + 8);
        bytes[at++] = pending >>> bits;
      }
      code = ((CODES[symbol]! & 0xffff) << 5) | 16;
    }
    const length = code & 31;
    pending = (pending << length) | (code >>> 5);
    bits += length;
    if (bits >= 16) {
      bits -= 16;
      bytes[at++] = pending >>> (bits + 8);
      bytes[at++] = pending >>> bits;
    }
  }
  if (bits >= 8) {
    bits -= 8;
    bytes[at++] = pending >>> bits;
  }
  if (bits > 0) bytes[at++] = (pending << (8 - bits)) | (0xff >>> bits);
  return at;
}
