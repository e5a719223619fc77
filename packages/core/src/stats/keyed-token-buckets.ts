/**
 * Hot path. Token buckets by key, exact over all workers (GCRA). The whole state of a bucket is the moment at which it is full again; that is also
 * when its entry ends: a full bucket and none are the same. A bucket that had to be forgotten while it was not full leaves that moment behind, so that nobody gets
 * tokens back by asking for many other keys.
 */
import type { TokenBuckets, TokenBucketsOptions } from "@sluice/sdk";
import type { TurnClock } from "../timing/clock.ts";
import { checkWhole } from "./key-value.ts";
import type { SharedTable } from "./shared-table.ts";
import { StripedStore } from "./striped-store.ts";

/** So that an entry is one block. */
const KEY_BYTES = 24;
const ENTRY_BYTES = 64;

export interface TokenBucketsSettings {
  readonly maxTokens: number;
  readonly tokensPerFill: number;
  readonly fillIntervalMs: number;
  readonly maxKeys: number;
}

/** @throws RangeError for options that make no bucket. */
export function tokenBucketsSettings(options: TokenBucketsOptions): TokenBucketsSettings {
  const { maxTokens, tokensPerFill = 1, fillIntervalMs, maxKeys = 10_000 } = options;
  checkWhole("maxTokens", maxTokens, 1, 2 ** 32);
  checkWhole("tokensPerFill", tokensPerFill, 1, 2 ** 32);
  checkWhole("maxKeys", maxKeys, 1, 2 ** 20);
  if (!(fillIntervalMs > 0 && Number.isFinite(fillIntervalMs)))
    throw new RangeError(`fillIntervalMs is ${fillIntervalMs}, expected a number above 0`);
  if (fillIntervalMs / tokensPerFill < 1e-6)
    throw new RangeError("tokensPerFill is more than a million for each millisecond of fillIntervalMs");
  return { maxTokens, tokensPerFill, fillIntervalMs, maxKeys };
}

export class KeyedTokenBuckets implements TokenBuckets {
  readonly #store: StripedStore;
  readonly #clock: TurnClock;
  readonly #maxTokens: number;
  /** Milliseconds that a token takes to come back. */
  readonly #tokenMs: number;
  /** Milliseconds that an empty bucket takes to be full. */
  readonly #fullMs: number;
  /** Sums of fractions may be a little off. */
  readonly #slackMs: number;

  constructor(table: SharedTable, name: string, settings: TokenBucketsSettings, clock: TurnClock) {
    const { maxTokens, tokensPerFill, fillIntervalMs, maxKeys } = settings;
    this.#store = new StripedStore(
      table,
      `buckets ${maxTokens} ${tokensPerFill} ${fillIntervalMs} ${maxKeys} ${name}`,
      {
        maxEntries: maxKeys,
        maxBytes: maxKeys * ENTRY_BYTES,
        maxKeyBytes: KEY_BYTES,
        remembersEnds: true,
      },
    );
    this.#clock = clock;
    this.#maxTokens = maxTokens;
    this.#tokenMs = fillIntervalMs / tokensPerFill;
    this.#fullMs = maxTokens * this.#tokenMs;
    this.#slackMs = 1e-6 + this.#tokenMs * 1e-9;
  }

  take(key: string, tokens = 1): boolean {
    checkTokens(tokens);
    const store = this.#store;
    const now = this.#clock.turnNow();
    store.open(key);
    try {
      const found = store.find(now);
      const full = (found === 0 ? Math.max(now, store.remnant()) : store.end) + tokens * this.#tokenMs;
      if (full - now > this.#fullMs + this.#slackMs) return false;
      if (full > now) this.#put(found, now, full);
      return true;
    } finally {
      store.close();
    }
  }

  charge(key: string, tokens: number): void {
    if (!Number.isFinite(tokens)) throw new RangeError(`tokens is ${tokens}, expected a number`);
    const store = this.#store;
    const now = this.#clock.turnNow();
    store.open(key);
    try {
      const found = store.find(now);
      const full = (found === 0 ? Math.max(now, store.remnant()) : store.end) + tokens * this.#tokenMs;
      if (full > now) this.#put(found, now, full);
      else if (found !== 0) store.remove(found);
    } finally {
      store.close();
    }
  }

  remaining(key: string): number {
    return Math.floor((this.#fullMs - this.#missingMs(key) + this.#slackMs) / this.#tokenMs);
  }

  retryAfterMs(key: string, tokens = 1): number {
    checkTokens(tokens);
    if (tokens > this.#maxTokens) return Infinity;
    const wait = this.#missingMs(key) + tokens * this.#tokenMs - this.#fullMs;
    return wait <= this.#slackMs ? 0 : wait;
  }

  /** Keys whose buckets are not full, and those that have become full since nobody asked. */
  get size(): number {
    return this.#store.size;
  }

  release(): void {
    this.#store.release();
  }

  /** Milliseconds until the key's bucket is full. */
  #missingMs(key: string): number {
    const store = this.#store;
    const now = this.#clock.turnNow();
    store.open(key);
    try {
      return store.find(now) === 0 ? Math.max(0, store.remnant() - now) : store.end - now;
    } finally {
      store.close();
    }
  }

  #put(found: number, now: number, full: number): void {
    const store = this.#store;
    if (found !== 0) {
      store.setEnd(found, full);
      return;
    }
    store.valueBytes = 0;
    store.tag = 0;
    store.insert(now, full);
  }
}

function checkTokens(tokens: number): void {
  if (!(tokens >= 0)) throw new RangeError(`tokens is ${tokens}, expected a number that is not negative`);
}
