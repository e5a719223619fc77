/** Keeps N worker threads alive: starts them, watches their hearts, and replaces, with growing pauses, those that die. */
import type { ResourceLimits } from "node:worker_threads";
import type { Counter } from "@sluice/sdk";
import type { StatsAggregator } from "../stats/aggregate.ts";
import type { SharedTable } from "../stats/shared-table.ts";
import type { StatsStore } from "../stats/stats-store.ts";
import type { DataPlane } from "../worker/data-plane.ts";
import { ObservedHeart, allocateHeartbeat } from "../worker/heartbeat.ts";
import type { HostReports } from "../upstream/outlier/host-watch.ts";
import type { LogSink } from "../worker/log.ts";
import type { WorkerStart } from "../worker/messages.ts";
import { ThreadWorker } from "./thread-worker.ts";
import type { WatchedWorker, Watchdog } from "./watchdog.ts";

/** A worker that lived so long is no reason to wait before the next one. */
const HEALTHY_MS = 60_000;
const BURY_AGAIN_MS = 1;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

export interface WorkerPoolOptions {
  readonly count: number;
  /** What every worker's start has in common. */
  readonly start: Omit<WorkerStart, "index" | "heartbeat">;
  readonly aggregator: StatsAggregator;
  readonly stats: StatsStore;
  readonly shared: SharedTable;
  readonly watchdog: Watchdog;
  readonly log: LogSink;
  readonly hostReports?: HostReports | undefined;
  readonly resourceLimits?: ResourceLimits | undefined;
  /** Brings the live configuration to a fresh worker; resolves with why it cannot serve, or null. */
  readonly onReplacement: (index: number, plane: DataPlane) => Promise<string | null>;
}

interface Slot {
  readonly index: number;
  worker: ThreadWorker | null;
  /** Whether it serves: it has the live configuration. */
  serving: boolean;
  watched: WatchedWorker | null;
  bornMs: number;
  /** Deaths in a row without a healthy life. */
  failures: number;
  timer: NodeJS.Timeout | null;
}

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #slots: Slot[];
  /** Deaths are replaced once the first configuration serves, until the end begins. */
  #replacing = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.count }, (_, index) => {
      return { index, worker: null, serving: false, watched: null, bornMs: 0, failures: 0, timer: null };
    });
  }

  /** Starts all threads; they load while main reads the configuration. */
  spawn(): void {
    for (const slot of this.#slots) this.#spawn(slot);
  }

  /** Resolves when all threads take calls; rejects with the death of one. */
  async ready(): Promise<void> {
    await Promise.all(this.#workers().map((worker) => worker.ready));
  }

  /** From now on a death is replaced. */
  keepAlive(): void {
    this.#replacing = true;
    for (const slot of this.#slots) {
      slot.serving = slot.worker !== null;
      if (slot.worker === null) this.#replaceLater(slot);
    }
  }

  /** Those that take part in a change of the configuration. */
  get planes(): { index: number; plane: DataPlane }[] {
    return this.#slots.flatMap(({ index, worker, serving }) => {
      return worker === null || (this.#replacing && !serving) ? [] : [{ index, plane: worker }];
    });
  }

  stopReplacing(): void {
    this.#replacing = false;
    for (const slot of this.#slots) if (slot.timer !== null) clearTimeout(slot.timer);
  }

  async terminate(): Promise<void> {
    this.stopReplacing();
    await Promise.all(this.#workers().map((worker) => worker.terminate("the server stops")));
  }

  #workers(): ThreadWorker[] {
    return this.#slots.flatMap(({ worker }) => worker ?? []);
  }

  #spawn(slot: Slot): ThreadWorker {
    const { start, aggregator, stats, log, watchdog, resourceLimits, hostReports } = this.#options;
    const { index } = slot;
    const heartbeat = allocateHeartbeat();
    const heart = new ObservedHeart(heartbeat);
    const metrics = aggregator.thread((ids) => worker.reclaim(ids));
    const worker: ThreadWorker = new ThreadWorker({
      start: { ...start, index, heartbeat },
      heart,
      metrics,
      log,
      resourceLimits,
      hostReports,
      onDeath: (reason) => this.#onDeath(slot, worker, reason),
    });
    slot.worker = worker;
    slot.serving = false;
    slot.bornMs = performance.now();
    slot.watched = {
      index,
      get serves() {
        return slot.serving;
      },
      heart,
      misses: both(stats.counter(`server.worker_${index}.watchdog_miss`), stats.counter("workers.watchdog_miss")),
      megaMisses: both(
        stats.counter(`server.worker_${index}.watchdog_mega_miss`),
        stats.counter("workers.watchdog_mega_miss"),
      ),
      kill: (reason) => void worker.terminate(reason),
    };
    watchdog.watch(slot.watched);
    return worker;
  }

  #onDeath(slot: Slot, worker: ThreadWorker, reason: string): void {
    const { log, stats, watchdog } = this.#options;
    if (slot.watched !== null) watchdog.unwatch(slot.watched);
    if (slot.worker === worker) slot.worker = null;
    slot.serving = false;
    if (this.#replacing) {
      log.write("error", "main", `worker ${slot.index} is dead and will be replaced: ${reason}`);
      stats.counter(`server.worker_${slot.index}.replaced`).inc();
      if (performance.now() - slot.bornMs > HEALTHY_MS) slot.failures = 0;
    }
    this.#bury(slot);
  }

  /** What it held is free before another takes its number. */
  #bury(slot: Slot): void {
    slot.timer = null;
    if (!this.#options.shared.forget(slot.index + 1)) slot.timer = setTimeout(() => this.#bury(slot), BURY_AGAIN_MS);
    else if (this.#replacing) this.#replaceLater(slot);
  }

  #replaceLater(slot: Slot): void {
    const pauseMs = slot.failures === 0 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (slot.failures - 1));
    slot.failures++;
    slot.timer = setTimeout(() => void this.#replace(slot), pauseMs);
  }

  async #replace(slot: Slot): Promise<void> {
    slot.timer = null;
    const worker = this.#spawn(slot);
    try {
      await worker.ready;
      const problem = await this.#options.onReplacement(slot.index, worker);
      if (problem === null) {
        slot.serving = true;
        this.#options.log.write("info", "main", `worker ${slot.index} serves again`);
        return;
      }
      await worker.terminate(`it cannot take the configuration: ${problem}`);
    } catch {
      // Its death was told to onDeath, which has planned the next attempt.
    }
  }
}

function both(one: Counter, all: Counter): Counter {
  return {
    inc() {
      one.inc();
      all.inc();
    },
  };
}
