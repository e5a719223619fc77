/**
 * The metrics of one thread, by name. A name is counted by its owners (scopes), so that a configuration which takes over from
 * another keeps the values of the names that both have; the last owner's release ends the metric.
 */
import type { Stats } from "@sluice/sdk";
import {
  DEFAULT_BOUNDS,
  MAX_BOUNDS,
  type MetricKind,
  type MetricRegistration,
  SlotCounter,
  SlotGauge,
  SlotHistogram,
  type StatsSink,
  UNUSED,
  slotsOf,
} from "./metrics.ts";
import type { Level } from "./shared-level.ts";
import { type Run, Slabs } from "./slabs.ts";

type Handle = SlotCounter | SlotGauge | SlotHistogram;

interface Entry {
  readonly registration: MetricRegistration;
  /** null: nothing is written. */
  readonly run: Run | null;
  readonly handle: Handle;
  owners: number;
}

export class StatsStore implements Stats {
  readonly #sink: StatsSink;
  readonly #slabs: Slabs;
  readonly #byName = new Map<string, Entry>();
  readonly #removed = new Map<number, Entry>();
  readonly #own: StatsScope;
  #added: MetricRegistration[] = [];
  #nextId = 0;

  constructor(sink: StatsSink) {
    this.#sink = sink;
    this.#slabs = new Slabs((slab, memory) => sink.addSlab(slab, memory));
    this.#own = this.scope("");
  }

  /** Metrics that live as long as the thread: by full name. */
  counter(name: string): SlotCounter {
    return this.#own.counter(name);
  }

  gauge(name: string): SlotGauge {
    return this.#own.gauge(name);
  }

  histogram(name: string, bounds: readonly number[] = DEFAULT_BOUNDS): SlotHistogram {
    return this.#own.histogram(name, bounds);
  }

  /** A place in the tree whose metrics live until its `release`. `prefix` ends in a dot, or is empty for the root. */
  scope(prefix: string): StatsScope {
    return new StatsScope(this, prefix, new Map());
  }

  /** Names and slots of one thread's metrics, for what cannot wait for the turn's end. */
  flush(): void {
    if (this.#added.length === 0) return;
    const added = this.#added;
    this.#added = [];
    this.#sink.add(added);
  }

  /** Main has forgotten these metrics: their slots may be used again. */
  reclaim(ids: readonly number[]): void {
    for (const id of ids) {
      const entry = this.#removed.get(id);
      if (entry === undefined) continue;
      this.#removed.delete(id);
      if (entry.run === null) continue;
      this.#slabs.giveBack(entry.run, slotsOf(entry.registration.kind, entry.registration.bounds));
    }
  }

  /** Used by scopes. @throws TypeError where the name is a metric of another kind or with other bounds. */
  acquire(name: string, kind: MetricKind, bounds: readonly number[] | null): Handle {
    const known = this.#byName.get(name);
    if (known !== undefined) {
      const { kind: knownKind, bounds: knownBounds } = known.registration;
      if (knownKind !== kind) throw new TypeError(`metric "${name}" is a ${knownKind}, not a ${kind}`);
      if (bounds !== null && String(bounds) !== String(knownBounds))
        throw new TypeError(`histogram "${name}" has other bounds already`);
      known.owners++;
      return known.handle;
    }
    if (bounds !== null) checkBounds(name, bounds);
    const run = this.#slabs.take(slotsOf(kind, bounds));
    const handle = makeHandle(run, kind, bounds);
    const registration = { id: this.#nextId++, name, kind, slab: run.slab, index: run.index, bounds };
    this.#byName.set(name, { registration, run, handle, owners: 1 });
    if (this.#added.push(registration) === 1) queueMicrotask(() => this.flush());
    return handle;
  }

  /** Used by scopes: a gauge that is a shared count. */
  acquireLevel(name: string, level: Level): SlotGauge {
    const known = this.#byName.get(name);
    if (known !== undefined) {
      known.owners++;
      return known.handle as SlotGauge;
    }
    const handle = new SlotGauge(new Float64Array(1), 0);
    const registration = { id: this.#nextId++, name, kind: "gauge", slab: -1, index: 0, bounds: null, level } as const;
    this.#byName.set(name, { registration, run: null, handle, owners: 1 });
    if (this.#added.push(registration) === 1) queueMicrotask(() => this.flush());
    return handle;
  }

  /** Used by scopes. */
  release(names: Iterable<string>): void {
    const gone: number[] = [];
    for (const name of names) {
      const entry = this.#byName.get(name);
      if (entry === undefined || --entry.owners > 0) continue;
      this.#byName.delete(name);
      // Whoever still holds the handle writes where it harms nobody.
      entry.handle.detach();
      this.#removed.set(entry.registration.id, entry);
      gone.push(entry.registration.id);
    }
    if (gone.length === 0) return;
    this.flush();
    this.#sink.remove(gone);
  }
}

const unprintable = /[\s\u0000-\u001f\u007f]/g;

/** Metrics under a prefix, owned together. Handles are inert after `release`. */
export class StatsScope implements Stats {
  readonly prefix: string;
  readonly #store: StatsStore;
  readonly #owned: Map<string, Handle>;

  constructor(store: StatsStore, prefix: string, owned: Map<string, Handle>) {
    this.prefix = prefix;
    this.#store = store;
    this.#owned = owned;
  }

  counter(name: string): SlotCounter {
    return this.#take(name, "counter", null) as SlotCounter;
  }

  gauge(name: string): SlotGauge {
    return this.#take(name, "gauge", null) as SlotGauge;
  }

  histogram(name: string, bounds: readonly number[] = DEFAULT_BOUNDS): SlotHistogram {
    return this.#take(name, "histogram", bounds) as SlotHistogram;
  }

  /** A gauge that shows a count which all threads share. */
  level(name: string, level: Level): void {
    const full = (this.prefix + name).replace(unprintable, "_");
    if (!this.#owned.has(full)) this.#owned.set(full, this.#store.acquireLevel(full, level));
  }

  /** A longer prefix with the same owner. */
  under(prefix: string): StatsScope {
    return new StatsScope(this.#store, this.prefix + prefix, this.#owned);
  }

  /** The same owner's metrics at the root of the tree. */
  root(): StatsScope {
    return new StatsScope(this.#store, "", this.#owned);
  }

  release(): void {
    const names = [...this.#owned.keys()];
    this.#owned.clear();
    this.#store.release(names);
  }

  #take(name: string, kind: MetricKind, bounds: readonly number[] | null): Handle {
    // A space or a line break in a configured name would break the text formats of the read-out.
    const full = (this.prefix + name).replace(unprintable, "_");
    const handle = this.#store.acquire(full, kind, bounds);
    // An owner counts once for a name, however often it asks.
    if (this.#owned.has(full)) this.#store.release([full]);
    else this.#owned.set(full, handle);
    return handle;
  }
}

function makeHandle(run: Run, kind: MetricKind, bounds: readonly number[] | null): Handle {
  if (kind === "counter") return new SlotCounter(run.memory, run.index);
  if (kind === "gauge") {
    run.memory[run.index] = UNUSED;
    return new SlotGauge(run.memory, run.index);
  }
  return new SlotHistogram(run.memory, run.index, bounds ?? DEFAULT_BOUNDS);
}

function checkBounds(name: string, bounds: readonly number[]): void {
  const ascending = bounds.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > bounds[i - 1]!));
  if (bounds.length === 0 || bounds.length > MAX_BOUNDS || !ascending) {
    throw new TypeError(`histogram "${name}": expected 1 to ${MAX_BOUNDS} ascending upper bounds`);
  }
}
