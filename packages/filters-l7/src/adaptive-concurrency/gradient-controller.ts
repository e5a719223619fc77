/**
 * Hot path. How many requests may be under way: as many as make responses no slower than they are when there are few. Envoy's gradient controller; each worker has
 * its own.
 *
 * Now and then, for so many requests, only a few are let through, to learn how long one takes then (the least time). Else the limit is multiplied, once in an interval,
 * with the least time over the time that they took since, and gets its square root of headroom.
 */
import type { Clock, Counter, FilterContext, Gauge, Random, Runtime, RuntimeValue, Stats, Timer } from "@sluice/sdk";
import type { GradientSettings } from "./config.ts";
import { LatencySamples } from "./latency-samples.ts";

/** So often in a row at the least limit: the least time may be wrong. */
const MOST_AT_LEAST = 5;

type Key = keyof GradientSettings;
type Keys = { readonly [key in Exclude<Key, "fixedMinRttMs">]: RuntimeValue<number> };

export class GradientController {
  limit: number;
  outstanding: number;
  /** An interval begins with the first response of it. */
  #sampleTimer: Timer | null;
  #minRttTimer: Timer | null;
  #isMeasuring: boolean;
  /** To go back to after a measurement. */
  #deferredLimit: number;
  /** What began before is no sample. */
  #epochMs: number;
  #minRttMs: number;
  #timesAtLeast: number;
  readonly #samples = new LatencySamples();
  readonly #fixedMs: number;
  readonly #keys: Keys;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #setTimer: FilterContext["setTimer"];
  readonly #stats: GradientStats;
  readonly #tick = (): void => this.#sampled();
  readonly #measure = (): void => this.#beginMeasurement();

  constructor(settings: GradientSettings, context: FilterContext) {
    this.#fixedMs = settings.fixedMinRttMs;
    this.#keys = keysOf(settings, context.runtime);
    this.#clock = context.clock;
    this.#random = context.random;
    this.#setTimer = (callback, ms) => context.setTimer(callback, ms);
    this.#stats = new GradientStats(context.rootStats, context.statPrefix);
    this.limit = this.#leastLimit;
    this.outstanding = 0;
    this.#sampleTimer = null;
    this.#minRttTimer = null;
    this.#isMeasuring = false;
    this.#deferredLimit = 0;
    this.#epochMs = 0;
    this.#minRttMs = this.#fixedMs;
    this.#timesAtLeast = 0;
    this.#stats.limit.set(this.limit);
    this.#stats.minRtt.set(Math.floor(this.#minRttMs));
    this.#stats.isMeasuring.set(0);
    if (this.#fixedMs === 0) this.#beginMeasurement();
  }

  /** Whether there may be one more; it is under way then, until `ended` or `gaveUp`. */
  begin(): boolean {
    if (this.outstanding >= this.limit) {
      this.#stats.blocked.inc();
      return false;
    }
    this.outstanding++;
    return true;
  }

  gaveUp(): void {
    this.outstanding--;
  }

  ended(startMs: number): void {
    this.outstanding--;
    if (startMs < this.#epochMs) return;
    this.#samples.add(this.#clock.turnNow() - startMs);
    if (!this.#isMeasuring)
      this.#sampleTimer ??= this.#setTimer(this.#tick, Math.max(1, this.#keys.updateIntervalMs.value));
    else if (this.#samples.count >= this.#keys.requestCount.value) this.#endMeasurement();
  }

  get #leastLimit(): number {
    const { minLimit, minConcurrency } = this.#keys;
    return Math.max(1, minLimit.value === 0 ? minConcurrency.value : minLimit.value);
  }

  #beginMeasurement(): void {
    if (this.#isMeasuring) return;
    this.#isMeasuring = true;
    this.#stats.isMeasuring.set(1);
    this.#sampleTimer?.cancel();
    this.#sampleTimer = null;
    this.#deferredLimit = this.limit;
    if (this.#keys.minLimit.value === 0) this.#setLimit(Math.max(1, this.#keys.minConcurrency.value));
    this.#samples.clear();
    this.#epochMs = this.#clock.turnNow();
  }

  #endMeasurement(): void {
    this.#minRttMs = this.#summarized();
    this.#stats.minRtt.set(Math.floor(this.#minRttMs));
    this.#setLimit(this.#deferredLimit);
    this.#isMeasuring = false;
    this.#stats.isMeasuring.set(0);
    const { minRttIntervalMs, jitterPercent } = this.#keys;
    const spreadMs = minRttIntervalMs.value * (percent(jitterPercent.value) / 100);
    this.#measureIn(Math.max(1, minRttIntervalMs.value + (spreadMs === 0 ? 0 : this.#random.next() * spreadMs)));
  }

  #measureIn(ms: number): void {
    this.#minRttTimer?.cancel();
    this.#minRttTimer = this.#setTimer(this.#measure, ms);
  }

  /** The interval is over: the limit from now on. */
  #sampled(): void {
    this.#sampleTimer = null;
    if (this.#isMeasuring || this.#samples.count === 0) return;
    const sampleMs = this.#summarized();
    this.#stats.sampleRtt.set(Math.floor(sampleMs));
    const bufferedMs = this.#minRttMs * (1 + percent(this.#keys.bufferPercent.value) / 100);
    const gradient = Math.max(0.5, Math.min(2, bufferedMs / sampleMs));
    this.#stats.gradient.set(Math.floor(gradient * 1000));
    const limit = this.limit * gradient;
    const headroom = Math.sqrt(limit);
    this.#stats.headroom.set(Math.floor(headroom));
    const most = Math.max(1, this.#keys.maxLimit.value);
    this.#setLimit(Math.max(this.#leastLimit, Math.min(most, Math.floor(limit + headroom))));
  }

  #summarized(): number {
    const ms = this.#samples.quantile(percent(this.#keys.percentile.value) / 100);
    this.#samples.clear();
    return ms;
  }

  #setLimit(limit: number): void {
    const least = this.#leastLimit;
    const stays = !this.#isMeasuring && this.limit === least && limit === least;
    this.#timesAtLeast = stays ? this.#timesAtLeast + 1 : 0;
    this.limit = limit;
    this.#stats.limit.set(limit);
    if (this.#timesAtLeast >= MOST_AT_LEAST && this.#fixedMs === 0) this.#measureIn(0);
  }
}

function percent(value: number): number {
  return Math.min(100, Math.max(0, value));
}

/** Envoy's runtime keys; each that is set takes the place of what is configured. */
function keysOf(settings: GradientSettings, runtime: Runtime): Keys {
  const key = (name: string, of: Exclude<Key, "fixedMinRttMs">): RuntimeValue<number> =>
    runtime.number(`adaptive_concurrency.gradient_controller.${name}`, settings[of]);
  return {
    percentile: key("sample_aggregate_percentile", "percentile"),
    maxLimit: key("max_concurrency_limit", "maxLimit"),
    minLimit: key("min_concurrency_limit", "minLimit"),
    updateIntervalMs: key("sample_rtt_calc_interval_ms", "updateIntervalMs"),
    minRttIntervalMs: key("min_rtt_calc_interval_ms", "minRttIntervalMs"),
    requestCount: key("min_rtt_aggregate_request_count", "requestCount"),
    jitterPercent: key("jitter", "jitterPercent"),
    minConcurrency: key("min_concurrency", "minConcurrency"),
    bufferPercent: key("min_rtt_buffer", "bufferPercent"),
  };
}

class GradientStats {
  readonly blocked: Counter;
  readonly isMeasuring: Gauge;
  readonly limit: Gauge;
  /** Thousandths. */
  readonly gradient: Gauge;
  readonly headroom: Gauge;
  readonly minRtt: Gauge;
  readonly sampleRtt: Gauge;

  constructor(stats: Stats, statPrefix: string) {
    const prefix = `http.${statPrefix}.adaptive_concurrency.gradient_controller.`;
    this.blocked = stats.counter(`${prefix}rq_blocked`);
    this.isMeasuring = stats.gauge(`${prefix}min_rtt_calculation_active`);
    this.limit = stats.gauge(`${prefix}concurrency_limit`);
    this.gradient = stats.gauge(`${prefix}gradient`);
    this.headroom = stats.gauge(`${prefix}burst_queue_size`);
    this.minRtt = stats.gauge(`${prefix}min_rtt_msecs`);
    this.sampleRtt = stats.gauge(`${prefix}sample_rtt_msecs`);
  }
}
