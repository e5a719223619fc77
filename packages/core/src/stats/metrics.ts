/**
 * Hot path (docs/extending/hot-path-rules.md). The handles of metrics: a slab of shared memory and an index. One thread writes
 * a slot, with plain stores; the main thread reads. Also what main is told of them.
 */
import type { Counter, Gauge, Histogram } from "@sluice/sdk";
import type { Level } from "./shared-level.ts";

export type MetricKind = "counter" | "gauge" | "histogram";

/** Envoy's default histogram buckets: upper bounds, milliseconds. */
export const DEFAULT_BOUNDS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

/** A metric of one thread, as main learns of it. */
export interface MetricRegistration {
  /** Unique in its thread. */
  readonly id: number;
  readonly name: string;
  readonly kind: MetricKind;
  /** Number of the slab in its thread, and the first slot there. */
  readonly slab: number;
  readonly index: number;
  /** Upper bounds of a histogram; null for the others. */
  readonly bounds: readonly number[] | null;
  /** A gauge that nobody writes; `slab` and `index` mean nothing then. */
  readonly level?: Level;
}

/** Where a thread's store announces its metrics: main's aggregator, directly or by message. */
export interface StatsSink {
  addSlab(slab: number, memory: SharedArrayBuffer): void;
  add(metrics: readonly MetricRegistration[]): void;
  /** The metrics are gone; their slots are used again after `StatsStore.reclaim`. */
  remove(ids: readonly number[]): void;
}

/** Where released handles write to. */
const scrap = new Float64Array(256);

/** A gauge that was never written holds negative zero; any write makes it another value. */
export const UNUSED = -0;

export class SlotCounter implements Counter {
  slab: Float64Array;
  index: number;

  constructor(slab: Float64Array, index: number) {
    this.slab = slab;
    this.index = index;
  }

  inc(amount = 1): void {
    this.slab[this.index]! += amount;
  }

  /** What this thread has counted. */
  get value(): number {
    return this.slab[this.index]!;
  }

  detach(): void {
    this.slab = scrap;
    this.index = 0;
  }
}

export class SlotGauge implements Gauge {
  slab: Float64Array;
  index: number;

  constructor(slab: Float64Array, index: number) {
    this.slab = slab;
    this.index = index;
  }

  set(value: number): void {
    this.slab[this.index] = value;
  }

  inc(amount = 1): void {
    this.slab[this.index]! += amount;
  }

  dec(amount = 1): void {
    this.slab[this.index]! -= amount;
  }

  get value(): number {
    return this.slab[this.index]!;
  }

  detach(): void {
    this.slab = scrap;
    this.index = 0;
  }
}

/** Slots: one count a bucket, one for what is above the last bound, then the sum. */
export class SlotHistogram implements Histogram {
  slab: Float64Array;
  index: number;
  readonly bounds: Float64Array;

  constructor(slab: Float64Array, index: number, bounds: readonly number[]) {
    this.slab = slab;
    this.index = index;
    this.bounds = Float64Array.from(bounds);
  }

  record(value: number): void {
    // One NaN would spoil the sum for good.
    if (Number.isNaN(value)) return;
    const bounds = this.bounds;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (bounds[middle]! < value) low = middle + 1;
      else high = middle;
    }
    this.slab[this.index + low]! += 1;
    this.slab[this.index + bounds.length + 1]! += value;
  }

  detach(): void {
    this.slab = scrap;
    this.index = 0;
  }
}

/** A histogram may have at most as many bounds as fit where released handles write. */
export const MAX_BOUNDS = scrap.length - 2;

export function slotsOf(kind: MetricKind, bounds: readonly number[] | null): number {
  return kind === "histogram" && bounds !== null ? bounds.length + 2 : 1;
}
