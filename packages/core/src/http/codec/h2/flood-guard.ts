/**
 * Hot path: docs/extending/hot-path-rules.md. Counts what floods are made of, with Envoy's limits and formulas. Every method tells what is exceeded as a word of
 * DETAILS, "" while nothing is; the connection then ends with ENHANCE_YOUR_CALM.
 */
import { DETAILS } from "./details.ts";
import type { Http2Environment, Http2Options } from "./options.ts";

export class FloodGuard {
  /** Envoy: response headers sent (server), requests sent (client). */
  openedStreams: number;
  readonly #options: Http2Options;
  readonly #environment: Http2Environment;
  #emptyFrames: number;
  #priorityFrames: number;
  #windowUpdates: number;
  #endedStreams: number;
  #prematureResets: number;
  /** Token bucket of resets. */
  #resetTokens: number;
  #resetAtMs: number;

  constructor(options: Http2Options, environment: Http2Environment) {
    this.openedStreams = 0;
    this.#options = options;
    this.#environment = environment;
    this.#emptyFrames = 0;
    this.#priorityFrames = 0;
    this.#windowUpdates = 0;
    this.#endedStreams = 0;
    this.#prematureResets = 0;
    this.#resetTokens = options.streamResetBurst;
    this.#resetAtMs = -1;
  }

  messageFrame(isEmpty: boolean): string {
    if (!isEmpty) {
      this.#emptyFrames = 0;
      return "";
    }
    if (++this.#emptyFrames <= this.#options.maxConsecutiveInboundFramesWithEmptyPayload) return "";
    this.#environment.stats.inboundEmptyFramesFlood.inc();
    return DETAILS.emptyFramesFlood;
  }

  priority(): string {
    if (++this.#priorityFrames <= this.#options.maxInboundPriorityFramesPerStream * (1 + this.openedStreams)) return "";
    this.#environment.stats.inboundPriorityFramesFlood.inc();
    return DETAILS.priorityFlood;
  }

  windowUpdate(dataFramesSent: number): string {
    const perFrame = this.#options.maxInboundWindowUpdateFramesPerDataFrameSent;
    if (++this.#windowUpdates <= 5 + 2 * (this.openedStreams + perFrame * dataFramesSent)) return "";
    this.#environment.stats.inboundWindowUpdateFramesFlood.inc();
    return DETAILS.windowUpdateFlood;
  }

  /** A stream that the peer reset, or made us reset. */
  reset(): string {
    const { streamResetBurst, streamResetRate } = this.#options;
    const now = this.#environment.clock.turnNow();
    if (this.#resetAtMs >= 0) {
      const refill = ((now - this.#resetAtMs) / 1000) * streamResetRate;
      this.#resetTokens = Math.min(streamResetBurst, this.#resetTokens + refill);
    }
    this.#resetAtMs = now;
    if (--this.#resetTokens >= 0) return "";
    return DETAILS.tooManyResets;
  }

  /**
   * A request stream is over, Envoy's way of telling rapid resets: `isPremature` where it was reset, young, and without a response. More than half of them is too
   * many, also when the rest of the first `prematureResetTotalStreamCount` cannot mend it.
   */
  streamEnded(isPremature: boolean): string {
    this.#endedStreams++;
    if (isPremature) this.#prematureResets++;
    else return "";
    const total = Math.max(this.#endedStreams, this.#options.prematureResetTotalStreamCount);
    if (this.#prematureResets * 2 < total) return "";
    this.#environment.stats.tooManyPrematureResets.inc();
    return DETAILS.prematureResets;
  }
}
