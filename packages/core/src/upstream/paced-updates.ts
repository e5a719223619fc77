/**
 * What is made anew when a host fails or recovers, and takes long where there are thousands: at once while it is quick, else so seldom that the thread has time for the rest
 * while all of them do so one by one. Balancers in workers; in main, hosts that leave.
 */
import type { Timer, Timers, TurnClock } from "../timing/clock.ts";

/** What takes less is done at once. */
const QUICK_MS = 4;
/** It has a tenth of the thread's time … */
const REST = 9;
/** … unless who has failed were chosen for longer than that. */
const MOST_REST_MS = 1000;

export class PacedUpdates {
  readonly #clock: TurnClock;
  readonly #timers: Timers;
  readonly #make: () => void;
  #lastMs = 0;
  #restsUntilMs = -Infinity;
  #timer: Timer | null = null;

  constructor(clock: TurnClock, timers: Timers, make: () => void) {
    this.#clock = clock;
    this.#timers = timers;
    this.#make = make;
  }

  /** Something has changed. */
  ask(): void {
    if (this.#timer !== null) return;
    const waitMs = this.#restsUntilMs - this.#clock.now();
    if (waitMs <= 0) this.now();
    else this.#timer = this.#timers.setTimer(() => this.now(), waitMs);
  }

  /** Whether something has changed that is still to be told. */
  get waits(): boolean {
    return this.#timer !== null;
  }

  /** Something has changed that cannot wait. */
  now(): void {
    this.close();
    const startMs = this.#clock.now();
    this.#make();
    const nowMs = this.#clock.now();
    // One alone may have been interrupted.
    const costMs = Math.min(this.#lastMs, nowMs - startMs);
    this.#lastMs = nowMs - startMs;
    this.#restsUntilMs = costMs < QUICK_MS ? -Infinity : nowMs + Math.min(REST * costMs, MOST_REST_MS);
  }

  /** What waits is forgotten. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
