/**
 * Looks at the workers' heartbeats: counts the silent ones and names the filter that each entered last, and has those
 * killed that stay silent. A pause of main itself (a stopped process, a sleeping machine) is not held against the workers.
 */
import type { Counter } from "@sluice/sdk";
import type { WatchdogModel } from "../config/model.ts";
import type { LogSink } from "../worker/log.ts";

/** A heart as the watchdog sees it. */
export interface Watched {
  readonly lastBeatMs: number;
  readonly lastFilter: string | null;
}

export interface WatchedWorker {
  readonly index: number;
  /** It has its configuration. One that still loads may be silent, but not for so long that it has to be killed. */
  readonly serves: boolean;
  readonly heart: Watched;
  readonly misses: Counter;
  readonly megaMisses: Counter;
  kill(reason: string): void;
}

interface Silence {
  readonly sinceMs: number;
  missed: boolean;
  megaMissed: boolean;
  killed: boolean;
}

export class Watchdog {
  readonly #log: LogSink;
  readonly #silences = new Map<WatchedWorker, Silence>();
  readonly #workers = new Set<WatchedWorker>();
  #limits: WatchdogModel;
  #lastLookMs = -1;

  constructor(limits: WatchdogModel, log: LogSink) {
    this.#limits = limits;
    this.#log = log;
  }

  set limits(limits: WatchdogModel) {
    this.#limits = limits;
  }

  /** How often to look: often enough to see the shortest silence that counts. */
  get intervalMs(): number {
    const { missMs, megamissMs, killMs } = this.#limits;
    const shortest = Math.min(...[missMs, megamissMs, killMs].filter((ms) => ms > 0));
    return Math.min(1000, Math.max(10, shortest / 2));
  }

  watch(worker: WatchedWorker): void {
    this.#workers.add(worker);
  }

  unwatch(worker: WatchedWorker): void {
    this.#workers.delete(worker);
    this.#silences.delete(worker);
  }

  look(nowMs: number): void {
    const sinceLook = this.#lastLookMs < 0 ? 0 : nowMs - this.#lastLookMs;
    this.#lastLookMs = nowMs;
    // Main was stopped too: the workers get the time to beat again.
    if (sinceLook > 4 * this.intervalMs + 100) return;
    for (const worker of this.#workers) this.#lookAt(worker, nowMs);
  }

  #lookAt(worker: WatchedWorker, nowMs: number): void {
    const { lastBeatMs, lastFilter } = worker.heart;
    if (lastBeatMs === 0) return;
    let silence = this.#silences.get(worker);
    if (silence?.sinceMs !== lastBeatMs) {
      silence = { sinceMs: lastBeatMs, missed: false, megaMissed: false, killed: false };
      this.#silences.set(worker, silence);
    }
    const { missMs, megamissMs, killMs } = this.#limits;
    const silentMs = nowMs - lastBeatMs;
    const filter = lastFilter ?? "none";
    if (worker.serves && missMs > 0 && silentMs > missMs && !silence.missed) {
      silence.missed = true;
      worker.misses.inc();
      this.#log.write(
        "warn",
        "watchdog",
        `worker ${worker.index} is silent; the filter that it entered last: ${filter}`,
        { silentMs: Math.round(silentMs), filter },
      );
    }
    if (worker.serves && megamissMs > 0 && silentMs > megamissMs && !silence.megaMissed) {
      silence.megaMissed = true;
      worker.megaMisses.inc();
    }
    if (killMs > 0 && silentMs > killMs && !silence.killed) {
      silence.killed = true;
      worker.kill(`it was silent for ${Math.round(silentMs)} ms; the filter that it entered last: ${filter}`);
    }
  }
}
