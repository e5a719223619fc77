/**
 * Hot path of isolated filters. What the worker knows of one stream of an isolated filter: it stands where the filter's own state stands inline. The filter fails a stream once; after that its hooks
 * let everything pass.
 */
import type { DataVerdict, Timer } from "@sluice/sdk";
import type { Flow } from "../../http/chain/flow.ts";
import type { StreamHandle } from "../../http/chain/stream-handle.ts";
import type { HeaderMap } from "../../http/headers/header-map.ts";
import { ASKED, directionOf, type DirectionNumber } from "../protocol.ts";
import type { FilterThread } from "./filter-thread.ts";

/** A hook call that waits for its outcome. */
export class OpenCall {
  readonly number: number;
  readonly stream: RemoteStream;
  readonly hook: number;
  /** The section that the hook was given; null for data. */
  readonly headers: HeaderMap | null;
  readonly promise: Promise<DataVerdict>;
  resolve!: (verdict: DataVerdict) => void;
  reject!: (error: Error) => void;
  /** When it is given up, milliseconds of the clock. */
  deadlineMs: number;

  constructor(number: number, stream: RemoteStream, hook: number, headers: HeaderMap | null, deadlineMs: number) {
    this.number = number;
    this.stream = stream;
    this.hook = hook;
    this.headers = headers;
    this.deadlineMs = deadlineMs;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

export class RemoteStream {
  number: number;
  /** null: none of its hooks has run. */
  thread: FilterThread | null;
  handle: StreamHandle | null;
  /** The filter has nothing to do with it any more: it failed, or the stream is over. */
  isLost: boolean;
  /** Why its next hook fails: the thread that had its state is gone. */
  lostWith: Error | null;
  /** By direction: the filter stopped it; how often it paused it. */
  readonly held: [boolean, boolean];
  readonly pauses: [number, number];
  readonly calls: OpenCall[];
  #timers: Map<number, Timer> | null;

  constructor() {
    this.number = -1;
    this.thread = null;
    this.handle = null;
    this.isLost = false;
    this.lostWith = null;
    this.held = [false, false];
    this.pauses = [0, 0];
    this.calls = [];
    this.#timers = null;
  }

  flow(direction: DirectionNumber): Flow {
    const { stream } = this.handle!;
    return direction === 0 ? stream.requestFlow : stream.responseFlow;
  }

  setTimer(number: number, ms: number): void {
    const timers = (this.#timers ??= new Map<number, Timer>());
    const timer = this.handle!.setTimer(() => {
      timers.delete(number);
      this.thread?.timerFired(this, number);
    }, ms);
    timers.set(number, timer);
  }

  cancelTimer(number: number): void {
    this.#timers?.get(number)?.cancel();
    this.#timers?.delete(number);
  }

  /** The filter failed outside of the engine's sight: in a callback, or with its thread. The engine answers, or the stream goes on without it. */
  fail(where: string, error: Error): void {
    if (this.isLost) return;
    const { stream, slot } = this.handle!;
    // First: the answer passes this filter's own hooks.
    this.leave();
    if (!stream.over && stream.filterFailed(slot, where, error)) this.release();
  }

  /** The hook on the stack throws; what the filter stopped otherwise goes on where the configuration lets it. */
  failInHook(error: Error): never {
    this.leave();
    queueMicrotask(() => this.release());
    throw error;
  }

  /** A stream that waits for the thread fails now, another with its next hook: what a filter has let pass stays so, and what it has not does not pass. */
  threadLost(error: Error): void {
    if (this.isLost) return;
    if (this.calls.length !== 0 || this.held[0] || this.held[1] || this.pauses[0] + this.pauses[1] > 0) {
      this.fail(this.openHook("thread"), error);
      return;
    }
    this.lostWith = error;
    this.#endTimers();
  }

  /** The name of the hook that waits; else `elsewhere`. */
  openHook(elsewhere: string): string {
    const [call] = this.calls;
    return call === undefined ? elsewhere : ASKED[call.hook]!;
  }

  /** Nothing of the filter touches the stream any more; hooks that wait let their frames pass, unless the stream is answered in this turn. */
  leave(): void {
    if (this.isLost) return;
    this.isLost = true;
    this.#endTimers();
    this.thread?.forget(this);
    for (const call of this.calls) call.resolve(undefined);
    this.calls.length = 0;
  }

  /** The code that they would call is gone. */
  #endTimers(): void {
    if (this.#timers !== null) for (const timer of this.#timers.values()) timer.cancel();
    this.#timers = null;
  }

  private release(): void {
    const { handle } = this;
    if (handle === null || handle.stream.over) return;
    for (const direction of [0, 1] as const) {
      const view = direction === 0 ? handle.request : handle.response;
      for (; this.pauses[direction] > 0; this.pauses[direction]--) view.unpause();
      if (!this.held[direction]) continue;
      this.held[direction] = false;
      view.resume();
    }
  }

  /** A direction's state after an outcome: whether the filter stops it. */
  settled(hook: number, verdict: unknown): void {
    this.held[directionOf(hook)] = typeof verdict === "number" && verdict !== 0;
  }
}
