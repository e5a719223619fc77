/** Counters of redis_ratelimit, under the filter's prefix. */
import type { Counter, Histogram, Stats } from "@sluice/sdk";

export class RedisRateLimitStats {
  /** Requests that passed, and those that a limit refused; whoever decided. */
  readonly ok: Counter;
  readonly overLimit: Counter;
  /** Decisions that Redis did not make: it was away or failed; it was late. */
  readonly redisError: Counter;
  readonly redisTimeout: Counter;
  /** What became of these: decided here; let pass; refused. */
  readonly fallback: Counter;
  readonly failureModeAllowed: Counter;
  readonly failureModeDenied: Counter;
  /** Milliseconds that requests waited for Redis. */
  readonly wait: Histogram;

  constructor(stats: Stats) {
    this.ok = stats.counter("ok");
    this.overLimit = stats.counter("over_limit");
    this.redisError = stats.counter("redis_error");
    this.redisTimeout = stats.counter("redis_timeout");
    this.fallback = stats.counter("fallback");
    this.failureModeAllowed = stats.counter("failure_mode_allowed");
    this.failureModeDenied = stats.counter("failure_mode_denied");
    this.wait = stats.histogram("redis_wait");
  }
}
