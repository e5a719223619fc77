/**
 * Hot path: docs/extending/hot-path-rules.md. For the policies that hash: the priority by the hash, then its ring or table. A request without a hash gets any host. Where a
 * priority is asked for its degraded hosts they have a table of their own. Envoy: ThreadAwareLoadBalancerBase.
 */
import type { Counter, HostChoice } from "@sluice/sdk";
import type { BalancerModel, BalancingModel } from "../../config/balancing-model.ts";
import type { Host } from "../host.ts";
import { BoundedLoad } from "./bounded-load.ts";
import type { HashTable, TableSizes } from "./hash-table.ts";
import { type HostGroup, type HostLevel, ownLevelOf } from "./host-levels.ts";
import { ANY_LEVEL, type BalancerParts } from "./load-balancer.ts";
import { MaglevTable } from "./maglev.ts";
import { hostShares } from "./normalized-weights.ts";
import type { ExplainingBalancer, PickTrace } from "./pick-trace.ts";
import { levelOf, type PriorityLoads, priorityLoads, untriedLoads } from "./priority-load.ts";
import { RequestHash } from "./request-hash.ts";
import { Ring } from "./ring-hash.ts";

export type HashingModel = Extract<BalancerModel, { kind: "ring_hash" | "maglev" }>;

interface LevelTables {
  /** null: no host. */
  readonly healthy: HashTable | null;
  degraded: HashTable | null;
}

export class HashBalancer implements ExplainingBalancer {
  readonly #parts: BalancerParts;
  readonly #policy: HashingModel;
  readonly #levels: readonly HostLevel[];
  readonly #loads: PriorityLoads;
  readonly #tables: readonly LevelTables[];
  readonly #byLocality: boolean;
  readonly #panics: Counter;
  readonly #hash = new RequestHash();

  constructor(levels: readonly HostLevel[], policy: HashingModel, model: BalancingModel, parts: BalancerParts) {
    const loads = priorityLoads(levels, model);
    this.#parts = parts;
    this.#policy = policy;
    this.#levels = levels;
    this.#loads = loads;
    this.#panics = parts.counter("lb_healthy_panic");
    this.#byLocality = model.locality.kind === "weighted";
    const sizes: TableSizes[] = [];
    const make = (level: HostLevel, of: (group: HostGroup) => readonly Host[]): HashTable | null =>
      this.#table(level, of, sizes);
    this.#tables = levels.map((level, i) => ({
      healthy: make(level, loads.panic[i]! ? allOf : healthyOf),
      degraded: loads.degraded[i]! > 0 ? make(level, degradedOf) : null,
    }));
    this.#tell(sizes);
  }

  pick(choice: HostChoice | null, attempt = 0): Host | null {
    const hash = this.#hash;
    hash.clear();
    if (choice !== null && choice.hashKey !== undefined) choice.hashKey(hash);
    if (!hash.isSet) hash.draw(this.#parts.random);
    let loads = this.#loads;
    const asked = this.#parts.level;
    if (choice !== null && choice.priorities && asked === ANY_LEVEL)
      loads = untriedLoads(loads, choice.priorities, ownLevelOf(this.#levels));
    const level = asked !== ANY_LEVEL ? asked : loads.healthy[0] === 100 ? 0 : levelOf(loads, hash.modulo(100));
    const number = level < 0 ? ~level : level;
    if (number >= this.#tables.length) return null;
    if (loads.panic[number]!) this.#panics.inc();
    const tables = this.#tables[number]!;
    const table = level < 0 ? (tables.degraded ?? this.#degradedAt(number)) : tables.healthy;
    return table === null ? null : table.at(hash, attempt);
  }

  /** Its own share of the load may be nothing, and another attempt come to it all the same. */
  #degradedAt(number: number): HashTable | null {
    const table = this.#table(this.#levels[number]!, ({ degraded }) => degraded, []);
    this.#tables[number]!.degraded = table;
    return table;
  }

  explain(choice: HostChoice | null, trace: PickTrace): void {
    trace.levels = this.#levels;
    trace.loads = this.#loads;
    for (const [i, level] of this.#levels.entries()) {
      for (const kind of [this.#loads.panic[i]! ? allOf : healthyOf, degradedOf]) {
        const has = new Set(hostShares(level, kind, this.#byLocality).map(({ host }) => host));
        for (const host of kind(level)) if (!has.has(host)) trace.passedBy.set(host, "its locality has no weight");
      }
    }
    if (choice === null) return;
    const host = this.pick(choice);
    const hash = this.#hash;
    if (!hash.isSet) {
      trace.notes.push("no hash policy of the route finds anything: any host");
      return;
    }
    trace.notes.push(`hash 0x${hex(hash.high)}${hex(hash.low)}`);
    trace.host = host;
    trace.reason =
      this.#policy.balanceFactor === 0 ? "the hash leads there" : "the hash leads there, unless it is too busy";
  }

  #table(level: HostLevel, of: (group: HostGroup) => readonly Host[], sizes: TableSizes[]): HashTable | null {
    const shares = hostShares(level, of, this.#byLocality);
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

const allOf = ({ hosts }: HostGroup): readonly Host[] => hosts;
const healthyOf = ({ healthy }: HostGroup): readonly Host[] => healthy;
const degradedOf = ({ degraded }: HostGroup): readonly Host[] => degraded;

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
