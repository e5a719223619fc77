/**
 * The active checks of one host: asks, counts, decides. A host is unhealthy until its first check passes, and healthy at once then; later, thresholds count, but for a bad answer
 * that is not retriable, which is believed at once. Envoy: HealthCheckerImplBase::ActiveHealthCheckSession.
 */
import { TimerNode } from "../../timing/clock.ts";
import { HEALTH_FLAG } from "../health/health-flags.ts";
import { checkInterval } from "./check-interval.ts";
import type { CheckEvent, FailureType } from "./check-event-log.ts";
import type { HealthChecker } from "./health-checker.ts";
import type { Probe, ProbeOutcome } from "./probe.ts";

class CheckTimeout extends TimerNode {
  readonly #session: CheckSession;

  constructor(session: CheckSession) {
    super();
    this.#session = session;
  }

  override onTimeout(): void {
    this.#session.timedOut();
  }
}

const CHANGED = 0;
const UNCHANGED = 1;
const PENDING = 2;

export class CheckSession extends TimerNode {
  readonly address: string;
  /** HEALTH_FLAG, of active checks alone. */
  flags: number = HEALTH_FLAG.failedActiveHc;
  /** The first check has an outcome. */
  isKnown = false;
  readonly #checker: HealthChecker;
  readonly #probe: Probe;
  readonly #timeout: CheckTimeout;
  #healthyInRow = 0;
  #unhealthyInRow = 0;
  #isOpen = false;
  #closed = false;

  constructor(checker: HealthChecker, address: string, probe: Probe) {
    super();
    this.address = address;
    this.#checker = checker;
    this.#probe = probe;
    this.#timeout = new CheckTimeout(this);
  }

  /** The host is the same and stands elsewhere now: what was known of it holds until its answers say something else. */
  inherit(before: CheckSession): void {
    this.flags = before.flags;
    this.isKnown = before.isKnown;
    this.#healthyInRow = before.#healthyInRow;
    this.#unhealthyInRow = before.#unhealthyInRow;
  }

  start(): void {
    const { model, random, timers } = this.#checker.options;
    if (model.initialJitterMs === 0) this.#ask();
    else timers.arm(this, Math.max(1, random.below(model.initialJitterMs)));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { timers } = this.#checker.options;
    timers.cancel(this);
    timers.cancel(this.#timeout);
    try {
      this.#probe.close();
    } catch (error) {
      this.#tell(error);
    }
  }

  /** The interval is over. */
  override onTimeout(): void {
    this.#ask();
  }

  #ask(): void {
    const { stats, timers, model } = this.#checker.options;
    stats.attempt.inc();
    this.#isOpen = true;
    timers.arm(this.#timeout, model.timeoutMs);
    try {
      this.#probe.run(this.#onOutcome);
    } catch (error) {
      this.#giveUp();
      this.#onOutcome({ kind: "error", error });
    }
  }

  #giveUp(): void {
    try {
      this.#probe.cancel();
    } catch (error) {
      this.#tell(error);
    }
  }

  /** All that happens here comes from a timer or a connection of main: an error that nobody takes would end the process. */
  #tell(error: unknown): void {
    this.#checker.options.onError(this.address, error);
  }

  readonly #onOutcome = (outcome: ProbeOutcome): void => {
    if (this.#closed || !this.#isOpen) return;
    this.#isOpen = false;
    this.#checker.options.timers.cancel(this.#timeout);
    if (outcome.kind === "passed") this.#passed(outcome.isDegraded);
    else if (outcome.kind === "network") this.#failed("NETWORK", false);
    else if (outcome.kind === "error") {
      this.#tell(outcome.error);
      this.#failed("NETWORK", false);
    } else this.#failed("ACTIVE", outcome.isRetriable, outcome.excludes);
  };

  timedOut(): void {
    if (this.#closed || !this.#isOpen) return;
    this.#isOpen = false;
    this.#giveUp();
    this.#failed("NETWORK_TIMEOUT", false);
  }

  /** An answer to ordinary traffic asks for it (x-envoy-immediate-health-check-fail). Checks go on as they were planned. */
  failPassively(): void {
    this.#failed("PASSIVE", false, true);
  }

  #passed(isDegraded: boolean): void {
    const { healthyThreshold } = this.#checker.options.model;
    const before = this.flags;
    let change = UNCHANGED;
    this.#unhealthyInRow = 0;
    if (this.#isFailed) {
      if (!this.isKnown || ++this.#healthyInRow === healthyThreshold) {
        this.flags &= ~(HEALTH_FLAG.failedActiveHc | HEALTH_FLAG.activeHcTimeout | HEALTH_FLAG.excludedByImmediateFail);
        change = CHANGED;
        this.#log({ kind: "add_healthy", isFirst: !this.isKnown });
      } else change = PENDING;
    }
    if (isDegraded !== ((this.flags & HEALTH_FLAG.degradedActiveHc) !== 0)) {
      this.flags ^= HEALTH_FLAG.degradedActiveHc;
      this.#log({ kind: isDegraded ? "degraded" : "no_longer_degraded" });
      if (change === UNCHANGED) change = CHANGED;
    }
    if (this.#checker.options.model.logsAllSuccesses) this.#log({ kind: "successful" });
    this.#checker.options.stats.success.inc();
    this.#decided(before, true, change);
  }

  #failed(type: FailureType, isRetriable: boolean, excludes = false): void {
    const { model, stats } = this.#checker.options;
    const before = this.flags;
    if (excludes) this.flags |= HEALTH_FLAG.excludedByImmediateFail;
    const isNetwork = type === "NETWORK" || type === "NETWORK_TIMEOUT";
    let change = UNCHANGED;
    this.#healthyInRow = 0;
    if (!this.#isFailed) {
      if ((!isNetwork && !isRetriable) || ++this.#unhealthyInRow === model.unhealthyThreshold) {
        this.flags |= HEALTH_FLAG.failedActiveHc;
        change = CHANGED;
        this.#log({ kind: "eject_unhealthy", failure: type });
      } else change = PENDING;
    }
    if (type === "NETWORK_TIMEOUT" && this.#isFailed) this.flags |= HEALTH_FLAG.activeHcTimeout;
    else this.flags &= ~HEALTH_FLAG.activeHcTimeout;
    if (!this.isKnown || model.logsAllFailures) this.#log({ kind: "failure", failure: type, isFirst: !this.isKnown });
    stats.failure.inc();
    if (isNetwork) stats.networkFailure.inc();
    else if (type === "PASSIVE") stats.passiveFailure.inc();
    if (type === "PASSIVE") {
      this.isKnown = true;
      this.#say(before, false);
    } else this.#decided(before, false, change);
  }

  #decided(before: number, isHealthy: boolean, change: number): void {
    const { model, random, timers, runtime, hasTraffic } = this.#checker.options;
    this.isKnown = true;
    this.#say(before, isHealthy);
    if (this.#closed) return;
    const question = { isHealthy, isPending: change === PENDING, hasTraffic: hasTraffic() };
    timers.arm(this, checkInterval(model, question, random, runtime()));
  }

  #say(before: number, isHealthy: boolean): void {
    try {
      this.#checker.decided(this, before, isHealthy);
    } catch (error) {
      this.#tell(error);
    }
  }

  get #isFailed(): boolean {
    return (this.flags & HEALTH_FLAG.failedActiveHc) !== 0;
  }

  #log(event: CheckEvent): void {
    this.#checker.log(this.address, event);
  }
}
