/** What a filter gets at `create` in its thread: what can cross. Numbers go to the worker with the next message; timers and requests are the worker's. */
import type { Clock, Clusters, Counter, Gauge, Histogram, Logger, Random, Stats, Timer } from "@sluice/sdk";
import { RealClock } from "../../timing/real-clock.ts";
import { systemRandom } from "../../worker/random.ts";
import { LOG_LEVELS, type LogLevel } from "../../worker/log.ts";
import type { FarStart, MetricKind } from "../protocol.ts";
import { FarClusters } from "./far-clusters.ts";
import type { Outbox } from "./outbox.ts";
import { refusingPrototype } from "./refusals.ts";

export class FarContext {
  readonly name: string;
  readonly statPrefix: string;
  readonly stats: Stats;
  readonly rootStats: Stats;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly requests: FarClusters;
  readonly #outbox: Outbox;
  readonly #timers = new Map<number, () => void>();
  readonly #calls: boolean;
  #nextTimer = 0;

  constructor(start: FarStart, calls: boolean, outbox: Outbox, levels: Levels) {
    this.name = start.name;
    this.statPrefix = start.statPrefix;
    const metrics = new Metrics(outbox);
    this.stats = new FarStats(metrics, false);
    this.rootStats = new FarStats(metrics, true);
    this.logger = new FarLogger(outbox, levels);
    this.clock = new RealClock();
    this.random = systemRandom;
    this.requests = new FarClusters(outbox);
    this.#outbox = outbox;
    this.#calls = calls;
  }

  get clusters(): Clusters {
    if (!this.#calls)
      throw new TypeError(`filter "${this.name}" uses context.clusters: its definition has to declare "calls: true"`);
    return this.requests;
  }

  setTimer(callback: () => void, ms: number): Timer {
    const number = this.#nextTimer++;
    // -1 would cancel it.
    const delayMs = Math.max(0, ms);
    this.#timers.set(number, callback);
    this.#outbox.add(["setTimer", -1, number, delayMs]);
    return {
      cancel: () => {
        if (this.#timers.delete(number)) this.#outbox.add(["setTimer", -1, number, -1]);
      },
    };
  }

  timerFired(number: number): void {
    const callback = this.#timers.get(number);
    this.#timers.delete(number);
    callback?.();
  }
}

Object.setPrototypeOf(FarContext.prototype, refusingPrototype("context"));

/** Which levels the worker logs, as its last message said. */
export interface Levels {
  bits: number;
}

class FarLogger implements Logger {
  readonly #outbox: Outbox;
  readonly #levels: Levels;

  constructor(outbox: Outbox, levels: Levels) {
    this.#outbox = outbox;
    this.#levels = levels;
  }

  debug(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#write("debug", message, fields);
  }

  info(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#write("info", message, fields);
  }

  warn(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#write("warn", message, fields);
  }

  error(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#write("error", message, fields);
  }

  #write(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> | undefined): void {
    if ((this.#levels.bits & (1 << LOG_LEVELS.indexOf(level))) === 0) return;
    this.#outbox.add(["log", level, message, fields === undefined ? undefined : plain(fields)]);
  }
}

/** What cannot cross as it is crosses as text. */
function plain(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (value instanceof Error) safe[key] = value.stack ?? value.message;
    else safe[key] = typeof value === "object" && value !== null ? toText(value) : plainValue(value);
  }
  return safe;
}

const plainValue = (value: unknown): unknown =>
  typeof value === "function" || typeof value === "symbol" ? String(value) : value;

function toText(value: object): string {
  try {
    return JSON.stringify(value) ?? "{}";
  } catch {
    return Object.prototype.toString.call(value);
  }
}

class Metrics {
  readonly outbox: Outbox;
  readonly #known = new Map<string, { readonly kind: MetricKind; readonly metric: Counter | Gauge | Histogram }>();
  #next = 0;

  constructor(outbox: Outbox) {
    this.outbox = outbox;
  }

  take(isRoot: boolean, kind: MetricKind, name: string, bounds: readonly number[] | null): Counter | Gauge | Histogram {
    const key = `${isRoot ? "/" : ""}${name}`;
    const known = this.#known.get(key);
    if (known !== undefined) {
      if (known.kind !== kind) throw new TypeError(`metric "${name}" is a ${known.kind}, not a ${kind}`);
      return known.metric;
    }
    const number = this.#next++;
    this.outbox.addMetric(["metric", number, kind, isRoot, name, bounds]);
    const metric = makeMetric(kind, number, this.outbox);
    this.#known.set(key, { kind, metric });
    return metric;
  }
}

function makeMetric(kind: MetricKind, number: number, outbox: Outbox): Counter | Gauge | Histogram {
  // What is no number fails here, in the hook that says it, as it does inline.
  if (kind === "counter") return { inc: (amount = 1) => outbox.count(number, +amount) };
  if (kind === "histogram") return { record: (value) => outbox.add(["measure", number, "record", +value]) };
  return {
    set: (value) => outbox.add(["measure", number, "set", +value]),
    inc: (amount = 1) => outbox.add(["measure", number, "inc", +amount]),
    dec: (amount = 1) => outbox.add(["measure", number, "dec", +amount]),
  };
}

class FarStats implements Stats {
  readonly #metrics: Metrics;
  readonly #isRoot: boolean;

  constructor(metrics: Metrics, isRoot: boolean) {
    this.#metrics = metrics;
    this.#isRoot = isRoot;
  }

  counter(name: string): Counter {
    return this.#metrics.take(this.#isRoot, "counter", name, null) as Counter;
  }

  gauge(name: string): Gauge {
    return this.#metrics.take(this.#isRoot, "gauge", name, null) as Gauge;
  }

  histogram(name: string, bucketsMs: readonly number[] | null = null): Histogram {
    return this.#metrics.take(this.#isRoot, "histogram", name, bucketsMs) as Histogram;
  }
}
