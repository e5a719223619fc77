/** What a component's filter knows of one stream, and the small numbers by which the component knows it. */
import type { Headers, Verdict } from "@sluice/sdk";

/** In place of the number of an instance: no hook has run yet; the loss of its instance was told; the stream is over. */
export const FRESH = -1;
export const TOLD = -2;
export const OVER = -3;

/** A hook that waits for a call or a timer: the promise that holds its direction. */
export interface Hold {
  /** The section that the hook was given, which may be changed until the promise settles; null: it was given data. */
  readonly headers: Headers | null;
  readonly settle: (verdict: Verdict) => void;
  readonly fail: (error: Error) => void;
}

export class DirectionState {
  /** Calls and timers that have not been answered. */
  open: number;
  hold: Hold | null;

  constructor() {
    this.open = 0;
    this.hold = null;
  }
}

export class ComponentStream {
  /** Small, and used again after the end; -1 before the first hook. */
  number: number;
  /** Which instance has its state. */
  instance: number;
  readonly request: DirectionState;
  readonly response: DirectionState;

  constructor() {
    this.number = -1;
    this.instance = FRESH;
    this.request = new DirectionState();
    this.response = new DirectionState();
  }
}

/** The smallest number that is free, so that a component can keep its streams in an array. */
export class StreamNumbers {
  readonly #free: number[] = [];
  #next = 0;

  take(): number {
    return this.#free.pop() ?? this.#next++;
  }

  giveBack(number: number): void {
    this.#free.push(number);
  }
}
