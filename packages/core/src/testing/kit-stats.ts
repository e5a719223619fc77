/** What filters under test have counted, read by name. A reader alone: asking for a metric never makes it. */
import type { MetricRegistration, StatsSink } from "../stats/metrics.ts";
import { StatsStore } from "../stats/stats-store.ts";

/** A histogram as the kit shows it: how many values, and their sum. */
export interface HistogramValue {
  readonly count: number;
  readonly sum: number;
}

export class KitStats implements StatsSink {
  readonly store: StatsStore = new StatsStore(this);
  readonly #slabs: Float64Array[] = [];
  readonly #metrics = new Map<string, MetricRegistration>();

  addSlab(slab: number, memory: SharedArrayBuffer): void {
    this.#slabs[slab] = new Float64Array(memory);
  }

  add(metrics: readonly MetricRegistration[]): void {
    for (const metric of metrics) this.#metrics.set(metric.name, metric);
  }

  remove(ids: readonly number[]): void {
    for (const [name, { id }] of this.#metrics) if (ids.includes(id)) this.#metrics.delete(name);
  }

  /** A counter's or gauge's value, the count of a histogram. @throws Error where nobody has made that metric */
  value(name: string): number {
    const value = this.#read(this.#find(name));
    return typeof value === "number" ? value : value.count;
  }

  /** @throws Error where there is no such histogram */
  histogram(name: string): HistogramValue {
    const value = this.#read(this.#find(name));
    if (typeof value === "number") throw new Error(`"${name}" is no histogram`);
    return value;
  }

  /** Everything below a prefix, without it; histograms by their count. */
  below(prefix: string): Record<string, number> {
    this.store.flush();
    const found: Record<string, number> = {};
    for (const [name, metric] of this.#metrics) {
      if (!name.startsWith(prefix)) continue;
      const value = this.#read(metric);
      found[name.slice(prefix.length)] = typeof value === "number" ? value : value.count;
    }
    return found;
  }

  /** Names that are alive. */
  get names(): string[] {
    this.store.flush();
    return [...this.#metrics.keys()];
  }

  #find(name: string): MetricRegistration {
    this.store.flush();
    const metric = this.#metrics.get(name);
    if (metric !== undefined) return metric;
    const parent = name.slice(0, name.lastIndexOf(".") + 1);
    const known = [...this.#metrics.keys()].filter((key) => key.startsWith(parent));
    throw new Error(`no statistic "${name}"; there are ${known.length === 0 ? "none there" : known.join(", ")}`);
  }

  #read({ kind, slab, index, bounds }: MetricRegistration): number | HistogramValue {
    const memory = this.#slabs[slab]!;
    // A gauge that was never written holds negative zero.
    if (kind !== "histogram") return memory[index]! + 0;
    const buckets = (bounds?.length ?? 0) + 1;
    let count = 0;
    for (let i = 0; i < buckets; i++) count += memory[index + i]!;
    return { count, sum: memory[index + buckets]! };
  }
}
