/**
 * Hot path. MT19937 (Matsumoto and Nishimura 1998), the generator that C++ calls std::mt19937: numbers that everybody gets from the same seed. Made once and seeded again.
 * Its 624 words are made as they are needed: who takes few numbers pays for few.
 */
const SIZE = 624;
const SHIFT = 397;

export class MersenneTwister {
  readonly #state = new Uint32Array(SIZE);
  /** Words that are seeded, and the next to be twisted. */
  #seeded = 0;
  #at = 0;

  seed(value: number): void {
    this.#state[0] = value;
    this.#seeded = 1;
    this.#at = 0;
  }

  /** 32 bits, unsigned. */
  next(): number {
    const state = this.#state;
    const at = this.#at;
    const following = at + 1 === SIZE ? 0 : at + 1;
    const far = at + SHIFT >= SIZE ? at + SHIFT - SIZE : at + SHIFT;
    this.#seedUpTo(Math.max(far, following));
    const word = (state[at]! & 0x8000_0000) | (state[following]! & 0x7fff_ffff);
    state[at] = state[far]! ^ (word >>> 1) ^ ((word & 1) === 0 ? 0 : 0x9908_b0df);
    this.#at = following;
    let made = state[at]!;
    made ^= made >>> 11;
    made ^= (made << 7) & 0x9d2c_5680;
    made ^= (made << 15) & 0xefc6_0000;
    return (made ^ (made >>> 18)) >>> 0;
  }

  #seedUpTo(last: number): void {
    const state = this.#state;
    for (let i = this.#seeded; i <= last; i++) {
      const before = state[i - 1]!;
      state[i] = Math.imul(before ^ (before >>> 30), 1_812_433_253) + i;
    }
    if (last >= this.#seeded) this.#seeded = last + 1;
  }
}
