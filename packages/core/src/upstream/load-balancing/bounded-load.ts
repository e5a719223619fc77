/**
 * Hot path (`at`). Consistent hashing with bounded loads: no host carries more than so many percent of the average; whose host is full goes to others in an order that hangs on
 * the hash, the same every time (Mirrokni and others, arXiv 1608.01350; Chen and others, arXiv 1908.08762). Envoy: hash_balance_factor.
 */
import type { Host } from "../host.ts";
import type { HashTable } from "./hash-table.ts";
import type { BalancerParts } from "./load-balancer.ts";
import { MersenneTwister } from "./mersenne-twister.ts";
import type { HostShare } from "./normalized-weights.ts";
import type { RequestHash } from "./request-hash.ts";

const twister = new MersenneTwister();
const WHOLE = 2 ** 32;

export class BoundedLoad implements HashTable {
  readonly #table: HashTable;
  readonly #hosts: readonly Host[];
  readonly #shares: Float64Array;
  readonly #numbers: ReadonlyMap<Host, number>;
  /** An order of the hosts: what was swapped in it is swapped back. */
  readonly #order: Uint32Array;
  readonly #swaps: Uint32Array;
  readonly #balanceFactor: number;
  readonly #parts: Pick<BalancerParts, "active">;

  constructor(
    table: HashTable,
    shares: readonly HostShare[],
    balanceFactor: number,
    parts: Pick<BalancerParts, "active">,
  ) {
    this.#table = table;
    this.#hosts = shares.map(({ host }) => host);
    this.#shares = Float64Array.from(shares, ({ share }) => share);
    this.#numbers = new Map(this.#hosts.map((host, number) => [host, number]));
    this.#order = Uint32Array.from(shares, (_, number) => number);
    this.#swaps = new Uint32Array(shares.length);
    this.#balanceFactor = balanceFactor;
    this.#parts = parts;
  }

  at(hash: RequestHash, attempt = 0): Host {
    const first = this.#table.at(hash, attempt);
    // Where others will not do, one that is full has to.
    if (attempt !== 0) return first;
    const slots = Math.floor(((this.#parts.active() + 1) * this.#balanceFactor + 99) / 100);
    const load = this.#load(this.#numbers.get(first)!, slots);
    return load <= 1 ? first : this.#other(first, load, slots, hash);
  }

  #load(number: number, slots: number): number {
    return this.#hosts[number]!.active / Math.max(1, Math.ceil(slots * this.#shares[number]!));
  }

  #other(first: Host, firstLoad: number, slots: number, hash: RequestHash): Host {
    const hosts = this.#hosts;
    const order = this.#order;
    const swaps = this.#swaps;
    const { length } = hosts;
    let least = first;
    let leastLoad = firstLoad;
    let steps = 0;
    twister.seed(hash.low >>> 0);
    while (steps < length) {
      const other = steps + drawBelow(length - steps);
      const number = order[other]!;
      order[other] = order[steps]!;
      order[steps] = number;
      swaps[steps++] = other;
      if (hosts[number] === first) continue;
      const load = this.#load(number, slots);
      if (load >= leastLoad) continue;
      least = hosts[number]!;
      leastLoad = load;
      if (load <= 1) break;
    }
    while (steps-- > 0) {
      const other = swaps[steps]!;
      const number = order[other]!;
      order[other] = order[steps]!;
      order[steps] = number;
    }
    return least;
  }
}

function drawBelow(bound: number): number {
  const width = Math.floor(WHOLE / bound);
  let drawn = bound;
  while (drawn >= bound) drawn = Math.floor(twister.next() / width);
  return drawn;
}
