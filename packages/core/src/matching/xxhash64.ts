/**
 * Hot path: docs/extending/hot-path-rules.md. XXH64 of a text's bytes, as Envoy hashes. JavaScript has no fast 64-bit integers: two halves of 32 bits, in local variables, do
 * it without allocating. Texts are read as latin1; what goes beyond is hashed as UTF-8.
 */

/** The primes, by halves. */
const P1_HIGH = 0x9e37_79b1 | 0;
const P1_LOW = 0x85eb_ca87 | 0;
const P2_HIGH = 0xc2b2_ae3d | 0;
const P2_LOW = 0x27d4_eb4f | 0;
const P3_HIGH = 0x1656_67b1 | 0;
const P3_LOW = 0x9e37_79f9 | 0;
const P4_HIGH = 0x85eb_ca77 | 0;
const P4_LOW = 0xc2b2_ae63 | 0;
const P5_HIGH = 0x27d4_eb2f | 0;
const P5_LOW = 0x1656_67c5 | 0;
/** How far the four lanes are turned when they are joined. */
const TURNS = [1, 7, 12, 18] as const;

/** Of texts of 32 bytes and more: high and low halves of the four lanes, by turns. */
const lanes = new Int32Array(8);

export class XxHash64 {
  readonly #seedHigh: number;
  readonly #seedLow: number;
  #high: number;
  #low: number;

  /** @param seed of 64 bits */
  constructor(seed: bigint) {
    this.#seedHigh = Number((seed >> 32n) & 0xffff_ffffn) | 0;
    this.#seedLow = Number(seed & 0xffff_ffffn) | 0;
    this.#high = 0;
    this.#low = 0;
  }

  /** The halves of the last {@link update}, unsigned. */
  get high(): number {
    return this.#high >>> 0;
  }

  get low(): number {
    return this.#low >>> 0;
  }

  update(text: string): this {
    // What is read tells whether it was latin1.
    if (this.#run(text) > 0xff) this.#run(Buffer.from(text).toString("latin1"));
    return this;
  }

  /** The hash modulo a whole number from 1 to 2^32. */
  modulo(divisor: number): number {
    let rest = this.high % divisor;
    rest = (rest * 65_536 + (this.low >>> 16)) % divisor;
    return (rest * 65_536 + (this.low & 0xffff)) % divisor;
  }

  /** All character codes, joined by or. */
  #run(text: string): number {
    if (text.length >= 32) return this.#stripes(text);
    const low = (this.#seedLow + P5_LOW) | 0;
    return this.#tail(text, 0, (this.#seedHigh + P5_HIGH + carry(low, P5_LOW)) | 0, low);
  }

  /** Whole stripes of 32 bytes, then what is left. */
  #stripes(text: string): number {
    const high = this.#seedHigh;
    const low = this.#seedLow;
    const low1 = (low + P2_LOW) | 0;
    const high1 = (high + P2_HIGH + carry(low1, P2_LOW)) | 0;
    lanes[1] = low1 + P1_LOW;
    lanes[0] = high1 + P1_HIGH + carry(lanes[1]!, P1_LOW);
    lanes[3] = low1;
    lanes[2] = high1;
    lanes[5] = low;
    lanes[4] = high;
    lanes[7] = low - P1_LOW;
    lanes[6] = high - P1_HIGH - carry(low, P1_LOW);
    const end = text.length & ~31;
    let seen = 0;
    for (let at = 0; at < end; at += 8) {
      const word = fourBytes(text, at);
      const wordHigh = fourBytes(text, at + 4);
      seen |= codes(text, at);
      round((at >> 2) & 6, wordHigh, word);
    }
    let sumHigh = 0;
    let sumLow = 0;
    for (let i = 0; i < 4; i++) {
      const laneHigh = lanes[2 * i]!;
      const laneLow = lanes[2 * i + 1]!;
      const turns = TURNS[i]!;
      const turned = (laneLow << turns) | (laneHigh >>> (32 - turns));
      sumLow = (sumLow + turned) | 0;
      sumHigh = (sumHigh + ((laneHigh << turns) | (laneLow >>> (32 - turns))) + carry(sumLow, turned)) | 0;
    }
    for (let i = 0; i < 4; i++) {
      const laneHigh = lanes[2 * i]!;
      const laneLow = lanes[2 * i + 1]!;
      lanes[2 * i] = 0;
      lanes[2 * i + 1] = 0;
      round(2 * i, laneHigh, laneLow);
      sumHigh ^= lanes[2 * i]!;
      sumLow ^= lanes[2 * i + 1]!;
      sumHigh = highOf(sumHigh, sumLow, P1_HIGH, P1_LOW);
      sumLow = Math.imul(sumLow, P1_LOW);
      sumLow = (sumLow + P4_LOW) | 0;
      sumHigh = (sumHigh + P4_HIGH + carry(sumLow, P4_LOW)) | 0;
    }
    return seen | this.#tail(text, end, sumHigh, sumLow);
  }

  /** From there to the end, which is less than 32 bytes away. */
  #tail(text: string, from: number, startHigh: number, startLow: number): number {
    const { length } = text;
    let low = (startLow + length) | 0;
    let high = (startHigh + carry(low, length)) | 0;
    let before = 0;
    let seen = 0;
    let at = from;
    for (; at + 8 <= length; at += 8) {
      let word = fourBytes(text, at);
      let wordHigh = fourBytes(text, at + 4);
      seen |= codes(text, at);
      wordHigh = highOf(wordHigh, word, P2_HIGH, P2_LOW);
      word = Math.imul(word, P2_LOW);
      before = wordHigh;
      wordHigh = (wordHigh << 31) | (word >>> 1);
      word = (word << 31) | (before >>> 1);
      high ^= highOf(wordHigh, word, P1_HIGH, P1_LOW);
      low ^= Math.imul(word, P1_LOW);
      before = high;
      high = (high << 27) | (low >>> 5);
      low = (low << 27) | (before >>> 5);
      high = highOf(high, low, P1_HIGH, P1_LOW);
      low = (Math.imul(low, P1_LOW) + P4_LOW) | 0;
      high = (high + P4_HIGH + carry(low, P4_LOW)) | 0;
    }
    if (at + 4 <= length) {
      const word = fourBytes(text, at);
      seen |= fourCodes(text, at);
      high ^= highOf(0, word, P1_HIGH, P1_LOW);
      low ^= Math.imul(word, P1_LOW);
      before = high;
      high = (high << 23) | (low >>> 9);
      low = (low << 23) | (before >>> 9);
      high = highOf(high, low, P2_HIGH, P2_LOW);
      low = (Math.imul(low, P2_LOW) + P3_LOW) | 0;
      high = (high + P3_HIGH + carry(low, P3_LOW)) | 0;
      at += 4;
    }
    for (; at < length; at++) {
      const code = text.charCodeAt(at);
      seen |= code;
      high ^= highOf(0, code, P5_HIGH, P5_LOW);
      low ^= Math.imul(code, P5_LOW);
      before = high;
      high = (high << 11) | (low >>> 21);
      low = (low << 11) | (before >>> 21);
      high = highOf(high, low, P1_HIGH, P1_LOW);
      low = Math.imul(low, P1_LOW);
    }
    low ^= high >>> 1;
    high = highOf(high, low, P2_HIGH, P2_LOW);
    low = Math.imul(low, P2_LOW);
    low ^= (low >>> 29) | (high << 3);
    high ^= high >>> 29;
    high = highOf(high, low, P3_HIGH, P3_LOW);
    low = Math.imul(low, P3_LOW);
    this.#high = high;
    this.#low = low ^ high;
    return seen;
  }
}

/** One lane takes in one word. */
function round(lane: number, wordHigh: number, word: number): void {
  const product = Math.imul(word, P2_LOW);
  const low = (lanes[lane + 1]! + product) | 0;
  const high = (lanes[lane]! + highOf(wordHigh, word, P2_HIGH, P2_LOW) + carry(low, product)) | 0;
  const turnedHigh = (high << 31) | (low >>> 1);
  const turned = (low << 31) | (high >>> 1);
  lanes[lane] = highOf(turnedHigh, turned, P1_HIGH, P1_LOW);
  lanes[lane + 1] = Math.imul(turned, P1_LOW);
}

/** The high half of a product; the low half is `Math.imul` of both low ones. */
function highOf(aHigh: number, aLow: number, bHigh: number, bLow: number): number {
  const a1 = aLow >>> 16;
  const a0 = aLow & 0xffff;
  const b1 = bLow >>> 16;
  const b0 = bLow & 0xffff;
  // Products of halves are below 2^32, and so are these sums.
  const middle = (Math.imul(a1, b0) + (Math.imul(a0, b0) >>> 16)) | 0;
  const middle2 = (Math.imul(a0, b1) + (middle & 0xffff)) | 0;
  const upper = (Math.imul(a1, b1) + (middle >>> 16) + (middle2 >>> 16)) | 0;
  return (Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh) + upper) | 0;
}

/** Of a sum of low halves: it is smaller than its parts then. */
function carry(sum: number, part: number): number {
  return sum >>> 0 < part >>> 0 ? 1 : 0;
}

function fourBytes(text: string, at: number): number {
  return (
    text.charCodeAt(at) |
    (text.charCodeAt(at + 1) << 8) |
    (text.charCodeAt(at + 2) << 16) |
    (text.charCodeAt(at + 3) << 24)
  );
}

function fourCodes(text: string, at: number): number {
  return text.charCodeAt(at) | text.charCodeAt(at + 1) | text.charCodeAt(at + 2) | text.charCodeAt(at + 3);
}

function codes(text: string, at: number): number {
  return fourCodes(text, at) | fourCodes(text, at + 4);
}
