/**
 * Main's view of all threads' metrics: one value a name, summed over the threads. Counts of a thread that died stay; counters
 * are "reset" by a baseline that is taken off when read, since only their own thread may write them.
 */
import { type Level, levelOf } from "./shared-level.ts";
import { type MetricKind, type MetricRegistration, type StatsSink, slotsOf } from "./metrics.ts";

export type Metric =
  | { readonly kind: "counter" | "gauge"; readonly name: string; readonly value: number; readonly used: boolean }
  | HistogramMetric;

export interface HistogramMetric {
  readonly kind: "histogram";
  readonly name: string;
  readonly bounds: readonly number[];
  /** Not cumulative: one a bound, then what is above the last. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
  readonly used: boolean;
}

interface Place {
  readonly memory: Float64Array;
  readonly index: number;
}

interface Entry {
  readonly name: string;
  readonly kind: MetricKind;
  readonly bounds: readonly number[] | null;
  readonly isCommon: boolean;
  level: Level | null;
  /** Where live threads keep it. */
  readonly places: Map<ThreadMetrics, Place>;
  /** What dead threads had; empty while none did. */
  retired: Float64Array | null;
  baseline: number;
}

export class StatsAggregator {
  readonly #entries = new Map<string, Entry>();
  /** The words of the threads' shared table. */
  readonly #shared: Int32Array;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(0)) {
    this.#shared = new Int32Array(shared);
  }

  /** A thread's metrics: its sink, and its end. `onRemoved` tells the thread that slots are free again. */
  thread(onRemoved: (ids: readonly number[]) => void): ThreadMetrics {
    return new ThreadMetrics(this.#entries, onRemoved);
  }

  /** Every metric that fits, ordered by name. Those of hosts (`#host.*`) are for `/clusters` and come only when asked for. */
  snapshot(fits: (name: string) => boolean = (name) => !name.startsWith("#")): Metric[] {
    const metrics: Metric[] = [];
    for (const entry of this.#entries.values()) if (fits(entry.name)) metrics.push(this.#read(entry));
    return metrics.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  get(name: string): Metric | undefined {
    const entry = this.#entries.get(name);
    return entry === undefined ? undefined : this.#read(entry);
  }

  #read(entry: Entry): Metric {
    const { name, level } = entry;
    if (level === null) return read(entry);
    return { kind: "gauge", name, value: levelOf(this.#shared, level), used: true };
  }

  /** A counter's or gauge's value; 0 where there is none of that name. */
  value(name: string): number {
    const metric = this.get(name);
    return metric === undefined || metric.kind === "histogram" ? 0 : metric.value;
  }

  resetCounters(): void {
    for (const entry of this.#entries.values()) if (entry.kind === "counter") entry.baseline = sum(entry, 0);
  }

  /** Forgets what only dead threads had, once all threads run the same configuration again. */
  prune(): void {
    for (const [name, entry] of this.#entries) if (entry.places.size === 0) this.#entries.delete(name);
  }
}

export class ThreadMetrics implements StatsSink {
  readonly #entries: Map<string, Entry>;
  readonly #onRemoved: (ids: readonly number[]) => void;
  readonly #slabs: Float64Array[] = [];
  readonly #names = new Map<number, string>();

  constructor(entries: Map<string, Entry>, onRemoved: (ids: readonly number[]) => void) {
    this.#entries = entries;
    this.#onRemoved = onRemoved;
  }

  addSlab(slab: number, memory: SharedArrayBuffer): void {
    this.#slabs[slab] = new Float64Array(memory);
  }

  add(metrics: readonly MetricRegistration[]): void {
    for (const { id, name, kind, slab, index, bounds, level = null } of metrics) {
      const memory = level === null ? this.#slabs[slab] : nothing;
      if (memory === undefined) continue;
      let entry = this.#entries.get(name);
      if (entry === undefined) {
        entry = {
          name,
          kind,
          bounds,
          isCommon: sameInAllThreads.test(name),
          level,
          places: new Map(),
          retired: null,
          baseline: 0,
        };
        this.#entries.set(name, entry);
      }
      // Another kind under the same name, from another thread's older configuration, is left to its owner.
      if (entry.kind !== kind || slotsOf(kind, entry.bounds) !== slotsOf(kind, bounds)) continue;
      // Threads that run the newer configuration know the limit.
      entry.level = level;
      entry.places.set(this, { memory, index });
      this.#names.set(id, name);
    }
  }

  remove(ids: readonly number[]): void {
    for (const id of ids) {
      const name = this.#names.get(id);
      if (name === undefined) continue;
      this.#names.delete(id);
      this.#leave(name);
    }
    this.#onRemoved(ids);
  }

  /** The thread is dead: its counts are kept, its gauges are gone. */
  retire(): void {
    for (const name of this.#names.values()) {
      const entry = this.#entries.get(name);
      const place = entry?.places.get(this);
      if (entry === undefined || place === undefined) continue;
      if (entry.kind !== "gauge") {
        const slots = slotsOf(entry.kind, entry.bounds);
        entry.retired ??= new Float64Array(slots);
        for (let i = 0; i < slots; i++) entry.retired[i]! += place.memory[place.index + i]!;
      }
      entry.places.delete(this);
    }
    this.#names.clear();
  }

  /** One of several threads that lets go of a name leaves its counts behind; the last one takes the name with it. */
  #leave(name: string): void {
    const entry = this.#entries.get(name);
    const place = entry?.places.get(this);
    if (entry === undefined || place === undefined) return;
    entry.places.delete(this);
    if (entry.places.size === 0) {
      this.#entries.delete(name);
    } else if (entry.kind !== "gauge") {
      const slots = slotsOf(entry.kind, entry.bounds);
      entry.retired ??= new Float64Array(slots);
      for (let i = 0; i < slots; i++) entry.retired[i]! += place.memory[place.index + i]!;
    }
  }
}

const nothing = new Float64Array(1);

/** What every thread knows of the same thing is not added up, nor what has no sum: the largest counts. */
const sameInAllThreads =
  /\.(?:membership_(?:total|healthy|degraded|excluded|change)|(?:ring_hash|maglev)_lb\.\w+|lb_subsets_(?:active|single_host_per_subset_duplicate)|gradient_controller\.(?:gradient|min_rtt_msecs|sample_rtt_msecs))$/;

function sum(entry: Entry, slot: number): number {
  if (entry.isCommon)
    return Math.max(0, ...[...entry.places.values()].map(({ memory, index }) => memory[index + slot]!));
  let total = entry.retired?.[slot] ?? 0;
  for (const { memory, index } of entry.places.values()) total += memory[index + slot]!;
  return total;
}

function read(entry: Entry): Metric {
  const { name, kind, bounds } = entry;
  if (kind === "histogram" && bounds !== null) {
    const counts = Array.from({ length: bounds.length + 1 }, (_, i) => sum(entry, i));
    const count = counts.reduce((a, b) => a + b, 0);
    return { kind, name, bounds, counts, count, sum: sum(entry, bounds.length + 1), used: count > 0 };
  }
  const value = sum(entry, 0) - entry.baseline;
  if (kind === "counter") return { kind, name, value, used: value !== 0 };
  const used = [...entry.places.values()].some(({ memory, index }) => !Object.is(memory[index], -0));
  return { kind: "gauge", name, value: value + 0, used };
}
