/**
 * Hot path. Base64 (RFC 4648 section 4) in pieces, as gRPC-Web's text mode uses it: padding ends a group of four and may stand in the middle of a body, since every
 * message is encoded for itself. Other characters than those of the alphabet are refused, and so are bits that encode nothing.
 */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PAD = 0x3d;
const ILLEGAL = 0xff;
const VALUES = new Uint8Array(256).fill(ILLEGAL);
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i;

export class Base64Decoder {
  /** Characters of the open group. */
  #count: number;
  #bits: number;
  /** The open group has a padding character: the next one is another, and its last. */
  #isPadded: boolean;

  constructor() {
    this.#count = 0;
    this.#bits = 0;
    this.#isPadded = false;
  }

  /** No group is open. */
  get isWhole(): boolean {
    return this.#count === 0;
  }

  /** The bytes of all groups that end in `data`; null where it is not base64. */
  decode(data: Uint8Array): Uint8Array | null {
    const out = new Uint8Array(((this.#count + data.length) >> 2) * 3);
    let length = 0;
    let count = this.#count;
    let bits = this.#bits;
    for (let i = 0; i < data.length; i++) {
      const char = data[i]!;
      if (char === PAD) {
        if (count === 2 && (bits & 15) === 0) {
          this.#isPadded = true;
          count = 3;
          continue;
        }
        if (count !== 3 || (!this.#isPadded && (bits & 3) !== 0)) return null;
        if (this.#isPadded) out[length++] = bits >> 4;
        else {
          out[length++] = bits >> 10;
          out[length++] = bits >> 2;
        }
        this.#isPadded = false;
        count = 0;
        bits = 0;
        continue;
      }
      const value = VALUES[char]!;
      if (value === ILLEGAL || this.#isPadded) return null;
      bits = (bits << 6) | value;
      if (++count < 4) continue;
      out[length++] = bits >> 16;
      out[length++] = bits >> 8;
      out[length++] = bits;
      count = 0;
      bits = 0;
    }
    this.#count = count;
    this.#bits = bits;
    return out.subarray(0, length);
  }
}

/** Bytes of one run in, characters out; a run ends with `flush`, which pads. */
export class Base64Encoder {
  readonly #carry: Buffer;
  #carried: number;

  constructor() {
    this.#carry = Buffer.alloc(3);
    this.#carried = 0;
  }

  /** `data` from `start` to `end`; up to two bytes stay behind. */
  encode(data: Uint8Array, start: number, end: number): string {
    const carry = this.#carry;
    let at = start;
    let text = "";
    if (this.#carried > 0) {
      while (this.#carried < 3 && at < end) carry[this.#carried++] = data[at++]!;
      if (this.#carried < 3) return "";
      text = carry.toString("base64");
      this.#carried = 0;
    }
    const whole = end - ((end - at) % 3);
    if (whole > at) text += Buffer.from(data.buffer, data.byteOffset + at, whole - at).toString("base64");
    for (let i = whole; i < end; i++) carry[this.#carried++] = data[i]!;
    return text;
  }

  flush(): string {
    const text = this.#carry.toString("base64", 0, this.#carried);
    this.#carried = 0;
    return text;
  }
}
