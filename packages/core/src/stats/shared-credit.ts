/**
 * Hot path: docs/extending/hot-path-rules.md. What may be spent of what was earned, by all threads together: two words of a shared tally that belong to no thread. Each
 * earning brings a share of what each spending costs, up to a limit; besides, a few spendings are free in every second.
 */
import type { TurnClock } from "../timing/clock.ts";
import type { SharedTally } from "./shared-tally.ts";

/** The first two words that nobody counts in: credit, and the second in which the free ones were given last (0: never). */
const CREDIT = 5;
const SECOND = 6;
/** Credit is whole: in parts of one spending. */
const ONE = 10_000;
/** What is earned beyond so many spendings is lost: old luck does not pay for a storm. */
const MOST = 100;

export interface CreditTerms {
  /** What one earning brings, percent of a spending. */
  readonly percent: number;
  /** Spendings that are free in every second. */
  readonly free: number;
}

export class SharedCredit {
  readonly #clock: TurnClock;
  readonly #earning: number;
  readonly #cost: number;
  readonly #free: number;
  readonly #most: number;

  constructor({ percent, free }: CreditTerms, clock: TurnClock) {
    this.#clock = clock;
    this.#earning = Math.round((percent * ONE) / 100);
    // Whatever is spent earns once more, as what it was spent on does: that is taken off at once.
    this.#cost = ONE + this.#earning;
    this.#free = Math.min(free, 10_000) * this.#cost;
    this.#most = Math.max(MOST * ONE, this.#free);
  }

  earn({ words, at }: SharedTally): void {
    if (Atomics.load(words, at + CREDIT) < this.#most) Atomics.add(words, at + CREDIT, this.#earning);
  }

  /** false: there is not enough. */
  spend({ words, at }: SharedTally): boolean {
    for (;;) {
      const credit = Atomics.load(words, at + CREDIT);
      if (credit < this.#cost) {
        if (!this.#giveFree(words, at)) return false;
      } else if (Atomics.compareExchange(words, at + CREDIT, credit, credit - this.#cost) === credit) return true;
    }
  }

  /** Once in a second, by whichever thread needs them first. */
  #giveFree(words: Int32Array, at: number): boolean {
    const second = Math.floor(this.#clock.turnNow() / 1000) + 1;
    const last = Atomics.load(words, at + SECOND);
    // Another thread's clock may be read a little later: it never goes back.
    if (second <= last || this.#free === 0) return false;
    if (Atomics.compareExchange(words, at + SECOND, last, second) === last) Atomics.add(words, at + CREDIT, this.#free);
    return true;
  }
}
