/** The balancer of a cluster, for the hosts that it has now. What lies inside another policy (subsets, overrides) is made in the same way. */
import type { BalancerModel, BalancingModel } from "../../config/balancing-model.ts";
import type { Host } from "../host.ts";
import { HashBalancer } from "./hash-balancer.ts";
import { type HostLevel, hostLevels, type LocalityGroup, levelsOf } from "./host-levels.ts";
import { leastRequest } from "./least-request.ts";
import { LevelBalancer, type MakePicker } from "./level-balancer.ts";
import { type BalancerParts, NO_HOSTS } from "./load-balancer.ts";
import { type FindHost, OverrideHostBalancer } from "./override-host.ts";
import { SoonestHost } from "./peak-ewma.ts";
import { FirstHost } from "./pick-first.ts";
import type { ExplainingBalancer, PickTrace } from "./pick-trace.ts";
import { AnyHost } from "./random.ts";
import { ReportedWeights } from "./reported-weights.ts";
import { roundRobin } from "./round-robin.ts";
import { SlowStart } from "./slow-start.ts";
import { SubsetBalancer } from "./subset-balancer.ts";
import { zoneRouting } from "./zone-routing.ts";

export interface BalancerSource {
  readonly hosts: readonly Host[];
  readonly model: BalancingModel;
  readonly parts: BalancerParts;
  /** Of this cluster. */
  readonly findHost: FindHost;
  /** Hosts of the cluster that this proxy belongs to, for zone-aware routing; null: none. */
  readonly callers: readonly Host[] | null;
}

export function makeBalancer(source: BalancerSource): ExplainingBalancer {
  const { hosts, model } = source;
  if (hosts.length === 0) return NO_HOSTS;
  const { locality } = model;
  return make(source, model.policy, hostLevels(hosts, locality.kind === "zone_aware" ? locality.local : null), model);
}

function make(
  source: BalancerSource,
  policy: BalancerModel,
  levels: readonly HostLevel[],
  model: BalancingModel,
): ExplainingBalancer {
  const { parts } = source;
  switch (policy.kind) {
    case "provided":
      return { pick: () => parts.asked, explain: saysCluster };
    case "subset":
      return subsets(source, policy, levels, model);
    case "override_host": {
      const fallback = make(source, policy.policy, levels, model);
      return new OverrideHostBalancer(policy.sources, source.findHost, model.overrideHealth, fallback);
    }
    case "ring_hash":
    case "maglev":
      return new HashBalancer(levels, policy, model, parts);
    default:
      return new LevelBalancer({
        levels,
        model,
        makePicker: pickerOf(policy, parts),
        isFirst: policy.kind === "pick_first" && !policy.shuffle,
        parts,
        zones: zones(source, levels, model),
      });
  }
}

function saysCluster(_choice: unknown, trace: PickTrace): void {
  trace.isProvided = true;
  trace.notes.push("the cluster itself says which host");
}

type PickingModel = Exclude<BalancerModel, { kind: "subset" | "override_host" | "ring_hash" | "maglev" | "provided" }>;

function pickerOf(policy: PickingModel, parts: BalancerParts): MakePicker {
  switch (policy.kind) {
    case "round_robin": {
      const slowStart = policy.slowStart === null ? null : new SlowStart(policy.slowStart, parts);
      return (hosts) => roundRobin(hosts, slowStart, parts);
    }
    case "least_request": {
      const slowStart = policy.slowStart === null ? null : new SlowStart(policy.slowStart, parts);
      return (hosts) => leastRequest(hosts, policy, slowStart, parts);
    }
    case "client_side_weighted_round_robin": {
      const slowStart = policy.slowStart === null ? null : new SlowStart(policy.slowStart, parts);
      return (hosts) => new ReportedWeights(hosts, policy.updateMs, slowStart, parts);
    }
    case "random":
      return (hosts) => new AnyHost(hosts, parts.random);
    case "pick_first":
      return (hosts) => new FirstHost(hosts, policy.shuffle, parts.random);
    case "peak_ewma":
      return (hosts) => new SoonestHost(hosts, parts);
  }
}

function zones(
  { callers, parts }: BalancerSource,
  levels: readonly HostLevel[],
  { locality, panicPercent }: BalancingModel,
) {
  if (locality.kind !== "zone_aware" || callers === null) return null;
  return zoneRouting(levels[0]!, hostLevels(callers, locality.local)[0]!, locality, panicPercent, parts);
}

function subsets(
  source: BalancerSource,
  { subset, policy }: Extract<BalancerModel, { kind: "subset" }>,
  levels: readonly HostLevel[],
  model: BalancingModel,
): ExplainingBalancer {
  const hosts = levels.flatMap((level) => level.hosts);
  const isWeighted = model.locality.kind === "weighted";
  // Without their weights localities count for nothing in a subset.
  const inSubset: BalancingModel =
    isWeighted && !subset.localityWeightAware ? { ...model, locality: { kind: "none" } } : model;
  const weightOf = (locality: LocalityGroup, left: number): number =>
    subset.scaleLocalityWeight
      ? Math.round((locality.weight * left) / Math.max(1, locality.hosts.length))
      : locality.weight;
  const ofHosts = (chosen: ReadonlySet<Host> | null): ExplainingBalancer => {
    const all = chosen ?? new Set(hosts);
    return all.size === 0 ? NO_HOSTS : make(source, policy, levelsOf(levels, all, weightOf), inSubset);
  };
  return new SubsetBalancer(hosts, subset, ofHosts, source.parts);
}
