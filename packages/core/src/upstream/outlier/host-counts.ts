/**
 * Memory that all threads count a cluster's answers in, by host: workers add with atomics, main reads what was added since its last tick and never writes a total back.
 * What workers compare with (thresholds) stands in front of every slab, so that main changes it for all of them with one store.
 *
 *     slab   threshold of 5xx | of gateway errors | of local failures | split | 4 unused | hosts, 8 words each
 *     host   5xx in a row | gateway errors in a row | local failures in a row | answers | good ones | connections | good ones | probation
 */
export const THRESHOLD_5XX = 0;
export const THRESHOLD_GATEWAY = 1;
export const THRESHOLD_LOCAL = 2;
export const SPLIT = 3;

export const ROW_5XX = 0;
export const ROW_GATEWAY = 1;
export const ROW_LOCAL = 2;
export const ANSWERS = 3;
export const GOOD_ANSWERS = 4;
export const CONNECTS = 5;
export const GOOD_CONNECTS = 6;
export const PROBATION = 7;

/** Values of PROBATION: none; the next request may be the one; it is under way. */
export const PROBE_NONE = 0;
export const PROBE_DUE = 1;
export const PROBE_OUT = 2;

const HEADER_WORDS = 8;
const HOST_WORDS = 8;
const SLAB_HOSTS = 256;
/** A worker may count late for a host that is gone: its place is nobody else's for so long. */
const REST_MS = 60_000;

/** Where one host's counts stand; goes to workers with the host. */
export interface HostCountsModel {
  readonly memory: SharedArrayBuffer;
  /** First word of the host. */
  readonly at: number;
}

export interface CountsPlace {
  readonly words: Int32Array;
  readonly at: number;
}

export interface Thresholds {
  readonly fiveXx: number;
  readonly gateway: number;
  readonly local: number;
  readonly splits: boolean;
}

/** Main's side: gives hosts their places. */
export class HostCounts {
  readonly #slabs: Int32Array[] = [];
  readonly #resting: { readonly place: CountsPlace; readonly sinceMs: number }[] = [];
  #thresholds: Thresholds;
  #next = SLAB_HOSTS;

  constructor(thresholds: Thresholds) {
    this.#thresholds = thresholds;
  }

  set thresholds(thresholds: Thresholds) {
    this.#thresholds = thresholds;
    for (const slab of this.#slabs) this.#write(slab);
  }

  take(nowMs: number): CountsPlace {
    const rested = this.#resting[0];
    if (rested !== undefined && nowMs - rested.sinceMs >= REST_MS) {
      this.#resting.shift();
      const { words, at } = rested.place;
      words.fill(0, at, at + HOST_WORDS);
      return rested.place;
    }
    if (this.#next === SLAB_HOSTS) {
      const bytes = (HEADER_WORDS + SLAB_HOSTS * HOST_WORDS) * Int32Array.BYTES_PER_ELEMENT;
      const slab = new Int32Array(new SharedArrayBuffer(bytes));
      this.#write(slab);
      this.#slabs.push(slab);
      this.#next = 0;
    }
    return { words: this.#slabs.at(-1)!, at: HEADER_WORDS + this.#next++ * HOST_WORDS };
  }

  giveBack(place: CountsPlace, nowMs: number): void {
    this.#resting.push({ place, sinceMs: nowMs });
  }

  #write(slab: Int32Array): void {
    const { fiveXx, gateway, local, splits } = this.#thresholds;
    Atomics.store(slab, THRESHOLD_5XX, fiveXx);
    Atomics.store(slab, THRESHOLD_GATEWAY, gateway);
    Atomics.store(slab, THRESHOLD_LOCAL, local);
    Atomics.store(slab, SPLIT, splits ? 1 : 0);
  }
}
