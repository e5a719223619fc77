/** What one filter shares between the workers, by name; given back when the filter is gone. */
import type {
  KeyValue,
  KeyValueOptions,
  SharedActive,
  SharedCounter,
  SharedState,
  SharedValue,
  TokenBucket,
  TokenBucketOptions,
  TokenBuckets,
  TokenBucketsOptions,
} from "@sluice/sdk";
import { routeConfigKey } from "../http/route/route-filters.ts";
import type { TurnClock } from "../timing/clock.ts";
import { SharedKeyValue, keyValueSettings } from "./key-value.ts";
import { KeyedTokenBuckets, tokenBucketsSettings } from "./keyed-token-buckets.ts";
import { AtomicCounter } from "./shared-counter.ts";
import type { SharedTable } from "./shared-table.ts";
import { SharedTally } from "./shared-tally.ts";
import { TalliedActive } from "./tallied-active.ts";
import { SharedTokenBucket } from "./token-bucket.ts";

interface Releasable {
  release(): void;
}

export class FilterSharedState implements SharedState {
  readonly #table: SharedTable;
  readonly #key: string;
  readonly #clock: TurnClock;
  /** By kind, options and path. */
  readonly #made = new Map<string, Releasable>();

  constructor(table: SharedTable, key: string, clock: TurnClock) {
    this.#table = table;
    this.#key = key;
    this.#clock = clock;
  }

  counter(name: string, owner?: object): SharedCounter {
    return this.#once("counter", null, name, owner, (key) => new AtomicCounter(this.#table, key));
  }

  active(name: string, owner?: object): SharedActive {
    return this.#once("active", null, name, owner, (key) => new TalliedActive(new SharedTally(this.#table, key)));
  }

  tokenBucket(name: string, options: TokenBucketOptions, owner?: object): TokenBucket {
    const { maxTokens, tokensPerFill = 1, fillIntervalMs } = options;
    const settings = { maxTokens, tokensPerFill, fillIntervalMs };
    return this.#once(
      "bucket",
      settings,
      name,
      owner,
      (key) => new SharedTokenBucket(this.#table, key, settings, this.#clock),
    );
  }

  tokenBuckets(name: string, options: TokenBucketsOptions, owner?: object): TokenBuckets {
    const settings = tokenBucketsSettings(options);
    return this.#once(
      "buckets",
      settings,
      name,
      owner,
      (key) => new KeyedTokenBuckets(this.#table, key, settings, this.#clock),
    );
  }

  keyValue<Value extends SharedValue = SharedValue>(
    name: string,
    options: KeyValueOptions = {},
    owner?: object,
  ): KeyValue<Value> {
    const settings = keyValueSettings(options);
    return this.#once(
      "kv",
      settings,
      name,
      owner,
      (key) => new SharedKeyValue<Value>(this.#table, key, settings, this.#clock),
    );
  }

  release(): void {
    for (const made of this.#made.values()) made.release();
    this.#made.clear();
  }

  #once<T extends Releasable>(
    kind: string,
    settings: object | null,
    name: string,
    owner: object | undefined,
    make: (key: string) => T,
  ): T {
    const path = owner === undefined ? name : `${routeConfigKey(owner)}/${name}`;
    const id = `${kind} ${JSON.stringify(settings)} ${path}`;
    let made = this.#made.get(id) as T | undefined;
    if (made === undefined) {
      made = make(`${this.#key}/${path}`);
      this.#made.set(id, made);
    }
    return made;
  }
}
