/** The time that attempts have: for the headers of an answer (per_try_timeout), and between any two bytes (per_try_idle_timeout). One timer for all attempts of a request. */
import type { Timer } from "@sluice/sdk";
import type { Attempt } from "./attempt.ts";
import type { Router } from "./filter.ts";
import type { RetrySettings } from "./retry-settings.ts";
import type { RouterHandle } from "./router-stream.ts";

export type Slowness = "per_try_timeout" | "per_try_idle_timeout";

export interface SlowAttempts {
  tooSlow(attempt: Attempt, which: Slowness): void;
}

export class AttemptTimes {
  readonly #settings: RetrySettings;
  readonly #router: Router;
  readonly #stream: RouterHandle;
  #timer: Timer | null;
  #timerAtMs: number;

  constructor(settings: RetrySettings, router: Router, stream: RouterHandle) {
    this.#settings = settings;
    this.#router = router;
    this.#stream = stream;
    this.#timer = null;
    this.#timerAtMs = 0;
  }

  /** `isSent`: whether the request has ended, so that an answer is waited for. */
  begin(attempt: Attempt, running: readonly Attempt[], isSent: boolean): void {
    const { perTryTimeoutMs } = this.#settings;
    if (isSent && perTryTimeoutMs !== 0) attempt.deadlineMs = this.#router.clock.turnNow() + perTryTimeoutMs;
    this.touch(attempt);
    this.#arm(running);
  }

  /** Something of it was sent or came. */
  touch(attempt: Attempt): void {
    const { perTryIdleTimeoutMs } = this.#settings;
    if (perTryIdleTimeoutMs !== 0) attempt.idleDeadlineMs = this.#router.clock.turnNow() + perTryIdleTimeoutMs;
  }

  check(running: readonly Attempt[], slow: SlowAttempts): void {
    const nowMs = this.#router.clock.turnNow();
    this.#timer = null;
    for (const attempt of running.slice()) {
      if (attempt.deadlineMs !== 0 && nowMs >= attempt.deadlineMs) slow.tooSlow(attempt, "per_try_timeout");
      else if (attempt.idleDeadlineMs !== 0 && nowMs >= attempt.idleDeadlineMs)
        slow.tooSlow(attempt, "per_try_idle_timeout");
    }
    this.#arm(running);
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** For the earliest of all; those that have moved on meanwhile arm it again when it fires. */
  #arm(running: readonly Attempt[]): void {
    let first = 0;
    for (const { deadlineMs, idleDeadlineMs } of running) {
      if (deadlineMs !== 0 && (first === 0 || deadlineMs < first)) first = deadlineMs;
      if (idleDeadlineMs !== 0 && (first === 0 || idleDeadlineMs < first)) first = idleDeadlineMs;
    }
    if (first === 0 || (this.#timer !== null && this.#timerAtMs <= first)) return;
    this.#timer?.cancel();
    this.#timerAtMs = first;
    this.#timer = this.#stream.setTimer(onTime, Math.max(0, first - this.#router.clock.turnNow()));
  }
}

function onTime(handle: RouterHandle): void {
  handle.state.retries?.checkTime();
}
