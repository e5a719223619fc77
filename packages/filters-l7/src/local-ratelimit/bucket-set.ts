/**
 * Hot path. The buckets of one limit: one for all requests, and one for each descriptor. A request takes a token of each descriptor's that it has, the slowest
 * first, and of the one for all. Envoy: LocalRateLimiterImpl.
 */
import type { Clock, FilterContext } from "@sluice/sdk";
import {
  type Bucket,
  type BucketSettings,
  KeyedBucket,
  OwnBucket,
  RecentBuckets,
  SharedBucket,
} from "../shared/rate-limit/buckets.ts";
import { descriptorKey, type RateLimitDescriptor, type RateLimitEntry } from "../shared/rate-limit/descriptors.ts";
import type { DescriptorSettings, LocalRateLimitSettings } from "./config.ts";

/** Where the buckets of a limit live. */
export interface BucketSource {
  one(name: string, settings: BucketSettings): Bucket;
  /** One for each key, of which `maxKeys` are remembered. */
  each(name: string, settings: BucketSettings, maxKeys: number): (key: string) => Bucket;
}

/** In memory that all workers share. `owner`: the settings of a route, which has its own. */
export class SharedBuckets implements BucketSource {
  readonly #shared: FilterContext["shared"];
  readonly #owner: object | undefined;

  constructor(shared: FilterContext["shared"], owner: object | undefined) {
    this.#shared = shared;
    this.#owner = owner;
  }

  one(name: string, settings: BucketSettings): Bucket {
    return new SharedBucket(this.#shared.tokenBucket(name, settings, this.#owner), settings);
  }

  each(name: string, settings: BucketSettings, maxKeys: number): (key: string) => Bucket {
    const buckets = this.#shared.tokenBuckets(name, { ...settings, maxKeys }, this.#owner);
    return (key) => new KeyedBucket(buckets, settings, key);
  }
}

/** Of one connection. */
export class ConnectionBuckets implements BucketSource {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  one(_name: string, settings: BucketSettings): Bucket {
    return new OwnBucket(settings, this.#clock);
  }

  each(_name: string, settings: BucketSettings, maxKeys: number): (key: string) => Bucket {
    const buckets = new RecentBuckets(settings, maxKeys, this.#clock);
    return (key) => buckets.of(key);
  }
}

/** A descriptor some of whose values are left open: each that comes has a bucket. */
class OpenDescriptor {
  readonly #entries: readonly RateLimitEntry[];
  readonly #bucketOf: (key: string) => Bucket;

  constructor(entries: readonly RateLimitEntry[], bucketOf: (key: string) => Bucket) {
    this.#entries = entries;
    this.#bucketOf = bucketOf;
  }

  bucketFor(entries: readonly RateLimitEntry[], key: string): Bucket | null {
    const own = this.#entries;
    if (own.length !== entries.length) return null;
    for (let i = 0; i < own.length; i++) {
      const { key: name, value } = own[i]!;
      if (name !== entries[i]!.key || (value !== "" && value !== entries[i]!.value)) return null;
    }
    return this.#bucketOf(key);
  }
}

/** The bucket with the fewest tokens; of equal ones the slowest. */
function least(matched: readonly Bucket[], common: Bucket | null): Bucket | null {
  let found = matched[0] ?? common;
  if (found === null || matched.length === 0) return found;
  let left = found.remaining();
  for (let i = 1; i <= matched.length; i++) {
    const bucket = i < matched.length ? matched[i]! : common;
    const remaining = bucket === null ? Infinity : bucket.remaining();
    if (remaining < left) [found, left] = [bucket, remaining];
  }
  return found;
}

const slowestFirst = (a: Bucket, b: Bucket): number => a.fillRate - b.fillRate;

export class BucketSet {
  readonly #default: Bucket | null;
  readonly #alwaysDefault: boolean;
  readonly #exact = new Map<string, Bucket>();
  readonly #open: OpenDescriptor[] = [];
  readonly #matched: Bucket[] = [];
  /** Whether anybody asks for `last`. */
  readonly #tells: boolean;
  /** The bucket that the last request was refused by, or has least of; null: it met none. */
  last: Bucket | null = null;

  constructor(settings: LocalRateLimitSettings, source: BucketSource) {
    this.#default = settings.bucket === null ? null : source.one("requests", settings.bucket);
    this.#alwaysDefault = settings.alwaysConsumesDefault;
    this.#tells = settings.tellsLimits;
    for (const descriptor of settings.descriptors) this.#add(descriptor, settings.maxDynamicDescriptors, source);
  }

  #add({ entries, bucket }: DescriptorSettings, maxKeys: number, source: BucketSource): void {
    const key = descriptorKey(entries);
    if (entries.every(({ value }) => value !== "")) this.#exact.set(key, source.one(`descriptor ${key}`, bucket));
    else this.#open.push(new OpenDescriptor(entries, source.each(`descriptor ${key}`, bucket, maxKeys)));
  }

  /** Whether the request may pass. */
  take(descriptors: readonly RateLimitDescriptor[]): boolean {
    const matched = this.#matched;
    for (let i = 0; i < descriptors.length; i++) {
      const bucket = this.#bucketFor(descriptors[i]!.entries);
      if (bucket !== null) matched.push(bucket);
    }
    if (matched.length > 1) matched.sort(slowestFirst);
    const passes = this.#takeAll(matched);
    matched.length = 0;
    return passes;
  }

  #bucketFor(entries: readonly RateLimitEntry[]): Bucket | null {
    const key = descriptorKey(entries);
    const exact = this.#exact.get(key);
    if (exact !== undefined) return exact;
    const open = this.#open;
    for (let i = 0; i < open.length; i++) {
      const bucket = open[i]!.bucketFor(entries, key);
      if (bucket !== null) return bucket;
    }
    return null;
  }

  #takeAll(matched: readonly Bucket[]): boolean {
    for (let i = 0; i < matched.length; i++) if (!matched[i]!.take()) return this.#refusedBy(matched[i]!);
    const isCommon = matched.length === 0 || this.#alwaysDefault;
    const common = isCommon ? this.#default : null;
    if (common !== null && !common.take()) return this.#refusedBy(common);
    if (this.#tells) this.last = least(matched, common);
    return true;
  }

  #refusedBy(bucket: Bucket): false {
    this.last = bucket;
    return false;
  }
}
