/**
 * Hot path (`at`). A ring of hashes, several for each host by its weight (Ketama): a key belongs to the next hash on the ring, so that a host that comes or goes moves only the
 * keys that are its own. Envoy: ring_hash.RingHash.
 */
import type { BalancerModel } from "../../config/balancing-model.ts";
import { XxHash64 } from "../../matching/xxhash64.ts";
import type { Host } from "../host.ts";
import { type HashTable, MOST_STEPS, type TableSizes } from "./hash-table.ts";
import { murmurHash2 } from "./murmur-hash2.ts";
import { hashKeyOf, type HostShare } from "./normalized-weights.ts";
import type { RequestHash } from "./request-hash.ts";

export type RingHashModel = Extract<BalancerModel, { kind: "ring_hash" }>;

export class Ring implements HashTable {
  readonly sizes: TableSizes;
  readonly #hosts: readonly Host[];
  /** Sorted; unsigned halves. */
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  /** Numbers of hosts. */
  readonly #owners: Uint32Array;

  /** `shares`: at least one. */
  constructor(shares: readonly HostShare[], model: RingHashModel) {
    const least = shares.reduce((smallest, { share }) => Math.min(smallest, share), 1);
    // So large that the host with the smallest share has a whole number of entries, unless that is too large.
    const scale = Math.min(Math.ceil(least * model.minSize) / least, model.maxSize);
    const entries = new RingEntries(Math.ceil(scale));
    let target = 0;
    let fewest = Infinity;
    let most = 0;
    for (const [number, { host, share }] of shares.entries()) {
      const key = `${hashKeyOf(host, model.useHostname)}_`;
      target += scale * share;
      let i = 0;
      // Running sums: what one host misses for a whole entry the next ones get.
      for (; entries.count < target; i++) entries.add(`${key}${i}`, number, model.hash);
      fewest = Math.min(fewest, i);
      most = Math.max(most, i);
    }
    const { high, low, owners } = entries.sorted();
    this.sizes = { size: owners.length, fewest, most };
    this.#hosts = shares.map(({ host }) => host);
    this.#high = high;
    this.#low = low;
    this.#owners = owners;
  }

  at(hash: RequestHash, attempt = 0): Host {
    const high = this.#high;
    const low = this.#low;
    const wantedHigh = hash.high >>> 0;
    const wantedLow = hash.low >>> 0;
    let from = 0;
    let to = high.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const there = high[middle]!;
      if (there < wantedHigh || (there === wantedHigh && low[middle]! < wantedLow)) from = middle + 1;
      else to = middle;
    }
    const owner = this.#owners[from === high.length ? 0 : from]!;
    return this.#hosts[attempt === 0 ? owner : this.#after(from, attempt)]!;
  }

  /** As though the first `attempt` hosts of the hash were not on the ring. Envoy goes on by entries, several of which may be the same host's. */
  #after(from: number, attempt: number): number {
    const owners = this.#owners;
    const passed = new Set<number>();
    const skipped = attempt % this.#hosts.length;
    for (let i = 0; i < owners.length && i < MOST_STEPS; i++) {
      const owner = owners[(from + i) % owners.length]!;
      if (passed.has(owner)) continue;
      if (passed.size === skipped) return owner;
      passed.add(owner);
    }
    return owners[from % owners.length]!;
  }

  /** For tests: the ring, from its beginning. */
  *entries(): Generator<[hash: bigint, host: Host]> {
    for (let i = 0; i < this.#owners.length; i++)
      yield [(BigInt(this.#high[i]!) << 32n) | BigInt(this.#low[i]!), this.#hosts[this.#owners[i]!]!];
  }
}

/** Collects the entries of a ring, and sorts them by their 64 bits. */
class RingEntries {
  count = 0;
  #high: Uint32Array<ArrayBuffer>;
  #low: Uint32Array<ArrayBuffer>;
  #owners: Uint32Array<ArrayBuffer>;
  readonly #xxHash = new XxHash64(0n);

  constructor(expected: number) {
    // Rounding of the shares may ask for one more.
    this.#high = new Uint32Array(expected + 1);
    this.#low = new Uint32Array(expected + 1);
    this.#owners = new Uint32Array(expected + 1);
  }

  add(key: string, owner: number, hash: RingHashModel["hash"]): void {
    const at = this.count++;
    if (hash === "xx_hash") {
      this.#xxHash.update(key);
      this.#high[at] = this.#xxHash.high;
      this.#low[at] = this.#xxHash.low;
    } else {
      const word = murmurHash2(key);
      this.#high[at] = Number(word >> 32n);
      this.#low[at] = Number(word & 0xffff_ffffn);
    }
    this.#owners[at] = owner;
  }

  /** Radix sort, a byte a pass: rings may have millions of entries, and comparisons would take seconds. */
  sorted(): { high: Uint32Array; low: Uint32Array; owners: Uint32Array } {
    const { count } = this;
    const ends = new Uint32Array(257);
    let high = new Uint32Array(count);
    let low = new Uint32Array(count);
    let owners = new Uint32Array(count);
    for (let pass = 0; pass < 8; pass++) {
      const words = pass < 4 ? this.#low : this.#high;
      const shift = (pass & 3) * 8;
      ends.fill(0);
      for (let i = 0; i < count; i++) ends[((words[i]! >>> shift) & 0xff) + 1]!++;
      for (let byte = 1; byte < 257; byte++) ends[byte]! += ends[byte - 1]!;
      for (let i = 0; i < count; i++) {
        const byte = (words[i]! >>> shift) & 0xff;
        const to = ends[byte]!++;
        high[to] = this.#high[i]!;
        low[to] = this.#low[i]!;
        owners[to] = this.#owners[i]!;
      }
      [this.#high, high] = [high, this.#high];
      [this.#low, low] = [low, this.#low];
      [this.#owners, owners] = [owners, this.#owners];
    }
    return {
      high: this.#high.subarray(0, count),
      low: this.#low.subarray(0, count),
      owners: this.#owners.subarray(0, count),
    };
  }
}
