/**
 * Hot path. XXH64 of a text's bytes, as Envoy hashes. JavaScript has no fast 64-bit integers: two halves of 32 bits do it without allocating. Texts are read
 * as latin1; what goes beyond is hashed as UTF-8.
 */

/** A 64-bit word in two halves; made once and written again. */
class Word {
  high: number;
  low: number;

  constructor(high = 0, low = 0) {
    this.high = high | 0;
    this.low = low | 0;
  }

  set(high: number, low: number): void {
    this.high = high;
    this.low = low;
  }

  copy(other: Word): void {
    this.high = other.high;
    this.low = other.low;
  }

  add(other: Word): void {
    const low = (this.low >>> 0) + (other.low >>> 0);
    this.low = low | 0;
    this.high = (this.high + other.high + (low > 0xffff_ffff ? 1 : 0)) | 0;
  }

  xor(other: Word): void {
    this.high ^= other.high;
    this.low ^= other.low;
  }

  multiply(other: Word): void {
    const a = this.low >>> 0;
    const b = other.low >>> 0;
    const aHigh = a >>> 16;
    const aLow = a & 0xffff;
    const bHigh = b >>> 16;
    const bLow = b & 0xffff;
    const lowest = aLow * bLow;
    // Each product is below 2^32, so that the sums are exact.
    const middle = aHigh * bLow + (lowest >>> 16);
    const middle2 = aLow * bHigh + (middle & 0xffff);
    const carry = aHigh * bHigh + Math.floor(middle / 65_536) + Math.floor(middle2 / 65_536);
    this.high = (Math.imul(this.high, other.low) + Math.imul(this.low, other.high) + (carry | 0)) | 0;
    this.low = ((middle2 & 0xffff) << 16) | (lowest & 0xffff);
  }

  rotateLeft(bits: number): void {
    const { high, low } = this;
    if (bits < 32) {
      this.high = (high << bits) | (low >>> (32 - bits));
      this.low = (low << bits) | (high >>> (32 - bits));
    } else {
      const rest = bits - 32;
      this.high = (low << rest) | (high >>> (32 - rest));
      this.low = (high << rest) | (low >>> (32 - rest));
    }
  }

  /** With itself, shifted right. */
  xorShifted(bits: number): void {
    const { high, low } = this;
    if (bits < 32) this.set(high ^ (high >>> bits), low ^ ((low >>> bits) | (high << (32 - bits))));
    else this.low = low ^ (high >>> (bits - 32));
  }
}

const PRIME_1 = new Word(0x9e37_79b1, 0x85eb_ca87);
const PRIME_2 = new Word(0xc2b2_ae3d, 0x27d4_eb4f);
const PRIME_3 = new Word(0x1656_67b1, 0x9e37_79f9);
const PRIME_4 = new Word(0x85eb_ca77, 0xc2b2_ae63);
const PRIME_5 = new Word(0x27d4_eb2f, 0x1656_67c5);
/** `0 - PRIME_1` */
const MINUS_1 = new Word(0x61c8_864e, 0x7a14_3579);

const NOT_LATIN1 = /[^\0-\xff]/;

export class XxHash64 {
  readonly #seed: Word;
  readonly #hash = new Word();
  readonly #lane = new Word();
  readonly #lanes = [new Word(), new Word(), new Word(), new Word()] as const;

  /** @param seed of 64 bits */
  constructor(seed: bigint) {
    this.#seed = new Word(Number((seed >> 32n) & 0xffff_ffffn) | 0, Number(seed & 0xffff_ffffn) | 0);
  }

  /** The halves of the last {@link update}, unsigned. */
  get high(): number {
    return this.#hash.high >>> 0;
  }

  get low(): number {
    return this.#hash.low >>> 0;
  }

  update(text: string): this {
    const bytes = NOT_LATIN1.test(text) ? Buffer.from(text).toString("latin1") : text;
    const { length } = bytes;
    const hash = this.#hash;
    let at = 0;
    if (length >= 32) at = this.#stripes(bytes);
    else {
      hash.copy(this.#seed);
      hash.add(PRIME_5);
    }
    this.#lane.set(0, length);
    hash.add(this.#lane);
    this.#tail(bytes, at);
    hash.xorShifted(33);
    hash.multiply(PRIME_2);
    hash.xorShifted(29);
    hash.multiply(PRIME_3);
    hash.xorShifted(32);
    return this;
  }

  /** The hash modulo a whole number from 1 to 2^32. */
  modulo(divisor: number): number {
    let rest = this.high % divisor;
    rest = (rest * 65_536 + (this.low >>> 16)) % divisor;
    return (rest * 65_536 + (this.low & 0xffff)) % divisor;
  }

  /** Whole stripes of 32 bytes; how many bytes that was. */
  #stripes(bytes: string): number {
    const lanes = this.#lanes;
    for (let i = 0; i < 4; i++) lanes[i]!.copy(this.#seed);
    lanes[0].add(PRIME_1);
    lanes[0].add(PRIME_2);
    lanes[1].add(PRIME_2);
    lanes[3].add(MINUS_1);
    let at = 0;
    for (; at + 32 <= bytes.length; at += 32) {
      for (let i = 0; i < 4; i++) {
        this.#read(bytes, at + 8 * i);
        round(lanes[i]!, this.#lane);
      }
    }
    const hash = this.#hash;
    hash.set(0, 0);
    for (let i = 0; i < 4; i++) {
      this.#lane.copy(lanes[i]!);
      this.#lane.rotateLeft([1, 7, 12, 18][i]!);
      hash.add(this.#lane);
    }
    for (let i = 0; i < 4; i++) {
      this.#lane.set(0, 0);
      round(this.#lane, lanes[i]!);
      hash.xor(this.#lane);
      hash.multiply(PRIME_1);
      hash.add(PRIME_4);
    }
    return at;
  }

  #tail(bytes: string, from: number): void {
    const hash = this.#hash;
    const lane = this.#lane;
    const word = this.#lanes[0];
    let at = from;
    for (; at + 8 <= bytes.length; at += 8) {
      this.#read(bytes, at);
      word.set(0, 0);
      round(word, lane);
      hash.xor(word);
      hash.rotateLeft(27);
      hash.multiply(PRIME_1);
      hash.add(PRIME_4);
    }
    if (at + 4 <= bytes.length) {
      lane.set(0, fourBytes(bytes, at));
      lane.multiply(PRIME_1);
      hash.xor(lane);
      hash.rotateLeft(23);
      hash.multiply(PRIME_2);
      hash.add(PRIME_3);
      at += 4;
    }
    for (; at < bytes.length; at++) {
      lane.set(0, bytes.charCodeAt(at));
      lane.multiply(PRIME_5);
      hash.xor(lane);
      hash.rotateLeft(11);
      hash.multiply(PRIME_1);
    }
  }

  #read(bytes: string, at: number): void {
    this.#lane.set(fourBytes(bytes, at + 4), fourBytes(bytes, at));
  }
}

/** Of the accumulator with one lane of input; the lane is kept. */
function round(accumulator: Word, lane: Word): void {
  product.copy(lane);
  product.multiply(PRIME_2);
  accumulator.add(product);
  accumulator.rotateLeft(31);
  accumulator.multiply(PRIME_1);
}

const product = new Word();

function fourBytes(bytes: string, at: number): number {
  return (
    bytes.charCodeAt(at) |
    (bytes.charCodeAt(at + 1) << 8) |
    (bytes.charCodeAt(at + 2) << 16) |
    (bytes.charCodeAt(at + 3) << 24)
  );
}
