/** When a name is asked for again: after its time to live or the cluster's rate, later by chance, and with growing pauses while nobody answers. As Envoy does it. */
import type { DnsModel } from "../../config/model.ts";

/** Refreshes of clusters that say nothing are spread by this share, so that many do not ask at once. */
const SPREAD = 0.1;
/** What a timer can wait; a longer time would be none. */
const LONGEST_MS = 0x7fff_ffff;

export class RefreshTimes {
  readonly #model: DnsModel;
  readonly #random: () => number;
  /** Of the next pause after a failure; 0: the last answer was good. */
  #pauseMs = 0;

  constructor(model: DnsModel, random: () => number) {
    this.#model = model;
    this.#random = random;
  }

  /** `ttlMs` below 1: the answer says nothing of it, or that it is over already, and then the rate holds. */
  afterAnswer(ttlMs: number): number {
    const { respectTtl, refreshMs, jitterMs } = this.#model;
    this.#pauseMs = 0;
    const ms = respectTtl && ttlMs >= 1 ? ttlMs : refreshMs;
    return Math.min(LONGEST_MS, ms + Math.floor(this.#random() * (jitterMs ?? ms * SPREAD)));
  }

  /** Full jitter: anything up to a pause that doubles each time. */
  afterFailure(): number {
    const { failure, refreshMs } = this.#model;
    if (failure === undefined) return Math.min(LONGEST_MS, refreshMs);
    const pause = this.#pauseMs === 0 ? failure.baseMs : Math.min(this.#pauseMs * 2, failure.maxMs);
    this.#pauseMs = pause;
    return Math.min(LONGEST_MS, Math.max(1, Math.ceil(this.#random() * pause)));
  }
}
