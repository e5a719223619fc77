/**
 * Watches one thread from its worker: whether it yields, what it holds outside of its heap, which hooks are open for too long. It reads shared memory, since a thread that
 * loops answers nothing. What counts is the time that the thread has run; where the system does not tell, the clock's, without that in which the worker itself stood still.
 */
import type { Clock } from "@sluice/sdk";
import { type Timers, TimerNode } from "../../timing/clock.ts";
import { WATCH_BEGUN, WATCH_DONE, WATCH_EXTERNAL_KIB, WATCH_THREAD } from "../protocol.ts";
import { type ThreadTimes, timesOf } from "../thread-times.ts";

/** What a watch needs to know and may do. */
export interface Watched {
  /** Messages that were sent to the thread. */
  readonly posted: number;
  readonly hasOpenCalls: boolean;
  readonly hasStreams: boolean;
  /** Sends a message with nothing in it: a loop that turns answers it. */
  ping(): void;
  /** Gives up hooks whose time is over. */
  expire(nowMs: number): void;
  /** It ran for too long without yielding; it stood still, as in a synchronous read; it holds so many bytes in buffers. */
  stuck(): void;
  blocked(): void;
  tooLarge(bytes: number): void;
}

export interface WatchLimits {
  readonly maxTimeMs: number;
  readonly maxHeldTimeMs: number;
  readonly memoryBytes: number;
}

const MIN_INTERVAL_MS = 10;
const MAX_INTERVAL_MS = 250;
const LOOKS_A_LIMIT = 4;
/** Looks between pings while streams live and no hook is open. */
const IDLE_LOOKS = 40;

export class Watch extends TimerNode {
  readonly #thread: Watched;
  readonly #words: Int32Array;
  readonly #timers: Timers;
  readonly #clock: Clock;
  readonly #limits: WatchLimits;
  readonly #timesOf: (threadNumber: number) => ThreadTimes | null;
  readonly #intervalMs: number;
  #lookedMs = 0;
  /** Since something was heard of the thread: it ran, it stood still. */
  #ranMs = 0;
  #stoodMs = 0;
  /** null: not asked since. */
  #times: ThreadTimes | null = null;
  #begun = 0;
  #done = 0;
  #looksSincePing = 0;

  constructor(
    thread: Watched,
    words: Int32Array,
    time: { readonly timers: Timers; readonly clock: Clock },
    limits: WatchLimits,
    times: (threadNumber: number) => ThreadTimes | null = timesOf,
  ) {
    super();
    this.#thread = thread;
    this.#words = words;
    this.#timers = time.timers;
    this.#clock = time.clock;
    this.#limits = limits;
    this.#timesOf = times;
    const wanted = Math.min(limits.maxTimeMs, limits.maxHeldTimeMs) / LOOKS_A_LIMIT;
    this.#intervalMs = Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, wanted));
  }

  /** Something was sent: looks until nothing is left to be seen. */
  wake(): void {
    if (this.deadline !== -1) return;
    this.#lookedMs = this.#clock.now();
    this.#heard();
    this.#looksSincePing = 0;
    this.#timers.arm(this, this.#intervalMs);
  }

  end(): void {
    this.#timers.cancel(this);
  }

  override onTimeout(): void {
    const thread = this.#thread;
    const now = this.#clock.now();
    // The worker's own standstill would otherwise look like the thread's.
    const passed = Math.min(now - this.#lookedMs, 2 * this.#intervalMs);
    this.#lookedMs = now;
    const begun = Atomics.load(this.#words, WATCH_BEGUN);
    const done = Atomics.load(this.#words, WATCH_DONE);
    const isBusy = done !== (thread.posted | 0);
    if (isBusy && begun === this.#begun && done === this.#done) this.#count(passed);
    else this.#heard();
    this.#begun = begun;
    this.#done = done;
    if (this.#ranMs >= this.#limits.maxTimeMs) return thread.stuck();
    if (this.#stoodMs >= this.#limits.maxHeldTimeMs) return thread.blocked();
    const externalBytes = Atomics.load(this.#words, WATCH_EXTERNAL_KIB) * 1024;
    if (externalBytes > this.#limits.memoryBytes) return thread.tooLarge(externalBytes);
    thread.expire(now);
    if (!isBusy) this.#probe(thread);
    if (isBusy || thread.hasOpenCalls || thread.hasStreams) this.#timers.arm(this, this.#intervalMs);
  }

  #heard(): void {
    this.#ranMs = 0;
    this.#stoodMs = 0;
    this.#times = null;
  }

  /** Nothing was heard since the last look. */
  #count(passedMs: number): void {
    const before = this.#times;
    this.#times = this.#timesOf(Atomics.load(this.#words, WATCH_THREAD));
    if (this.#times === null) this.#ranMs += passedMs;
    else if (before !== null) {
      const ranMs = this.#times.ranMs - before.ranMs;
      this.#ranMs += ranMs;
      this.#stoodMs += Math.max(0, passedMs - ranMs - (this.#times.waitedMs - before.waitedMs));
    }
  }

  /** A filter may loop long after its hook has returned or begun to wait. */
  #probe(thread: Watched): void {
    const every = thread.hasOpenCalls ? LOOKS_A_LIMIT : IDLE_LOOKS;
    if (!thread.hasOpenCalls && !thread.hasStreams) return;
    if (++this.#looksSincePing < every) return;
    this.#looksSincePing = 0;
    thread.ping();
  }
}
