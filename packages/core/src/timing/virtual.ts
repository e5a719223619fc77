/** Virtual time for tests and the harness: nothing moves until `advance` says so; timers fire in the order of their deadlines. */
import type { TurnClock } from "./clock.ts";
import { TimerWheel, type Waker } from "./timer-wheel.ts";

class VirtualClock implements TurnClock {
  monotonicMs: number;
  readonly #wallOffsetMs: number;

  constructor(startMs: number, wallStartMs: number) {
    this.monotonicMs = startMs;
    this.#wallOffsetMs = wallStartMs - startMs;
  }

  now(): number {
    return this.monotonicMs;
  }

  turnNow(): number {
    return this.monotonicMs;
  }

  wallNow(): number {
    return this.monotonicMs + this.#wallOffsetMs;
  }
}

class VirtualWaker implements Waker {
  atMs = Infinity;
  #clock: VirtualClock;
  #wake: (() => void) | null = null;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  schedule(ms: number, wake: () => void): void {
    this.atMs = this.#clock.monotonicMs + ms;
    this.#wake = wake;
  }

  cancel(): void {
    this.atMs = Infinity;
  }

  fire(): void {
    this.atMs = Infinity;
    this.#wake?.();
  }
}

export interface VirtualTimeOptions {
  /** @default 1000 */
  readonly startMs?: number;
  /** @default 2026-01-01T00:00:00Z */
  readonly wallStartMs?: number;
}

export class VirtualTime {
  readonly clock: TurnClock;
  readonly timers: TimerWheel;
  readonly #clock: VirtualClock;
  readonly #waker: VirtualWaker;
  readonly #errors: unknown[] = [];

  constructor(options: VirtualTimeOptions = {}) {
    this.#clock = new VirtualClock(options.startMs ?? 1000, options.wallStartMs ?? Date.UTC(2026, 0, 1));
    this.#waker = new VirtualWaker(this.#clock);
    this.clock = this.#clock;
    this.timers = new TimerWheel(this.#clock, this.#waker, (error) => this.#errors.push(error));
  }

  /** When the wheel wants to be woken next, at the latest when its next timer is due; Infinity while nothing is armed. */
  get nextMs(): number {
    return this.#waker.atMs;
  }

  /** Moves time forward by `ms`, firing what falls due on the way at its own time. Throws what a timer threw. */
  advance(ms: number): void {
    const target = this.#clock.monotonicMs + ms;
    while (this.#waker.atMs <= target) {
      this.#clock.monotonicMs = this.#waker.atMs;
      this.#waker.fire();
    }
    this.#clock.monotonicMs = target;
    this.#rethrow();
  }

  /** The same, with promises settled between the steps. */
  async advanceAsync(ms: number): Promise<void> {
    const target = this.#clock.monotonicMs + ms;
    await settle();
    while (this.#waker.atMs <= target) {
      this.#clock.monotonicMs = this.#waker.atMs;
      this.#waker.fire();
      await settle();
    }
    this.#clock.monotonicMs = target;
    await settle();
    this.#rethrow();
  }

  #rethrow(): void {
    if (this.#errors.length > 0) throw this.#errors.shift();
  }
}

/** A few rounds of the microtask queue. */
async function settle(): Promise<void> {
  for (let i = 0; i < 8; i++) await Promise.resolve();
}
