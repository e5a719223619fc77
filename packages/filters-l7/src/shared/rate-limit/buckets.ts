/** Hot path. The buckets of local limits, of which there are three kinds: shared by all workers, shared and one for each value, one connection's own. */
import type { Clock, TokenBucket, TokenBuckets } from "@sluice/sdk";
import { storedName } from "../identity.ts";

export interface BucketSettings {
  readonly maxTokens: number;
  readonly tokensPerFill: number;
  readonly fillIntervalMs: number;
}

/** What a request takes a token of. */
export interface Bucket {
  readonly maxTokens: number;
  /** Tokens a millisecond. */
  readonly fillRate: number;
  take(): boolean;
  remaining(): number;
  /** Until there is more. */
  resetMs(): number;
}

export class SharedBucket implements Bucket {
  readonly maxTokens: number;
  readonly fillRate: number;
  readonly #bucket: TokenBucket;

  constructor(bucket: TokenBucket, settings: BucketSettings) {
    this.maxTokens = settings.maxTokens;
    this.fillRate = settings.tokensPerFill / settings.fillIntervalMs;
    this.#bucket = bucket;
  }

  take(): boolean {
    return this.#bucket.take();
  }

  remaining(): number {
    return this.#bucket.remaining();
  }

  resetMs(): number {
    return this.#bucket.nextFillMs();
  }
}

/** The bucket of one key, made for one request. */
export class KeyedBucket implements Bucket {
  readonly maxTokens: number;
  readonly fillRate: number;
  readonly #buckets: TokenBuckets;
  readonly #key: string;

  constructor(buckets: TokenBuckets, settings: BucketSettings, key: string) {
    this.maxTokens = settings.maxTokens;
    this.fillRate = settings.tokensPerFill / settings.fillIntervalMs;
    this.#buckets = buckets;
    this.#key = key;
  }

  take(): boolean {
    return this.#buckets.take(this.#key);
  }

  remaining(): number {
    return Math.max(0, this.#buckets.remaining(this.#key));
  }

  /** A bucket that is full will not have more: one token's time, as if one was taken. */
  resetMs(): number {
    const left = this.#buckets.remaining(this.#key);
    return left >= this.maxTokens ? 0 : this.#buckets.retryAfterMs(this.#key, Math.max(0, left) + 1);
  }
}

/** Of one connection, and so of one thread. */
export class OwnBucket implements Bucket {
  readonly maxTokens: number;
  readonly fillRate: number;
  readonly #clock: Clock;
  readonly #settings: BucketSettings;
  readonly #bornMs: number;
  #fills = 0;
  #tokens: number;

  constructor(settings: BucketSettings, clock: Clock) {
    this.maxTokens = settings.maxTokens;
    this.fillRate = settings.tokensPerFill / settings.fillIntervalMs;
    this.#clock = clock;
    this.#settings = settings;
    this.#bornMs = clock.turnNow();
    this.#tokens = settings.maxTokens;
  }

  take(): boolean {
    if (this.remaining() < 1) return false;
    this.#tokens--;
    return true;
  }

  remaining(): number {
    const { tokensPerFill, fillIntervalMs } = this.#settings;
    const fills = Math.floor((this.#clock.turnNow() - this.#bornMs) / fillIntervalMs);
    if (fills > this.#fills) {
      this.#tokens = Math.min(this.maxTokens, this.#tokens + (fills - this.#fills) * tokensPerFill);
      this.#fills = fills;
    }
    return this.#tokens;
  }

  resetMs(): number {
    const { fillIntervalMs } = this.#settings;
    return fillIntervalMs - ((this.#clock.turnNow() - this.#bornMs) % fillIntervalMs);
  }
}

/** Longer keys are digested: a connection holds no more of a client's text. */
const LONGEST_KEY = 96;
/** How many of those that were not used for longest are looked at for a full one. */
const LOOK_BACK = 8;

/**
 * Buckets of one connection by key, `maxKeys` of them. A full one is as good as none and makes room for another; where none is, all further keys share one bucket, so that
 * nobody gets tokens back by making up keys.
 */
export class RecentBuckets {
  readonly #settings: BucketSettings;
  readonly #maxKeys: number;
  readonly #clock: Clock;
  /** The one that was not used for longest comes first. */
  readonly #known = new Map<string, OwnBucket>();
  #rest: OwnBucket | null = null;

  constructor(settings: BucketSettings, maxKeys: number, clock: Clock) {
    this.#settings = settings;
    this.#maxKeys = maxKeys;
    this.#clock = clock;
  }

  of(key: string): Bucket {
    const name = key.length <= LONGEST_KEY ? key : storedName(key);
    const known = this.#known;
    let bucket = known.get(name);
    if (bucket !== undefined) known.delete(name);
    else if (known.size >= this.#maxKeys && !this.#forgetFull())
      return (this.#rest ??= new OwnBucket(this.#settings, this.#clock));
    else bucket = new OwnBucket(this.#settings, this.#clock);
    known.set(name, bucket);
    return bucket;
  }

  #forgetFull(): boolean {
    let looks = LOOK_BACK;
    for (const [name, bucket] of this.#known) {
      if (bucket.remaining() === bucket.maxTokens) return this.#known.delete(name);
      if (--looks === 0) break;
    }
    return false;
  }
}
