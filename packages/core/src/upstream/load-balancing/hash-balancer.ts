/**
 * Hot path: docs/extending/hot-path-rules.md. For the policies that hash: the priority by the hash, then its ring or table. A request without a hash gets any host. Where a
 * priority is asked for its degraded hosts they have a table of their own. Envoy: ThreadAwareLoadBalancerBase.
 */
import type { Counter, HostChoice } from "@sluice/sdk";
import type { BalancerModel, BalancingModel } from "../../config/balancing-model.ts";
import type { Host } from "../host.ts";
import { BoundedLoad } from "./bounded-load.ts";
import type { HashTable, TableSizes } from "./hash-table.ts";
import type { HostGroup, HostLevel } from "./host-levels.ts";
import type { BalancerParts, LoadBalancer } from "./load-balancer.ts";
import { MaglevTable } from "./maglev.ts";
import { hostShares } from "./normalized-weights.ts";
import { levelOf, type PriorityLoads, priorityLoads } from "./priority-load.ts";
import { RequestHash } from "./request-hash.ts";
import { Ring } from "./ring-hash.ts";

export type HashingModel = Extract<BalancerModel, { kind: "ring_hash" | "maglev" }>;

interface LevelTables {
  /** null: no host. */
  readonly healthy: HashTable | null;
  readonly degraded: HashTable | null;
}

export class HashBalancer implements LoadBalancer {
  readonly #parts: BalancerParts;
  readonly #policy: HashingModel;
  readonly #loads: PriorityLoads;
  readonly #tables: readonly LevelTables[];
  readonly #panics: Counter;
  readonly #hash = new RequestHash();

  constructor(levels: readonly HostLevel[], policy: HashingModel, model: BalancingModel, parts: BalancerParts) {
    const loads = priorityLoads(levels, model);
    this.#parts = parts;
    this.#policy = policy;
    this.#loads = loads;
    this.#panics = parts.counter("lb_healthy_panic");
    const byLocality = model.locality.kind === "weighted";
    const sizes: TableSizes[] = [];
    const make = (level: HostLevel, of: (group: HostGroup) => readonly Host[]): HashTable | null =>
      this.#table(level, of, byLocality, sizes);
    this.#tables = levels.map((level, i) => ({
      healthy: make(level, loads.panic[i]! ? ({ hosts }) => hosts : ({ healthy }) => healthy),
      degraded: loads.degraded[i]! > 0 ? make(level, ({ degraded }) => degraded) : null,
    }));
    this.#tell(sizes);
  }

  pick(choice: HostChoice | null, attempt = 0): Host | null {
    const hash = this.#hash;
    hash.clear();
    if (choice !== null && choice.hashKey !== undefined) choice.hashKey(hash);
    if (!hash.isSet) hash.draw(this.#parts.random);
    const loads = this.#loads;
    const level = loads.healthy[0] === 100 ? 0 : levelOf(loads, hash.modulo(100));
    const number = level < 0 ? ~level : level;
    if (loads.panic[number]!) this.#panics.inc();
    const tables = this.#tables[number]!;
    const table = level < 0 ? tables.degraded : tables.healthy;
    return table === null ? null : table.at(hash, attempt);
  }

  #table(
    level: HostLevel,
    of: (group: HostGroup) => readonly Host[],
    byLocality: boolean,
    sizes: TableSizes[],
  ): HashTable | null {
    const shares = hostShares(level, of, byLocality);
    if (shares.length === 0) return null;
    const policy = this.#policy;
    const table = policy.kind === "maglev" ? new MaglevTable(shares, policy) : new Ring(shares, policy);
    sizes.push(table.sizes);
    if (policy.balanceFactor === 0) return table;
    return new BoundedLoad(table, shares, policy.balanceFactor, this.#parts);
  }

  /** Envoy's gauges. */
  #tell(sizes: readonly TableSizes[]): void {
    const largest = sizes.reduce((most, each) => (each.size > most.size ? each : most), {
      size: 0,
      fewest: 0,
      most: 0,
    });
    if (this.#policy.kind === "maglev") {
      this.#parts.gauge("maglev_lb.min_entries_per_host").set(largest.fewest);
      this.#parts.gauge("maglev_lb.max_entries_per_host").set(largest.most);
      return;
    }
    this.#parts.gauge("ring_hash_lb.size").set(largest.size);
    this.#parts.gauge("ring_hash_lb.min_hashes_per_host").set(largest.fewest);
    this.#parts.gauge("ring_hash_lb.max_hashes_per_host").set(largest.most);
  }
}
