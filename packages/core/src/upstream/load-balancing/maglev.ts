/**
 * Hot path (`at`). A table of prime size in which every host has its own order of slots and they take turns to fill it (Eisenbud and others, "Maglev", section 3.4): one
 * look-up for each pick, shares as even as can be, few keys move when hosts change. Envoy: maglev.Maglev.
 */
import type { BalancerModel } from "../../config/balancing-model.ts";
import { XxHash64 } from "../../matching/xxhash64.ts";
import type { Host } from "../host.ts";
import { type HashTable, MOST_STEPS, type TableSizes } from "./hash-table.ts";
import { hashKeyOf, type HostShare } from "./normalized-weights.ts";
import type { RequestHash } from "./request-hash.ts";

export type MaglevModel = Extract<BalancerModel, { kind: "maglev" }>;

/** Of one host, while the table is filled. */
class Filler {
  readonly number: number;
  readonly share: number;
  readonly skip: number;
  /** Its next slot. */
  slot: number;
  /** What its turns times its share must reach before it has another. */
  target = 0;
  count = 0;

  constructor(number: number, share: number, slot: number, skip: number) {
    this.number = number;
    this.share = share;
    this.slot = slot;
    this.skip = skip;
  }
}

const offsets = new XxHash64(0n);
const skips = new XxHash64(1n);

export class MaglevTable implements HashTable {
  readonly sizes: TableSizes;
  readonly #size: number;
  readonly #hosts: readonly Host[];
  /** Numbers of hosts, in as few bytes as they need. */
  readonly #table: Uint8Array | Uint16Array | Uint32Array;

  /** `shares`: at least one. */
  constructor(shares: readonly HostShare[], { tableSize, useHostname }: MaglevModel) {
    // The table hangs on the order in which hosts have their turns: not on the one in which they were named.
    const keyed = shares.map(({ host, share }) => ({ key: hashKeyOf(host, useHostname), host, share }));
    keyed.sort((a, b) => compareBytes(a.key, b.key) || compareBytes(a.host.address, b.host.address));
    this.#size = tableSize;
    this.#hosts = keyed.map(({ host }) => host);
    this.#table = newTable(tableSize, keyed.length);
    const fillers = keyed.map(({ key, share }, number) => {
      const slot = offsets.update(key).modulo(tableSize);
      return new Filler(number, share, slot, skips.update(key).modulo(tableSize - 1) + 1);
    });
    fill(this.#table, fillers);
    const counts = fillers.map(({ count }) => count);
    this.sizes = { size: tableSize, fewest: Math.min(...counts), most: Math.max(...counts) };
  }

  at(hash: RequestHash, attempt = 0): Host {
    const slot = hash.modulo(this.#size);
    return this.#hosts[attempt === 0 ? this.#table[slot]! : this.#after(slot, attempt)]!;
  }

  /** The next hosts in the table that are others: there it is as good as random which ones. */
  #after(slot: number, attempt: number): number {
    const table = this.#table;
    const passed = new Set<number>();
    const skipped = attempt % this.#hosts.length;
    for (let i = 0; i < table.length && i < MOST_STEPS; i++) {
      const owner = table[(slot + i) % table.length]!;
      if (passed.has(owner)) continue;
      if (passed.size === skipped) return owner;
      passed.add(owner);
    }
    return table[slot]!;
  }

  /** For tests. */
  entries(): Host[] {
    return Array.from(this.#table, (number) => this.#hosts[number]!);
  }
}

function newTable(size: number, hosts: number): Uint8Array | Uint16Array | Uint32Array {
  return hosts <= 0xff ? new Uint8Array(size) : hosts <= 0xffff ? new Uint16Array(size) : new Uint32Array(size);
}

function fill(table: Uint8Array | Uint16Array | Uint32Array, fillers: readonly Filler[]): void {
  const size = table.length;
  const taken = new Uint8Array(size);
  const largest = fillers.reduce((most, { share }) => Math.max(most, share), 0);
  let filled = 0;
  for (let turn = 1; filled < size; turn++) {
    for (const filler of fillers) {
      if (filled === size) return;
      // The host with the largest share has every turn, others one now and then.
      if (turn * filler.share < filler.target) continue;
      filler.target += largest;
      while (taken[filler.slot] === 1) next(filler, size);
      table[filler.slot] = filler.number;
      taken[filler.slot] = 1;
      next(filler, size);
      filler.count++;
      filled++;
    }
  }
}

function next(filler: Filler, size: number): void {
  const slot = filler.slot + filler.skip;
  filler.slot = slot >= size ? slot - size : slot;
}

/** As UTF-8, which other proxies compare by. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
