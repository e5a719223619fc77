/** Shared memory for one thread's metrics: slabs of fixed size, added as needed; slots given out in runs and taken back. */

const SLAB_SLOTS = 4096;

export interface Run {
  readonly memory: Float64Array;
  readonly slab: number;
  readonly index: number;
}

export class Slabs {
  readonly #onSlab: (slab: number, memory: SharedArrayBuffer) => void;
  readonly #slabs: Float64Array[] = [];
  /** Runs that were given back, by their length. */
  readonly #free = new Map<number, Run[]>();
  #next = SLAB_SLOTS;

  constructor(onSlab: (slab: number, memory: SharedArrayBuffer) => void) {
    this.#onSlab = onSlab;
  }

  take(length: number): Run {
    const reused = this.#free.get(length)?.pop();
    if (reused !== undefined) return reused;
    if (this.#next + length > SLAB_SLOTS) {
      const memory = new SharedArrayBuffer(SLAB_SLOTS * Float64Array.BYTES_PER_ELEMENT);
      this.#slabs.push(new Float64Array(memory));
      this.#next = 0;
      this.#onSlab(this.#slabs.length - 1, memory);
    }
    const slab = this.#slabs.length - 1;
    const run = { memory: this.#slabs[slab]!, slab, index: this.#next };
    this.#next += length;
    return run;
  }

  giveBack(run: Run, length: number): void {
    run.memory.fill(0, run.index, run.index + length);
    const runs = this.#free.get(length);
    if (runs === undefined) this.#free.set(length, [run]);
    else runs.push(run);
  }
}
