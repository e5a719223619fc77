/** Hot path. Bytes a second that all streams of all workers have together: a token bucket in shared memory that begins with what one fill brings. */
import type { FilterContext, TokenBucket } from "@sluice/sdk";
import type { BandwidthLimitSettings } from "./config.ts";

/** What the bucket may hold is a number of 32 bits. */
const MOST_TOKENS = 2 ** 32;
/** A fill of KiB in whole milliseconds has 125ths of bytes. */
const PARTS = 125;

export class SharedBytes {
  /** Streams of this worker that wait. They share what comes. */
  waiting: number;
  readonly #bucket: TokenBucket;
  readonly #tokensPerByte: number;
  readonly #bytesPerFill: number;

  constructor(settings: BandwidthLimitSettings, { shared }: FilterContext, owner: object | undefined) {
    const { limitKbps, fillMs } = settings;
    // More than 4 GiB a second are no limit for one process.
    const bytesPerSecond = Math.min(limitKbps * 1024, MOST_TOKENS);
    const tokensPerByte = bytesPerSecond * PARTS <= MOST_TOKENS ? PARTS : 1;
    const maxTokens = bytesPerSecond * tokensPerByte;
    const tokensPerFill = Math.max(1, Math.round((maxTokens * fillMs) / 1000));
    this.waiting = 0;
    this.#tokensPerByte = tokensPerByte;
    this.#bytesPerFill = tokensPerFill / tokensPerByte;
    this.#bucket = shared.tokenBucket("bytes", { maxTokens, tokensPerFill, fillIntervalMs: fillMs }, owner);
    // The first worker takes what a full bucket has too much.
    const begun = shared.counter(`begun ${maxTokens} ${fillMs}`, owner);
    if (maxTokens > tokensPerFill && begun.compareExchange(0, 1)) this.#bucket.take(maxTokens - tokensPerFill);
  }

  get waitMs(): number {
    return Math.max(1, this.#bucket.nextFillMs());
  }

  /** All of them, unless somebody waits already. */
  takeAll(bytes: number): boolean {
    return bytes === 0 || (this.waiting === 0 && this.#bucket.take(bytes * this.#tokensPerByte));
  }

  /** For one of those that wait: at most its share; how many. */
  take(bytes: number): number {
    for (;;) {
      const available = Math.floor(this.#bucket.remaining() / this.#tokensPerByte);
      const share = Math.ceil(Math.max(available, this.#bytesPerFill) / Math.max(1, this.waiting));
      const taken = Math.min(bytes, available, share);
      if (taken === 0 || this.#bucket.take(taken * this.#tokensPerByte)) return taken;
    }
  }
}
