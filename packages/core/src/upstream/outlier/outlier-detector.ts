/**
 * Outlier detection of one cluster, in main: workers count and say when a row of errors is complete; who is ejected, for how long and when it comes back is decided here, once for
 * all of them. Algorithm, order and rounding are Envoy's (outlier_detection_impl.cc); probation, where it is on, is ours.
 */
import type { Random } from "@sluice/sdk";
import type { OutlierModel } from "../../config/model.ts";
import type { RuntimeEntries } from "../../runtime/runtime-entry.ts";
import { TimerNode, type Timers, type TurnClock } from "../../timing/clock.ts";
import { HEALTH_FLAG } from "../health/health-flags.ts";
import {
  ANSWERS,
  CONNECTS,
  GOOD_ANSWERS,
  GOOD_CONNECTS,
  HostCounts,
  type HostCountsModel,
  PROBATION,
  PROBE_DUE,
  PROBE_OUT,
  ROW_5XX,
  ROW_GATEWAY,
  ROW_LOCAL,
  type Thresholds,
} from "./host-counts.ts";
import type { HostEvent } from "./host-watch.ts";
import { ejectLine, unejectLine } from "./outlier-event-log.ts";
import { type Numbers, outlierNumbers } from "./outlier-settings.ts";
import type { EjectionType, OutlierStats } from "./outlier-stats.ts";
import { type HostRate, type RateThreshold, successRateThreshold } from "./success-rate.ts";
import { type Origin, WatchedHost } from "./watched-host.ts";

export interface OutlierOptions {
  readonly cluster: string;
  readonly model: OutlierModel;
  readonly stats: OutlierStats;
  readonly clock: TurnClock;
  readonly timers: Timers;
  readonly random: Random;
  readonly runtime: () => RuntimeEntries;
  /** Takes lines of the event log; null: nobody reads them. */
  readonly log: { write(line: string): void } | null;
  /** A host's flags are others now. */
  readonly onChange: (address: string) => void;
}

/** What `/clusters` shows of a host. */
export interface OutlierView {
  /** Percent in the last interval; -1: too few answers. */
  readonly successRate: number;
  readonly localSuccessRate: number;
  readonly ejections: number;
  /** Milliseconds until it may come back; -1: it is not ejected. */
  readonly leftMs: number;
  /** What it is ejected for; empty: it is not. */
  readonly cause: EjectionType | "";
  readonly counts: Readonly<Record<string, number>>;
}

const NO_THRESHOLD: RateThreshold = { average: -1, threshold: -1 };
const ROWS: Readonly<Partial<Record<HostEvent, number>>> = {
  consecutive_5xx: ROW_5XX,
  consecutive_gateway_failure: ROW_GATEWAY,
  consecutive_local_origin_failure: ROW_LOCAL,
};

export class OutlierDetector extends TimerNode {
  readonly #options: OutlierOptions;
  readonly #counts: HostCounts;
  readonly #hosts = new Map<string, WatchedHost>();
  #numbers: Numbers;
  #active = 0;
  #isShown = false;

  constructor(options: OutlierOptions) {
    super();
    this.#options = options;
    this.#numbers = outlierNumbers(options.model, options.runtime());
    this.#counts = new HostCounts(this.#thresholds());
    options.timers.arm(this, this.#numbers.intervalMs);
  }

  /** From now on the cluster's gauge tells of these hosts. Before, and after `close`, another version's may. */
  show(): void {
    this.#isShown = true;
    this.#setActive(0);
  }

  /** The hosts from now on; those that stay keep what is known of them. */
  setHosts(addresses: ReadonlySet<string>): void {
    const now = this.#options.clock.now();
    for (const [address, host] of this.#hosts) {
      if (addresses.has(address)) continue;
      this.#hosts.delete(address);
      this.#counts.giveBack(host.place, now);
      if (host.ejected) this.#setActive(-1);
    }
    for (const address of addresses) {
      if (!this.#hosts.has(address)) this.#hosts.set(address, new WatchedHost(address, this.#counts.take(now)));
    }
  }

  countsOf(address: string): HostCountsModel | undefined {
    const host = this.#hosts.get(address);
    return host && { memory: host.place.words.buffer as SharedArrayBuffer, at: host.place.at };
  }

  flagsOf(address: string): number {
    const host = this.#hosts.get(address);
    if (host === undefined || !host.ejected) return 0;
    const isOnProbation = host.count(PROBATION) !== 0;
    return HEALTH_FLAG.failedOutlier | (isOnProbation ? HEALTH_FLAG.probation : 0);
  }

  /** From a worker. A host that is gone meanwhile is nobody. */
  report(address: string, event: HostEvent): void {
    const host = this.#hosts.get(address);
    if (host === undefined) return;
    if (event === "probe_passed" || event === "probe_failed") {
      if (host.ejected) this.#probed(host, event === "probe_passed");
      return;
    }
    const row = ROWS[event];
    if (row === undefined || host.ejected) return;
    this.#detected(host, event as EjectionType);
    host.set(row, 0);
  }

  /** An active health check of the host has passed. */
  checkPassed(address: string): void {
    const host = this.#hosts.get(address);
    if (host?.ejected === true && this.#options.model.checkUnejects) this.#uneject(host);
  }

  /** Runtime values are others. */
  updateRuntime(): void {
    this.#numbers = outlierNumbers(this.#options.model, this.#options.runtime());
    this.#counts.thresholds = this.#thresholds();
  }

  view(address: string): OutlierView | undefined {
    const host = this.#hosts.get(address);
    if (host === undefined) return undefined;
    const left = host.ejectedAtMs + this.#ejectionMs(host) - this.#options.clock.now();
    return {
      successRate: host.windows.external.rate,
      localSuccessRate: host.windows.local.rate,
      ejections: host.ejections,
      cause: host.ejected ? host.cause : "",
      leftMs: host.ejected ? Math.max(0, left) : -1,
      counts: {
        consecutive_5xx: host.count(ROW_5XX),
        consecutive_gateway_failure: host.count(ROW_GATEWAY),
        consecutive_local_origin_failure: host.count(ROW_LOCAL),
        answers: host.count(ANSWERS) >>> 0,
        failed_answers: (host.count(ANSWERS) - host.count(GOOD_ANSWERS)) >>> 0,
        connects: host.count(CONNECTS) >>> 0,
        failed_connects: (host.count(CONNECTS) - host.count(GOOD_CONNECTS)) >>> 0,
      },
    };
  }

  close(): void {
    this.#options.timers.cancel(this);
    this.#hosts.clear();
    this.#isShown = false;
  }

  override onTimeout(): void {
    // Before all that could throw: it goes on in any case.
    this.#options.timers.arm(this, this.#numbers.intervalMs);
    this.tick();
  }

  /** The end of an interval: who may come back does, then rates are judged. */
  tick(): void {
    const now = this.#options.clock.now();
    for (const host of this.#hosts.values()) {
      this.#mayReturn(host, now);
      if (!host.ejected) this.#lookAtRows(host);
      host.tick();
    }
    this.#judgeRates("external");
    this.#judgeRates("local");
  }

  /**
   * A row that went past its threshold unseen: the threshold has become smaller, or nobody told main (a worker that died, a version that was not live yet). Such a row is told
   * of by no worker any more.
   */
  #lookAtRows(host: WatchedHost): void {
    const { consecutive5xx, consecutiveGatewayFailure, consecutiveLocalOriginFailure } = this.#numbers;
    if (isPast(host.count(ROW_GATEWAY), consecutiveGatewayFailure))
      this.report(host.address, "consecutive_gateway_failure");
    if (isPast(host.count(ROW_5XX), consecutive5xx)) this.report(host.address, "consecutive_5xx");
    if (isPast(host.count(ROW_LOCAL), consecutiveLocalOriginFailure))
      this.report(host.address, "consecutive_local_origin_failure");
  }

  #mayReturn(host: WatchedHost, now: number): void {
    if (!host.ejected) {
      if (host.backoff !== 0) host.backoff--;
      return;
    }
    if (now - host.ejectedAtMs < this.#ejectionMs(host)) return;
    if (!this.#options.model.probation) this.#uneject(host);
    else if (host.count(PROBATION) !== PROBE_DUE) {
      // Also where the request of the last interval had no end: whoever sent it has gone.
      const wasOut = host.count(PROBATION) === PROBE_OUT;
      host.set(PROBATION, PROBE_DUE);
      if (!wasOut) this.#options.onChange(host.address);
    }
  }

  #ejectionMs(host: WatchedHost): number {
    const { baseEjectionMs, maxEjectionMs } = this.#numbers;
    return Math.min(baseEjectionMs * host.backoff, Math.max(maxEjectionMs, baseEjectionMs)) + host.jitterMs;
  }

  #probed(host: WatchedHost, passed: boolean): void {
    const { stats, clock, onChange } = this.#options;
    if (passed) {
      stats.probesPassed.inc();
      this.#uneject(host);
      return;
    }
    stats.probesFailed.inc();
    host.forgetRows();
    host.ejectedAtMs = clock.now();
    this.#growBackoff(host);
    onChange(host.address);
  }

  #judgeRates(origin: Origin): void {
    const numbers = this.#numbers;
    const { successRateMinimumHosts, successRateRequestVolume } = numbers;
    const { failurePercentageMinimumHosts, failurePercentageRequestVolume } = numbers;
    if (this.#hosts.size < Math.min(successRateMinimumHosts, failurePercentageMinimumHosts)) return;
    const rates: HostRate[] = [];
    for (const host of this.#hosts.values()) {
      const rate = host.ejected ? undefined : host.rate(origin);
      if (rate === undefined) continue;
      rates.push(rate);
      if (rate.volume >= Math.min(successRateRequestVolume, failurePercentageRequestVolume))
        host.windows[origin].rate = rate.rate;
    }
    const forRate = rates.filter(({ volume }) => volume >= successRateRequestVolume);
    const forPercentage = rates.filter(({ volume }) => volume >= failurePercentageRequestVolume);
    if (forRate.length !== 0 && forRate.length >= successRateMinimumHosts) {
      const limit = successRateThreshold(forRate, numbers.successRateStdevFactor);
      const type = origin === "external" ? "success_rate" : "local_origin_success_rate";
      for (const { address, rate } of forRate)
        if (rate < limit.threshold) this.#detected(this.#hosts.get(address)!, type, limit, rate);
    }
    if (forPercentage.length === 0 || forPercentage.length < failurePercentageMinimumHosts) return;
    const type = origin === "external" ? "failure_percentage" : "local_origin_failure_percentage";
    for (const { address, rate } of forPercentage)
      if (100 - rate >= numbers.failurePercentageThreshold)
        this.#detected(this.#hosts.get(address)!, type, NO_THRESHOLD, rate);
  }

  #detected(host: WatchedHost, type: EjectionType, limit: RateThreshold = NO_THRESHOLD, rate = -1): void {
    const { stats, model, random } = this.#options;
    stats.found(type);
    if (host.ejected) return;
    const share = (100 * (this.#active + 1)) / this.#hosts.size;
    const isWithin = share <= Math.min(100, this.#numbers.maxEjectionPercent);
    if (!isWithin && !(model.alwaysEjectsOne && this.#active === 0)) {
      stats.overflow.inc();
      return;
    }
    stats.allowed(type);
    const isEnforced = random.below(100) < Math.min(100, this.#enforcing(type));
    if (isEnforced) this.#eject(host, type);
    this.#log(host, type, isEnforced, limit, rate);
    if (isEnforced) this.#options.onChange(host.address);
  }

  #eject(host: WatchedHost, type: EjectionType): void {
    const { stats, clock, random } = this.#options;
    const { maxEjectionJitterMs } = this.#numbers;
    this.#setActive(1);
    stats.enforcedTotal.inc();
    stats.enforced[type].inc();
    host.ejected = true;
    host.ejections++;
    host.cause = type;
    host.ejectedAtMs = clock.now();
    host.jitterMs = maxEjectionJitterMs === 0 ? 0 : random.below(maxEjectionJitterMs + 1);
    this.#growBackoff(host);
  }

  /** Not beyond what makes the time its longest, so that good intervals shorten it again. */
  #growBackoff(host: WatchedHost): void {
    const { baseEjectionMs, maxEjectionMs } = this.#numbers;
    if (host.backoff * baseEjectionMs < Math.max(maxEjectionMs, baseEjectionMs) + baseEjectionMs) host.backoff++;
  }

  #uneject(host: WatchedHost): void {
    const { log, cluster, clock, onChange } = this.#options;
    this.#setActive(-1);
    host.ejected = false;
    host.forgetRows();
    host.unejectedAtMs = clock.now();
    log?.write(
      unejectLine({
        cluster,
        address: host.address,
        ejections: host.ejections,
        sinceLastMs: clock.now() - host.ejectedAtMs,
        wallMs: clock.wallNow(),
      }),
    );
    onChange(host.address);
  }

  #log(host: WatchedHost, type: EjectionType, enforced: boolean, limit: RateThreshold, hostRate: number): void {
    const { log, cluster, clock } = this.#options;
    log?.write(
      ejectLine({
        type,
        cluster,
        address: host.address,
        ejections: host.ejections,
        enforced,
        sinceLastMs: host.unejectedAtMs < 0 ? null : clock.now() - host.unejectedAtMs,
        wallMs: clock.wallNow(),
        hostRate,
        ...limit,
      }),
    );
  }

  #enforcing(type: EjectionType): number {
    const numbers = this.#numbers;
    switch (type) {
      case "consecutive_5xx":
        return numbers.enforcingConsecutive5xx;
      case "consecutive_gateway_failure":
        return numbers.enforcingConsecutiveGatewayFailure;
      case "consecutive_local_origin_failure":
        return numbers.enforcingConsecutiveLocalOriginFailure;
      case "success_rate":
        return numbers.enforcingSuccessRate;
      case "local_origin_success_rate":
        return numbers.enforcingLocalOriginSuccessRate;
      case "failure_percentage":
        return numbers.enforcingFailurePercentage;
      case "local_origin_failure_percentage":
        return numbers.enforcingLocalOriginFailurePercentage;
    }
  }

  #setActive(change: number): void {
    this.#active += change;
    if (this.#isShown) this.#options.stats.active.set(this.#active);
  }

  #thresholds(): Thresholds {
    const { consecutive5xx, consecutiveGatewayFailure, consecutiveLocalOriginFailure } = this.#numbers;
    return {
      fiveXx: consecutive5xx,
      gateway: consecutiveGatewayFailure,
      local: consecutiveLocalOriginFailure,
      splits: this.#options.model.splitsLocalOrigin,
    };
  }
}

/** 0 is never reached. */
function isPast(row: number, threshold: number): boolean {
  return threshold !== 0 && row > threshold;
}
