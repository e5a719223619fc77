/** State that all workers of a process share, by name: counters, token buckets, a key-value store. It hangs on the filter's place in its chain. */

/** Integers that all workers count together, with atomics. */
export interface SharedCounter {
  /** Adds `amount` (1 unless told; may be negative) and returns the new value. Whole numbers up to 2^53. */
  add(amount?: number): number;
  get(): number;
  /** Stores `next` where the value is `expected`; tells whether it was. */
  compareExchange(expected: number, next: number): boolean;
}

/** How many of something are under way in all workers together. What a worker had under way when it died is taken off. */
export interface SharedActive {
  /** One more; how many there are with it. */
  begin(): number;
  end(): void;
  get(): number;
}

export interface TokenBucketOptions {
  /** Also what it starts with. */
  readonly maxTokens: number;
  /** @default 1 */
  readonly tokensPerFill?: number;
  readonly fillIntervalMs: number;
}

/** A token bucket in shared memory: all workers together take what one alone would. */
export interface TokenBucket {
  /** Takes `tokens` (1 unless told) if there are as many; never waits. */
  take(tokens?: number): boolean;
  /** Whole tokens there are now. */
  remaining(): number;
  /** Milliseconds until the next fill. */
  nextFillMs(): number;
}

export interface TokenBucketsOptions extends TokenBucketOptions {
  /**
   * Keys that are remembered, each for itself. Beyond it the key that was not used for longest is forgotten: a full one if there is any near. Others leave behind
   * what they are short of, in places that keys share by a secret hash: no key ever gets tokens back by being forgotten, so that nobody empties the memory of limits by
   * making up keys. The price: while far more keys than these are short of tokens, a new key may find fewer than `maxTokens` (15 % do where twice as many are). Once
   * others have taken some 30 * `maxKeys` * `maxTokens` within the time that a bucket takes to fill, most new keys find nothing.
   * @default 10 000 (1 MB)
   */
  readonly maxKeys?: number;
}

/**
 * A token bucket per key (client, API key, user) in bounded memory, exact over all workers. Tokens come back evenly (GCRA): one every
 * `fillIntervalMs / tokensPerFill`, never more than `maxTokens`. A bucket that is full takes no memory. Keys of any length and content are equally cheap.
 */
export interface TokenBuckets {
  /** Takes `tokens` (1 unless told) of that key's bucket if there are as many; never waits. */
  take(key: string, tokens?: number): boolean;
  /**
   * Takes `tokens` whether they are there or not: what is left may become negative, and `take` fails until that is filled up again. For costs that are known
   * afterwards. A negative number gives tokens back, up to `maxTokens`.
   */
  charge(key: string, tokens: number): void;
  /** Whole tokens there are now; negative where more was charged. */
  remaining(key: string): number;
  /** Milliseconds until `take(key, tokens)` can succeed; 0: now; Infinity: never, they are more than `maxTokens`. */
  retryAfterMs(key: string, tokens?: number): number;
}

/** What a store can hold: bytes, strings and numbers as they are, everything else as JSON. */
export type SharedValue =
  | string
  | number
  | boolean
  | null
  | Uint8Array
  | readonly SharedJson[]
  | { readonly [key: string]: SharedJson };
export type SharedJson =
  | string
  | number
  | boolean
  | null
  | readonly SharedJson[]
  | { readonly [key: string]: SharedJson | undefined };

export interface KeyValueOptions {
  /** Entries beyond which the one that was not used for longest is forgotten; begins at about 90 % of them. @default 10 000 */
  readonly maxEntries?: number;
  /** Bytes of keys and values together, with what each entry costs (about 100). @default 256 for each of `maxEntries` */
  readonly maxBytes?: number;
  /** An entry is forgotten so long after it was set, unless `set` says otherwise. 0: never. @default 0 */
  readonly ttlMs?: number;
}

export interface SetOptions {
  /** In place of the store's own; 0: never. */
  readonly ttlMs?: number;
}

/**
 * A store that all workers see: what one has set, the next `get` of any other returns. Each call is atomic for its key. Memory is bounded, and what
 * was not used for longest is forgotten first: a cache and a place for counts, not a database.
 *
 * Values are copied in and out; JSON values come back as JSON gives them.
 */
export interface KeyValue<Value extends SharedValue = SharedValue> {
  get(key: string): Value | undefined;
  has(key: string): boolean;
  /** @throws RangeError for a value that is larger than an eighth of a stripe of the store (`maxValueBytes`). */
  set(key: string, value: Value, options?: SetOptions): void;
  /** Tells whether there was one. */
  delete(key: string): boolean;
  /**
   * Adds to the number that the key has (0 where it has none) and returns the sum. The time to live begins when the key is made, so that it is a window's count.
   * @throws TypeError where the key has a value that is no number.
   */
  increment(this: KeyValue<number>, key: string, amount?: number, options?: SetOptions): number;
  /**
   * Stores `next` where the key has `expected` (undefined: where it has none; for `next`: deletes it); tells whether it had. Values are equal when their
   * bytes or their JSON are.
   */
  compareAndSet(key: string, expected: Value | undefined, next: Value | undefined, options?: SetOptions): boolean;
  /** Entries there are now, those counted whose time is over and whose room nobody has needed yet. */
  readonly size: number;
  /** Bytes of the largest value that fits. */
  readonly maxValueBytes: number;
}

/**
 * Everything here is made on first use; take it in `create`, so that the next version of the configuration has it before this one lets it go. The same name and the
 * same options give the same thing in every worker and in that next version, other options another one. It is gone when the filter is gone from all
 * workers. `owner`: one of the route configurations that the filter's schema made, so that each route has its own.
 *
 * A thread waits for another's turn at a key for microseconds. Where a thread died in the middle of a change, the part of the store that it was in is emptied.
 */
export interface SharedState {
  /** Starts at 0. */
  counter(name: string, owner?: object): SharedCounter;
  /** Starts at 0. */
  active(name: string, owner?: object): SharedActive;
  tokenBucket(name: string, options: TokenBucketOptions, owner?: object): TokenBucket;
  /** @throws RangeError where the memory for shared state (128 MiB in the process) does not hold as many keys. */
  tokenBuckets(name: string, options: TokenBucketsOptions, owner?: object): TokenBuckets;
  /** @throws RangeError where the memory for shared state (128 MiB in the process) does not hold as many bytes. */
  keyValue<Value extends SharedValue = SharedValue>(
    name: string,
    options?: KeyValueOptions,
    owner?: object,
  ): KeyValue<Value>;
}
