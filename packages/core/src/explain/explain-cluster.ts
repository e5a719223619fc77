/** Which hosts of a cluster a request may go to and why: asks the balancer itself, made of the hosts as main knows them. No request is sent, nothing is counted. */
import type { HostChoice } from "@sluice/sdk";
import type { BalancerModel, ClusterModel } from "../config/model.ts";
import type { HostHealthView } from "../main/health/host-health.ts";
import { StatsStore } from "../stats/stats-store.ts";
import { RealClock } from "../timing/real-clock.ts";
import { Host, type HostModel, hostKey } from "../upstream/host.ts";
import { partLevels } from "../upstream/linked/part-levels.ts";
import { ANY_LEVEL, type BalancerParts } from "../upstream/load-balancing/load-balancer.ts";
import { makeBalancer } from "../upstream/load-balancing/make-balancer.ts";
import { PickTrace } from "../upstream/load-balancing/pick-trace.ts";
import { policyText } from "../upstream/load-balancing/policy-text.ts";
import { type PriorityLoads, priorityLoads } from "../upstream/load-balancing/priority-load.ts";
import { healthText, whyPicked } from "./why-picked.ts";

/** Where hosts come from: a running server, or a configuration alone. */
export interface KnownHosts {
  hostsOf(cluster: ClusterModel): readonly HostModel[];
  hostHealth?(cluster: string, key: string): HostHealthView | undefined;
}

export const LISTED_HOSTS: KnownHosts = {
  hostsOf: ({ discovery, endpoints }) => (discovery.kind === "static" ? endpoints : []),
};

export interface HostExplanation {
  /** What the host is known by in its cluster. */
  readonly key: string;
  readonly address: string;
  /** The cluster that it is of, where that is another: of an aggregate one. */
  readonly cluster: string;
  readonly priority: number;
  /** `region/zone/sub_zone`; empty: none. */
  readonly locality: string;
  readonly weight: number;
  /** As in `/clusters`. */
  readonly health: string;
  /** Begins with `yes` (it may be picked) or `no`. */
  readonly why: string;
}

export interface PriorityExplanation {
  readonly cluster: string;
  readonly priority: number;
  /** Percent of the load for its healthy and for its degraded hosts. */
  readonly healthy: number;
  readonly degraded: number;
  readonly panic: boolean;
}

export interface ClusterExplanation {
  readonly cluster: string;
  /** Empty: there is no such cluster. */
  readonly policy: string;
  readonly notes: readonly string[];
  readonly priorities: readonly PriorityExplanation[];
  /** The one that it is for certain; null: chance, turns or load decide. */
  readonly host: string | null;
  readonly hosts: readonly HostExplanation[];
}

/** `choice`: what the request says; null: of no request in particular, so that subsets, hashes and named hosts are left out. */
export function explainCluster(
  model: ClusterModel,
  models: readonly ClusterModel[],
  known: KnownHosts,
  choice: HostChoice | null,
): ClusterExplanation {
  if (model.discovery.kind === "aggregate")
    return explainAggregate(model, model.discovery.clusters, models, known, choice);
  const hosts = hostsIn(model, known);
  const trace = traced(model, hosts, models, known, choice, ANY_LEVEL);
  const notes = hosts.length === 0 ? [noHosts(model)] : trace.notes;
  return { ...explained(model, hosts, trace, known, ""), notes };
}

function explainAggregate(
  model: ClusterModel,
  names: readonly string[],
  models: readonly ClusterModel[],
  known: KnownHosts,
  choice: HostChoice | null,
): ClusterExplanation {
  const parts = names.flatMap((name) => {
    const found = models.find((each) => each.name === name);
    return found === undefined ? [] : [{ model: found, hosts: hostsIn(found, known) }];
  });
  const { levels, owners, numbers } = partLevels(parts);
  const loads = priorityLoads(levels, model.lb);
  const certain = loads.healthy.indexOf(100);
  const found = parts.map((part) => {
    const isAll = certain !== -1 && owners[certain] === part;
    const trace = traced(part.model, part.hosts, models, known, choice, isAll ? numbers[certain]! : ANY_LEVEL);
    if (!isAll) trace.host = null;
    const own = (of: readonly number[]): number[] => of.filter((_, i) => owners[i] === part);
    if (trace.loads !== null)
      trace.loads = { ...trace.loads, healthy: own(loads.healthy), degraded: own(loads.degraded) };
    return { ...explained(part.model, part.hosts, trace, known, part.model.name), notes: trace.notes };
  });
  return {
    cluster: model.name,
    policy: policyText(model.lb),
    notes: [
      `of clusters ${names.join(", ")}, in this order`,
      ...found.flatMap(({ cluster, notes }) => notes.map((note) => `${cluster}: ${note}`)),
    ],
    priorities: found.flatMap(({ priorities }) => priorities),
    host: found.find(({ host }) => host !== null)?.host ?? null,
    hosts: found.flatMap((each) => each.hosts),
  };
}

function explained(
  model: ClusterModel,
  hosts: readonly Host[],
  trace: PickTrace,
  known: KnownHosts,
  cluster: string,
): Omit<ClusterExplanation, "notes"> {
  return {
    cluster: model.name,
    policy: policyText(model.lb),
    priorities: prioritiesOf(model.name, trace.loads),
    host: trace.host?.address ?? null,
    hosts: hosts.map((host) => {
      const outlier = known.hostHealth?.(model.name, host.key)?.outlier ?? null;
      const why = whyPicked(host, trace, model.lb, outlier);
      const { region, zone, subZone } = host.locality ?? { region: "", zone: "", subZone: "" };
      return {
        key: host.key,
        address: host.address,
        cluster,
        priority: host.priority,
        locality: [region, zone, subZone].join("/").replace(/\/+$/, ""),
        weight: host.weight,
        health: healthText(host),
        why,
      } as const;
    }),
  };
}

function prioritiesOf(cluster: string, loads: PriorityLoads | null): PriorityExplanation[] {
  if (loads === null) return [];
  return loads.healthy.map((healthy, priority) => ({
    cluster,
    priority,
    healthy,
    degraded: loads.degraded[priority]!,
    panic: loads.panic[priority]!,
  }));
}

function noHosts({ discovery }: ClusterModel): string {
  return discovery.kind === "static"
    ? "the cluster has no host"
    : `hosts come from discovery (${discovery.kind}): none is known`;
}

function hostsIn(model: ClusterModel, known: KnownHosts): Host[] {
  const stats = new StatsStore({ addSlab() {}, add() {}, remove() {} });
  const seen = new Set<string>();
  return known.hostsOf(model).flatMap((each) => {
    const key = hostKey(each);
    if (seen.has(key)) return [];
    seen.add(key);
    const host = new Host(each, model.name, stats.scope(""), 0);
    host.judge(each.health, each.flags ?? 0);
    return [host];
  });
}

function traced(
  model: ClusterModel,
  hosts: readonly Host[],
  models: readonly ClusterModel[],
  known: KnownHosts,
  choice: HostChoice | null,
  level: number,
): PickTrace {
  const trace = new PickTrace();
  const { lb } = model;
  const { locality } = lb;
  const local = locality.kind === "zone_aware" ? models.find(({ name }) => name === locality.localCluster) : undefined;
  const byAddress = new Map(hosts.map((host) => [host.key, host]));
  makeBalancer({
    hosts,
    model: { ...lb, policy: explainable(lb.policy, choice !== null) },
    parts: { ...PARTS, level },
    findHost: (address) => byAddress.get(address),
    callers: local === undefined ? null : hostsIn(local, known),
  }).explain(choice, trace);
  return trace;
}

/** What draws, takes turns or goes by load does so among the same hosts: which of them it is nobody can tell, and what it goes by is in workers. */
function explainable(policy: BalancerModel, hasRequest: boolean): BalancerModel {
  switch (policy.kind) {
    case "provided":
    case "pick_first":
      return policy;
    case "subset":
    case "override_host":
      return hasRequest ? { ...policy, policy: explainable(policy.policy, true) } : explainable(policy.policy, false);
    case "ring_hash":
    case "maglev":
      return hasRequest ? policy : { kind: "random" };
    default:
      return { kind: "random" };
  }
}

const NOTHING = { set() {} };
const PARTS: BalancerParts = {
  level: ANY_LEVEL,
  asked: null,
  random: { next: () => 0, below: () => 0 },
  clock: new RealClock(),
  counter: () => ({ inc() {} }),
  gauge: () => NOTHING,
  tunable: ({ value }) => ({ value }),
  active: () => 0,
};
