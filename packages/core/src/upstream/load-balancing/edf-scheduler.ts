/**
 * Hot path: docs/extending/hot-path-rules.md. Earliest deadline first, over the numbers 0 to n - 1: each one's next turn is 1/weight after the one it has. Whose turn is
 * at the same time as another's comes in the order in which they were scheduled. Envoy: EdfScheduler.
 */
import type { Random } from "@sluice/sdk";

export class EdfScheduler {
  readonly #deadlines: Float64Array;
  /** When it was scheduled, counted. */
  readonly #orders: Float64Array;
  readonly #heap: Int32Array;
  #scheduled: number;

  /**
   * @param weights all above zero; at least one
   * @param random where each one's first turn is drawn, so that even the first few are by weight; null: at 1/weight
   */
  constructor(weights: ArrayLike<number>, random: Random | null = null) {
    const { length } = weights;
    this.#deadlines = new Float64Array(length);
    this.#orders = new Float64Array(length);
    this.#heap = new Int32Array(length);
    this.#scheduled = length;
    for (let i = 0; i < length; i++) {
      this.#deadlines[i] = (random === null ? 1 : 1 - random.next()) / weights[i]!;
      this.#orders[i] = i;
      this.#heap[i] = i;
    }
    for (let i = (length >> 1) - 1; i >= 0; i--) this.#sink(i, this.#heap[i]!);
  }

  /** Whose turn it is. MUST be followed by `reschedule`. */
  get next(): number {
    return this.#heap[0]!;
  }

  /** Gives the one whose turn it was the next. */
  reschedule(weight: number): void {
    const turn = this.#heap[0]!;
    this.#deadlines[turn]! += 1 / weight;
    this.#orders[turn] = this.#scheduled++;
    this.#sink(0, turn);
  }

  #sink(from: number, item: number): void {
    const heap = this.#heap;
    const { length } = heap;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && this.#isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#isBefore(heap[child]!, item)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = item;
  }

  #isBefore(a: number, b: number): boolean {
    const difference = this.#deadlines[a]! - this.#deadlines[b]!;
    return difference < 0 || (difference === 0 && this.#orders[a]! < this.#orders[b]!);
  }
}
