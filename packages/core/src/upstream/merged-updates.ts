/** Updates of hosts that change nothing but weights, health or metadata, applied at most once in a while: the last one counts. Envoy: update_merge_window. */
import type { Timer, Timers, TurnClock } from "../timing/clock.ts";
import { hostKey, type HostModel } from "./host.ts";

export class MergedUpdates {
  readonly #windowMs: number;
  readonly #clock: TurnClock;
  readonly #timers: Timers;
  readonly #apply: (hosts: readonly HostModel[]) => void;
  #appliedMs = -Infinity;
  #waiting: readonly HostModel[] | null = null;
  #timer: Timer | null = null;

  constructor(windowMs: number, clock: TurnClock, timers: Timers, apply: (hosts: readonly HostModel[]) => void) {
    this.#windowMs = windowMs;
    this.#clock = clock;
    this.#timers = timers;
    this.#apply = apply;
  }

  /** `isUrgent`: hosts came or went; it is not kept waiting. */
  offer(hosts: readonly HostModel[], isUrgent: boolean): void {
    const waitMs = this.#appliedMs + this.#windowMs - this.#clock.turnNow();
    if (isUrgent || waitMs <= 0) {
      this.#now(hosts);
      return;
    }
    this.#waiting = hosts;
    this.#timer ??= this.#timers.setTimer(() => {
      if (this.#waiting !== null) this.#now(this.#waiting);
    }, waitMs);
  }

  /** What waits is applied now. */
  flush(): void {
    if (this.#waiting !== null) this.#now(this.#waiting);
  }

  #now(hosts: readonly HostModel[]): void {
    this.close();
    this.#appliedMs = this.#clock.turnNow();
    this.#apply(hosts);
  }

  /** What waits is forgotten. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#waiting = null;
  }
}

/** Whether hosts came or went. */
export function areOthers(models: readonly HostModel[], members: ReadonlyMap<string, unknown>): boolean {
  const keys = new Set(models.map(hostKey));
  if (keys.size !== members.size) return true;
  for (const key of keys) if (!members.has(key)) return true;
  return false;
}
