/** Time, as everything in core sees it: injected, so that tests run under a virtual clock. */
import type { Clock, Timer } from "@sluice/sdk";

export type { Clock, Timer };

/** Its monotonic time is comparable between the threads of a process. */
export type TurnClock = Clock;

/**
 * Coarse shared timers. `deadline` timers are what streams use: an intrusive node that is moved, not made anew, when its stream is active.
 */
export interface Timers {
  /** Calls `node.onTimeout()` once, up to one tick (10 ms) late, unless `cancel` comes first. Re-arming moves it. */
  arm(node: TimerNode, ms: number): void;
  cancel(node: TimerNode): void;
  /** For the slow path: a closure. */
  setTimer(callback: () => void, ms: number): Timer;
}

/** Base class of whatever wants to be woken: fields belong to the timer wheel. */
export abstract class TimerNode {
  /** Monotonic milliseconds; -1 while not armed. */
  deadline = -1;
  /** The wheel's tick at which the node is looked at; not later than the deadline. */
  visitTick = -1;
  prev: TimerNode | null = null;
  next: TimerNode | null = null;
  abstract onTimeout(): void;
}
