/**
 * What remains in a stripe of entries that were forgotten before their time: when they would have ended. An end is written to a few places that keys share by their
 * hash, and the earliest of a key's places is its own end, or later: a key may seem to have more behind it than it has, never less. The hash is seeded, so that
 * nobody outside can tell which keys share a place.
 */

const FACTORS = [0x9e3779b1, 0x85ebca6b, 0xc2b2ae35] as const;

export class Remnants {
  readonly #ends: Float64Array;
  readonly #offset: number;
  readonly #mask: number;

  /** @param offset of the first, in words from the begin of a stripe. @param count a power of 2 */
  constructor(ends: Float64Array, offset: number, count: number) {
    this.#ends = ends;
    this.#offset = offset;
    this.#mask = count - 1;
  }

  /** `stripe`: its first word. */
  leave(stripe: number, hash: number, end: number): void {
    for (let i = 0; i < FACTORS.length; i++) {
      const place = this.#place(stripe, hash, i);
      if (this.#ends[place]! < end) this.#ends[place] = end;
    }
  }

  /** 0: nothing remains. */
  of(stripe: number, hash: number): number {
    let end = Infinity;
    for (let i = 0; i < FACTORS.length; i++) end = Math.min(end, this.#ends[this.#place(stripe, hash, i)]!);
    return end;
  }

  #place(stripe: number, hash: number, i: number): number {
    let mixed = Math.imul(hash ^ (hash >>> 15), FACTORS[i]!);
    mixed ^= mixed >>> 13;
    mixed = Math.imul(mixed, FACTORS[(i + 1) % FACTORS.length]!);
    return ((stripe + this.#offset) >> 1) + ((mixed ^ (mixed >>> 16)) & this.#mask);
  }
}
