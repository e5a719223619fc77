/**
 * Hot path (docs/extending/hot-path-rules.md). Envoy's token bucket over a shared slot: starts full, gets `tokensPerFill` at each
 * whole fill interval since it was made, never more than `maxTokens`. Exact over all threads.
 *
 * After n fills the bucket holds `min(maxTokens, n * tokensPerFill - drawn)`. `drawn` is the whole state: one 64-bit number, changed by compare
 * and exchange; it starts at `-maxTokens`, and what was filled in vain counts as drawn.
 */
import type { TokenBucket, TokenBucketOptions } from "@sluice/sdk";
import type { TurnClock } from "../timing/clock.ts";
import type { SharedSlot, SharedTable } from "./shared-table.ts";

/** Values of the slot: when it was made (nanoseconds of the threads' common monotonic clock), then what was drawn. */
const BORN = 0;
const DRAWN = 1;

export class SharedTokenBucket implements TokenBucket {
  readonly #slot: SharedSlot;
  #longs: BigInt64Array;
  #drawnAt: number;
  readonly #clock: TurnClock;
  readonly #maxTokens: number;
  readonly #tokensPerFill: number;
  readonly #fillIntervalMs: number;
  readonly #bornMs: number;

  /**
   * The bucket of that key and these options: other options are another bucket, which starts full.
   * @param clock comparable between threads.
   * @throws RangeError for options that make no bucket.
   */
  constructor(table: SharedTable, key: string, options: TokenBucketOptions, clock: TurnClock) {
    const { maxTokens, tokensPerFill = 1, fillIntervalMs } = options;
    checkWhole("maxTokens", maxTokens);
    checkWhole("tokensPerFill", tokensPerFill);
    if (!(fillIntervalMs > 0 && Number.isFinite(fillIntervalMs))) {
      throw new RangeError(`fillIntervalMs is ${fillIntervalMs}, expected a number above 0`);
    }
    this.#slot = table.claim(`token_bucket ${maxTokens} ${tokensPerFill} ${fillIntervalMs} ${key}`, (slot) => {
      slot.longs[slot.longAt + BORN] = BigInt(Math.round(clock.now() * 1e6));
      slot.longs[slot.longAt + DRAWN] = BigInt(-maxTokens);
    });
    this.#longs = this.#slot.longs;
    this.#drawnAt = this.#slot.longAt + DRAWN;
    this.#clock = clock;
    this.#maxTokens = maxTokens;
    this.#tokensPerFill = tokensPerFill;
    this.#fillIntervalMs = fillIntervalMs;
    this.#bornMs = Number(this.#slot.longs[this.#slot.longAt + BORN]) / 1e6;
  }

  take(tokens = 1): boolean {
    const filled = this.#filled();
    for (;;) {
      const state = Atomics.load(this.#longs, this.#drawnAt);
      const available = Math.min(this.#maxTokens, filled - Number(state));
      if (available < tokens) return false;
      const drawn = BigInt(filled - available + tokens);
      if (Atomics.compareExchange(this.#longs, this.#drawnAt, state, drawn) === state) return true;
    }
  }

  remaining(): number {
    return Math.max(0, Math.min(this.#maxTokens, this.#filled() - Number(Atomics.load(this.#longs, this.#drawnAt))));
  }

  nextFillMs(): number {
    const age = Math.max(0, this.#clock.turnNow() - this.#bornMs);
    return this.#fillIntervalMs - (age % this.#fillIntervalMs);
  }

  /** The slot may be another's from then on: whoever still takes takes alone. */
  release(): void {
    this.#longs = new BigInt64Array([Atomics.load(this.#longs, this.#drawnAt)]);
    this.#drawnAt = 0;
    this.#slot.release();
  }

  /** All tokens ever filled. A clock that reads a little earlier than another thread's only sees fewer. */
  #filled(): number {
    const fills = Math.floor((this.#clock.turnNow() - this.#bornMs) / this.#fillIntervalMs);
    return fills > 0 ? fills * this.#tokensPerFill : 0;
  }
}

function checkWhole(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1 || value > 2 ** 32) {
    throw new RangeError(`${name} is ${value}, expected a whole number from 1 to 2^32`);
  }
}
