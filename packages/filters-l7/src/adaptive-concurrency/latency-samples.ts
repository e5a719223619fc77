/**
 * Hot path. Durations of one window, for a quantile of them: counts by their two leading digits, in memory that does not grow. A quantile is interpolated within its
 * bin, so it is off by less than a tenth, mostly by less than a hundredth.
 */

/** A microsecond to eleven days, in milliseconds. */
const LEAST = -3;
const DECADES = 12;
/** 10 to 99. */
const BINS = 90;

export class LatencySamples {
  count: number;
  readonly #bins: Uint32Array;

  constructor() {
    this.count = 0;
    this.#bins = new Uint32Array(DECADES * BINS);
  }

  add(ms: number): void {
    this.#bins[binOf(ms)]!++;
    this.count++;
  }

  clear(): void {
    if (this.count === 0) return;
    this.count = 0;
    this.#bins.fill(0);
  }

  /** @param share 0 to 1. Of no samples: 0. */
  quantile(share: number): number {
    if (this.count === 0) return 0;
    const wanted = this.count * share;
    let passed = 0;
    for (let i = 0; i < this.#bins.length; i++) {
      const inBin = this.#bins[i]!;
      if (inBin === 0) continue;
      if (passed + inBin >= wanted) return startOf(i) + widthOf(i) * ((wanted - passed) / inBin);
      passed += inBin;
    }
    return 0;
  }
}

function binOf(ms: number): number {
  if (!(ms > 10 ** LEAST)) return 0;
  let decade = Math.floor(Math.log10(ms));
  if (decade >= LEAST + DECADES) return DECADES * BINS - 1;
  let digits = Math.floor(ms / 10 ** (decade - 1));
  // The logarithm is rounded.
  if (digits > 99) {
    digits = 10;
    decade++;
  } else if (digits < 10) digits = 10;
  return Math.min((decade - LEAST) * BINS + digits - 10, DECADES * BINS - 1);
}

function widthOf(bin: number): number {
  return 10 ** (Math.floor(bin / BINS) + LEAST - 1);
}

function startOf(bin: number): number {
  return ((bin % BINS) + 10) * widthOf(bin);
}
