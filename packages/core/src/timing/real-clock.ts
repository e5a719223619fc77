/**
 * Hot path (docs/extending/hot-path-rules.md). The clock of a running process. `performance.now()` starts at another moment in
 * every thread; the offset to the system's monotonic clock makes all threads agree to within microseconds.
 */
import type { TurnListener } from "../network/flush-queue.ts";
import type { TurnClock } from "./clock.ts";

export class RealClock implements TurnClock, TurnListener {
  readonly #offsetMs: number;
  #turnMs: number;
  #inTurn: boolean;
  #fresh: boolean;

  constructor() {
    this.#offsetMs = monotonicOffset();
    this.#turnMs = 0.5;
    this.#inTurn = false;
    this.#fresh = false;
  }

  now(): number {
    return performance.now() + this.#offsetMs;
  }

  wallNow(): number {
    return Date.now();
  }

  turnNow(): number {
    if (this.#fresh) return this.#turnMs;
    const now = performance.now() + this.#offsetMs;
    if (this.#inTurn) {
      this.#turnMs = now;
      this.#fresh = true;
    }
    return now;
  }

  beginTurn(): void {
    this.#inTurn = true;
  }

  endTurn(): void {
    this.#inTurn = false;
    this.#fresh = false;
  }
}

/** The best of three, so that a pause of the thread between the two readings does not count. */
function monotonicOffset(): number {
  let best = Infinity;
  let offset = 0;
  for (let i = 0; i < 3; i++) {
    const before = performance.now();
    const system = Number(process.hrtime.bigint()) / 1e6;
    const width = performance.now() - before;
    if (width < best) {
      best = width;
      offset = system - before - width / 2;
    }
  }
  return offset;
}
