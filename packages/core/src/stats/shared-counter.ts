/** Hot path. A counter that all workers count together: one 64-bit word of a shared slot. */
import type { SharedCounter } from "@sluice/sdk";
import type { SharedSlot, SharedTable } from "./shared-table.ts";

export class AtomicCounter implements SharedCounter {
  readonly #slot: SharedSlot;
  #longs: BigInt64Array;
  #at: number;

  constructor(table: SharedTable, key: string) {
    this.#slot = table.claim(`counter ${key}`);
    this.#longs = this.#slot.longs;
    this.#at = this.#slot.longAt;
  }

  add(amount = 1): number {
    return Number(Atomics.add(this.#longs, this.#at, toLong(amount))) + amount;
  }

  get(): number {
    return Number(Atomics.load(this.#longs, this.#at));
  }

  compareExchange(expected: number, next: number): boolean {
    const was = toLong(expected);
    return Atomics.compareExchange(this.#longs, this.#at, was, toLong(next)) === was;
  }

  /** The slot may be another's from then on: whoever still counts counts alone. */
  release(): void {
    this.#longs = new BigInt64Array([Atomics.load(this.#longs, this.#at)]);
    this.#at = 0;
    this.#slot.release();
  }
}

function toLong(value: number): bigint {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no count, expected a whole number`);
  return BigInt(value);
}
