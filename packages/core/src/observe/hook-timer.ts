/**
 * Exclusive time of hooks: hooks nest (a filter's `reply()` runs the response hooks of others), and what the inner ones took is taken off the outer one.
 * One for each connection manager. What the reading of the clock itself costs is measured once and taken off.
 */
import type { Clock } from "@sluice/sdk";
import type { FilterSlot } from "../http/chain/filter-chain.ts";
import type { MeasuredHook } from "./cost-names.ts";

const CALIBRATIONS = 201;

/** A hook on the stack. */
class Frame {
  /** Whose stream it belongs to. */
  readonly owner: object;
  readonly slot: FilterSlot;
  readonly hook: MeasuredHook;
  /** Milliseconds of the hooks that ran inside. */
  innerMs = 0;
  hasFailed = false;
  startMs = 0;

  constructor(owner: object, slot: FilterSlot, hook: MeasuredHook) {
    this.owner = owner;
    this.slot = slot;
    this.hook = hook;
  }
}

export interface RunningHook {
  readonly slot: FilterSlot;
  readonly hook: MeasuredHook;
  readonly hasFailed: boolean;
  /** Its own microseconds so far. */
  readonly us: number;
}

export class HookTimer {
  readonly #clock: Clock;
  /** Milliseconds between two readings of the clock with nothing between them. */
  readonly #floorMs: number;
  readonly #frames: Frame[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#floorMs = floorOf(clock);
  }

  begin(owner: object, slot: FilterSlot, hook: MeasuredHook): void {
    const frame = new Frame(owner, slot, hook);
    this.#frames.push(frame);
    frame.startMs = this.#clock.now();
  }

  /** Ends the hook on top. */
  end(): RunningHook {
    const now = this.#clock.now();
    const { slot, hook, hasFailed, startMs, innerMs } = this.#frames.pop()!;
    const wholeMs = now - startMs;
    const outer = this.#frames.at(-1);
    if (outer !== undefined) outer.innerMs += wholeMs;
    return { slot, hook, hasFailed, us: Math.max(0, wholeMs - innerMs - this.#floorMs) * 1000 };
  }

  /** The hook on top has thrown. false: what is on top is another one. */
  fail(owner: object, slot: FilterSlot): boolean {
    const top = this.#frames.at(-1);
    if (top === undefined || top.owner !== owner || top.slot !== slot) return false;
    top.hasFailed = true;
    return true;
  }

  /** The hooks of one stream that are running, the outermost first. */
  running(owner: object): RunningHook[] {
    const found: RunningHook[] = [];
    let endMs = this.#clock.now();
    for (const frame of this.#frames.toReversed()) {
      const { slot, hook, hasFailed, startMs, innerMs } = frame;
      const us = Math.max(0, endMs - startMs - innerMs) * 1000;
      if (frame.owner === owner) found.unshift({ slot, hook, hasFailed, us });
      endMs = startMs;
    }
    return found;
  }
}

/** The median: the first readings are slow. */
function floorOf(clock: Clock): number {
  const widths: number[] = [];
  for (let i = 0; i < CALIBRATIONS; i++) {
    const before = clock.now();
    widths.push(clock.now() - before);
  }
  return widths.sort((a, b) => a - b)[CALIBRATIONS >>> 1]!;
}
