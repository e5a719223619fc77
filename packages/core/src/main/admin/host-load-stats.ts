/** What `/clusters` says of hosts that are weighted by what they report; nothing under other policies. Ours: Envoy shows the weight alone. */
import type { BalancerModel } from "../../config/balancing-model.ts";
import type { ClusterModel } from "../../config/model.ts";
import { hostKey, type HostModel, hostStatsPrefix } from "../../upstream/host.ts";
import { LOAD_STATS } from "../../upstream/load-balancing/host-load.ts";
import type { AdminContext } from "./endpoint.ts";

interface HostStat {
  readonly name: string;
  readonly kind: "counter" | "gauge";
  readonly value: number;
}

/** `load_weight`: the average of the threads that know one, before blackout and expiry. */
export function loadStats({ name, lb }: ClusterModel, host: HostModel, { server }: AdminContext): HostStat[] {
  if (!isWeighted(lb.policy)) return [];
  const prefix = hostStatsPrefix(name, hostKey(host));
  const value = (stat: string): number => server.aggregator.value(prefix + stat);
  const workers = value(LOAD_STATS.workers);
  const weight = workers === 0 ? 0 : value(LOAD_STATS.weight) / workers;
  return [
    { name: "load_weight", kind: "gauge", value: Math.round(weight) },
    { name: "load_reports", kind: "counter", value: value(LOAD_STATS.reports) },
    { name: "load_report_errors", kind: "counter", value: value(LOAD_STATS.errors) },
  ];
}

function isWeighted(policy: BalancerModel): boolean {
  return "policy" in policy ? isWeighted(policy.policy) : policy.kind === "client_side_weighted_round_robin";
}
