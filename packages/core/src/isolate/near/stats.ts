/** Statistics of an isolated filter's threads, under `<filter>.isolate.`. */
import type { Counter, Stats } from "@sluice/sdk";

export class IsolateStats {
  /** Threads that ran for longer than `max_time` without yielding. */
  readonly terminated: Counter;
  /** Threads that reached `memory`. */
  readonly outOfMemory: Counter;
  /** Threads that ended by themselves: an exception that nobody caught, an exit. */
  readonly errors: Counter;
  /** Threads that took the place of one that was lost. */
  readonly restarts: Counter;
  /** Hooks that were open for longer than `max_held_time`. */
  readonly timeouts: Counter;
  /** Hook calls that were refused: `max_queue` were waiting. */
  readonly overflow: Counter;
  /** Promises of the filter that were rejected, and nobody waited. */
  readonly unhandledRejections: Counter;

  constructor(stats: Stats) {
    const counter = (name: string): Counter => stats.counter(`isolate.${name}`);
    this.terminated = counter("terminated");
    this.outOfMemory = counter("out_of_memory");
    this.errors = counter("errors");
    this.restarts = counter("restarts");
    this.timeouts = counter("timeouts");
    this.overflow = counter("overflow");
    this.unhandledRejections = counter("unhandled_rejections");
  }
}
