/**
 * Hot path: docs/extending/hot-path-rules.md. Counts that all threads add up: numbers by key in a shared slot. What this thread has added stands in a slot of its own
 * besides, so that main takes it off when the thread dies; the two last numbers are nobody's (shared-credit.ts). A table without room leaves each thread to count alone.
 */
import type { SharedSlot, SharedTable } from "./shared-table.ts";

export const TALLY_SIZE = 7;
/** Where a thread's own slot says which slot it adds to. */
const TOTAL_AT = TALLY_SIZE;

export class SharedTally {
  /** The sums: `words[at]` to `words[at + 4]`. */
  words: Int32Array;
  at: number;
  /** Whether other threads see it. */
  isShared: boolean;
  #own: Int32Array;
  #ownAt: number;
  /** What was added through this object alone. */
  readonly #mine: Int32Array;
  #slots: readonly SharedSlot[] | null;

  constructor(table: SharedTable, key: string) {
    this.words = new Int32Array(TALLY_SIZE);
    this.at = 0;
    this.isShared = false;
    this.#own = new Int32Array(TALLY_SIZE);
    this.#ownAt = 0;
    this.#mine = new Int32Array(TALLY_SIZE);
    this.#slots = null;
    const slots = claim(table, key);
    if (slots === null) return;
    const [total, own] = slots;
    this.words = total.words;
    this.at = total.at;
    this.#own = own.words;
    this.#ownAt = own.at;
    this.#slots = slots;
    this.isShared = true;
  }

  get(index: number): number {
    return Atomics.load(this.words, this.at + index);
  }

  /** The sum before it. */
  add(index: number): number {
    this.#mine[index]! += 1;
    this.#own[this.#ownAt + index]! += 1;
    return Atomics.add(this.words, this.at + index, 1);
  }

  remove(index: number): void {
    this.#mine[index]! -= 1;
    this.#own[this.#ownAt + index]! -= 1;
    Atomics.sub(this.words, this.at + index, 1);
  }

  /** Gives the slots back; whoever still counts counts alone. */
  release(): void {
    const slots = this.#slots;
    if (slots === null) return;
    this.#slots = null;
    this.isShared = false;
    for (let i = 0; i < TALLY_SIZE; i++) {
      this.#own[this.#ownAt + i]! -= this.#mine[i]!;
      Atomics.sub(this.words, this.at + i, this.#mine[i]!);
    }
    this.words = new Int32Array(TALLY_SIZE);
    this.at = 0;
    this.#own = new Int32Array(TALLY_SIZE);
    this.#ownAt = 0;
    for (const slot of slots.toReversed()) slot.release();
  }
}

function claim(table: SharedTable, key: string): readonly [total: SharedSlot, own: SharedSlot] | null {
  let total: SharedSlot | null = null;
  try {
    total = table.claim(`tally ${key}`);
    const { at } = total;
    const own = table.claimLedger(`${table.thread} ${key}`, (slot) => {
      slot.words[slot.at + TOTAL_AT] = at;
    });
    return [total, own];
  } catch {
    total?.release();
    table.onFull?.();
    return null;
  }
}

/** What a dead thread had added is taken off again; `at`: the values of its own slot. */
export function settle(words: Int32Array, at: number): void {
  const total = words[at + TOTAL_AT]!;
  for (let i = 0; i < TALLY_SIZE; i++) {
    const added = words[at + i]!;
    words[at + i] = 0;
    if (added !== 0) Atomics.sub(words, total + i, added);
  }
}
