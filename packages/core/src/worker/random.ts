/**
 * Hot path. Randomness for load balancing, sampling and jitter; not for secrets. Not Math.random, which makes a number on the heap with every call: Chris Doty-Humphrey's
 * sfc32, seeded by the system.
 */
import type { Random } from "@sluice/sdk";

const WHOLE = 2 ** 32;
/** Beyond it 32 bits would not reach every number as often as the next. */
const MOST_BY_ONE = 2 ** 16;

export class SmallFastRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  /** @param seed three words of 32 bits */
  constructor(seed: Uint32Array) {
    this.#a = seed[0]! | 0;
    this.#b = seed[1]! | 0;
    this.#c = seed[2]! | 0;
    this.#counter = 1;
    // What the seed has in common with others is gone then.
    for (let i = 0; i < 15; i++) this.#draw();
  }

  next(): number {
    const high = this.#draw() >>> 6;
    return (high * 2 ** 27 + (this.#draw() >>> 5)) / 2 ** 53;
  }

  below(bound: number): number {
    if (bound <= MOST_BY_ONE) return (((this.#draw() >>> 0) * bound) / WHOLE) >>> 0;
    return bound === WHOLE ? this.#draw() >>> 0 : (this.next() * bound) >>> 0;
  }

  #draw(): number {
    const a = this.#a;
    const b = this.#b;
    const c = this.#c;
    const made = (((a + b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = b ^ (b >>> 9);
    this.#b = (c + (c << 3)) | 0;
    this.#c = (((c << 21) | (c >>> 11)) + made) | 0;
    return made;
  }
}

export const systemRandom: Random = new SmallFastRandom(crypto.getRandomValues(new Uint32Array(3)));
