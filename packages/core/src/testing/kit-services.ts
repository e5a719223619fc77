/** The services of a data thread without a thread: virtual time, seeded random, readable statistics and log, fake clusters. */
import { setImmediate as immediate } from "node:timers";
import type { Random } from "@sluice/sdk";
import { AccessLogSinks } from "../access-log/sinks.ts";
import { FlushQueue } from "../network/flush-queue.ts";
import { RuntimeStore } from "../runtime/runtime-store.ts";
import { SharedTable } from "../stats/shared-table.ts";
import { VirtualTime } from "../timing/virtual.ts";
import type { LogLevel, LogSink } from "../worker/log.ts";
import type { WorkerServices } from "../worker/services.ts";
import { KitClusters } from "./fake-cluster.ts";
import { KitStats } from "./kit-stats.ts";
import { KitTimers } from "./kit-timers.ts";
import type { CommonOptions, RuntimeValues } from "./setup.ts";

/** A line that a filter logged, or an error of a filter that the engine contained. */
export interface LogEntry {
  readonly level: LogLevel;
  /** The filter's name in its chain; for contained errors the engine's part (`http`, `network`). */
  readonly component: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** How often `settle` lets everything run that waits for its turn. */
const SETTLE_TURNS = 4;

export class KitServices {
  readonly time: VirtualTime;
  readonly stats = new KitStats();
  readonly log: LogEntry[] = [];
  readonly timers: KitTimers;
  readonly clusters: KitClusters;
  readonly worker: WorkerServices;

  constructor(options: CommonOptions) {
    this.time = new VirtualTime(options.wallStartMs === undefined ? {} : { wallStartMs: options.wallStartMs });
    this.timers = new KitTimers(this.time.timers);
    this.clusters = new KitClusters(options.clusters ?? {}, this.timers);
    this.worker = {
      workerIndex: 0,
      clock: this.time.clock,
      timers: this.timers,
      random: seededRandom(options.seed ?? 1),
      stats: this.stats.store,
      shared: new SharedTable(SharedTable.allocate(1024), 1),
      runtime: new RuntimeStore(),
      log: this.#logSink(),
      flushQueue: new FlushQueue(),
      accessLogSinks: new AccessLogSinks(),
      clusters: this.clusters,
      heartbeat: { register: () => 0, enter() {} },
      ticketKeys: Buffer.alloc(48, 7),
    };
    this.setRuntime(options.runtime ?? {});
  }

  setRuntime(values: RuntimeValues): void {
    const entries = Object.entries(values).map(([key, value]) => [
      key,
      typeof value === "object" ? JSON.stringify(value) : String(value),
    ]);
    this.worker.runtime.update(Object.fromEntries(entries) as Record<string, string>);
  }

  /** Lets promises that are settled, and what waits for the event loop's next turns, take effect. Moves no clock. */
  async settle(): Promise<void> {
    for (let i = 0; i < SETTLE_TURNS; i++) await nextTurn();
  }

  /** Moves virtual time, firing what falls due on the way at its own time, and settles between. */
  async advance(ms: number): Promise<void> {
    const target = this.time.clock.now() + ms;
    await this.settle();
    while (this.time.nextMs <= target) {
      this.time.advance(Math.max(0, this.time.nextMs - this.time.clock.now()));
      await this.settle();
    }
    this.time.advance(target - this.time.clock.now());
    await this.settle();
  }

  #logSink(): LogSink {
    return {
      enabled: () => true,
      write: (level, component, message, fields = {}) => void this.log.push({ level, component, message, fields }),
    };
  }
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    immediate(resolve);
  });
}

/** mulberry32: small, and the same on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, below: (bound) => Math.floor(next() * bound) };
}
