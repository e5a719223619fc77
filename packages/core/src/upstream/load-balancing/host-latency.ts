/**
 * Hot path. How long a host takes to answer, as one thread sees it: a moving average that jumps to every peak at once and comes down slowly (Finagle's Peak EWMA). Whoever
 * fails fast is not rewarded for it: 429, 5xx and resets count as slow answers, and what Retry-After says is kept to.
 */
import type { Counter, Gauge } from "@sluice/sdk";
import type { ResponseHeaderMap } from "../../http/headers/header-map.ts";
import type { StatsScope } from "../../stats/stats-store.ts";
import type { TurnClock } from "../../timing/clock.ts";

/** What a failure counts as, at the least; twice what the host has, so that one that does nothing else rises; at the most. */
const LEAST_PENALTY_MS = 1000;
const MOST_PENALTY_MS = 60_000;
/** Hosts are not kept out longer than that, whatever they say. Envoy: rate_limited_retry_back_off.max_interval. */
const MOST_HELD_MS = 300_000;

/** Names under the host's prefix; /clusters reads them. */
export const LATENCY_STATS = {
  average: "#lb.latency_ms",
  workers: "#lb.latency_workers",
  penalties: "#lb.penalties",
  holds: "#lb.holds",
} as const;

/** RESOURCE_EXHAUSTED, UNAVAILABLE: where the status stands in the headers, the call has failed at once. */
const BUSY_GRPC: ReadonlySet<string> = new Set(["8", "14"]);

export class HostLatency {
  /** Monotonic ms: until then it asked to be spared. */
  heldUntilMs: number;
  readonly #decayMs: number;
  #averageMs: number;
  #updatedMs: number;
  #isMeasured: boolean;
  readonly #average: Gauge;
  readonly #workers: Gauge;
  readonly #penalties: Counter;
  readonly #holds: Counter;

  constructor(decayMs: number, defaultMs: number, nowMs: number, scope: StatsScope) {
    this.heldUntilMs = -1;
    this.#decayMs = decayMs;
    this.#averageMs = defaultMs;
    this.#updatedMs = nowMs;
    this.#isMeasured = false;
    this.#average = scope.gauge(LATENCY_STATS.average);
    this.#workers = scope.gauge(LATENCY_STATS.workers);
    this.#penalties = scope.counter(LATENCY_STATS.penalties);
    this.#holds = scope.counter(LATENCY_STATS.holds);
  }

  /** Falls while nobody asks it: whoever was slow once is tried again some time. */
  averageMs(nowMs: number): number {
    const age = nowMs - this.#updatedMs;
    return age <= 0 ? this.#averageMs : this.#averageMs * Math.exp(-age / this.#decayMs);
  }

  /** An answer, or none after that time: then `failed`. */
  observe(tookMs: number, failed: boolean, nowMs: number): void {
    const before = this.averageMs(nowMs);
    let value = Math.max(0, tookMs);
    if (failed) {
      this.#penalties.inc();
      value = Math.min(Math.max(MOST_PENALTY_MS, tookMs), Math.max(value, LEAST_PENALTY_MS, 2 * this.#averageMs));
    }
    // What the average has lost by waiting is what the new value weighs.
    const weight = 1 - Math.exp(-Math.max(0, nowMs - this.#updatedMs) / this.#decayMs);
    this.#averageMs = value >= this.#averageMs ? value : before + weight * value;
    this.#updatedMs = nowMs;
    this.#average.set(this.#averageMs);
    if (this.#isMeasured) return;
    this.#isMeasured = true;
    this.#workers.set(1);
  }

  /** The headers of an answer. */
  observeResponse(headers: ResponseHeaderMap, tookMs: number, clock: TurnClock): void {
    const { status } = headers;
    const nowMs = clock.turnNow();
    const isBusy = status === 429 || status === 503;
    const grpcStatus = headers.get("grpc-status");
    this.observe(tookMs, isBusy || status >= 500 || BUSY_GRPC.has(grpcStatus ?? ""), nowMs);
    const retryAfter = isBusy ? headers.get("retry-after") : undefined;
    if (typeof retryAfter === "string") this.hold(retryAfter, nowMs, clock.wallNow());
  }

  /** Nobody waits for the answer any more: it would have taken longer than that. */
  gaveUp(waitedMs: number, nowMs: number): void {
    if (waitedMs > this.averageMs(nowMs)) this.observe(waitedMs, false, nowMs);
  }

  /** `Retry-After`, in seconds or as a date; what is neither says nothing. */
  hold(retryAfter: string, nowMs: number, wallMs: number): void {
    const ms = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - wallMs;
    if (!(ms > 0)) return;
    this.heldUntilMs = Math.max(this.heldUntilMs, nowMs + Math.min(ms, MOST_HELD_MS));
    this.#holds.inc();
  }
}
