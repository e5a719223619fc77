/** Timers of a harness: the real wheel, and who is armed on it. What waits is either of a filter (or of the test's other end), or a time-out of the engine. */
import type { Timer } from "@sluice/sdk";
import { FilterTimer } from "../http/manager/stream-timers.ts";
import { TimerNode, type Timers } from "../timing/clock.ts";

class CallbackTimer extends TimerNode implements Timer {
  readonly #timers: KitTimers;
  readonly #callback: () => void;

  constructor(timers: KitTimers, callback: () => void) {
    super();
    this.#timers = timers;
    this.#callback = callback;
  }

  override onTimeout(): void {
    this.#callback();
  }

  cancel(): void {
    this.#timers.cancel(this);
  }
}

export class KitTimers implements Timers {
  readonly #wheel: Timers;
  readonly #nodes = new Set<TimerNode>();

  constructor(wheel: Timers) {
    this.#wheel = wheel;
  }

  arm(node: TimerNode, ms: number): void {
    this.#nodes.add(node);
    this.#wheel.arm(node, ms);
  }

  cancel(node: TimerNode): void {
    this.#nodes.delete(node);
    this.#wheel.cancel(node);
  }

  setTimer(callback: () => void, ms: number): Timer {
    const timer = new CallbackTimer(this, callback);
    this.arm(timer, ms);
    return timer;
  }

  /** Deadline of the earliest timer of that kind; Infinity while none is armed. */
  next(kind: "filter" | "engine"): number {
    let earliest = Infinity;
    for (const node of this.#nodes) {
      if (node.deadline === -1) this.#nodes.delete(node);
      else if (isOfFilter(node) === (kind === "filter")) earliest = Math.min(earliest, node.deadline);
    }
    return earliest;
  }

  /** Timers that are armed. */
  count(kind: "filter" | "engine"): number {
    let count = 0;
    for (const node of this.#nodes) if (node.deadline !== -1 && isOfFilter(node) === (kind === "filter")) count++;
    return count;
  }
}

function isOfFilter(node: TimerNode): boolean {
  return node instanceof CallbackTimer || node instanceof FilterTimer;
}
