/** A cluster's side of health in a worker: who watches its hosts, what main says of them, and which ejected one the next request tries. */
import type { HostChoice } from "@sluice/sdk";
import type { BalancerModel, ClusterModel } from "../../config/model.ts";
import type { Host, HostFlags, HostModel } from "../host.ts";
import { type HostReports, HostWatch } from "../outlier/host-watch.ts";
import { hasValues } from "../load-balancing/subset-index.ts";
import type { HostPools } from "../pool/host-pools.ts";
import type { TcpUpstream } from "../tcp-upstream.ts";
import { HEALTH_FLAG } from "./health-flags.ts";

/** What main says of a host with its address: whether it is well, and where its answers are counted, which does not change while it is there. */
export function judgeHost(
  host: Host,
  { health, flags, counts, healthCheck }: HostModel,
  model: ClusterModel,
  reports: HostReports | undefined,
  nowMs: number,
): void {
  const isChecked = (model.health?.check ?? null) !== null && healthCheck?.disabled !== true;
  const isNew = host.watch === null ? isChecked || counts !== undefined : !host.watch.counts && counts !== undefined;
  if (isNew && reports !== undefined)
    host.watch = new HostWatch(reports, model.name, host.key, isChecked, counts ?? null);
  if (host.watch !== null) host.watch.isChecked = isChecked;
  host.judge(health, flags ?? 0, nowMs);
}

/** Whether it matters to who is picked: balancers are made anew then, and a ring may have millions of entries. */
export function applyFlags(
  changes: readonly HostFlags[],
  members: ReadonlyMap<string, HostPools>,
  leaving: Iterable<HostPools>,
  tcp: Iterable<TcpUpstream>,
  { health }: ClusterModel,
  nowMs: number,
): boolean {
  let changed = false;
  for (const [address, flags] of changes) {
    const pools = members.get(address);
    if (pools === undefined || pools.host.flags === flags) continue;
    const failsNow = (flags & ~pools.host.flags & HEALTH_FLAG.failedActiveHc) !== 0;
    const { host } = pools;
    const before = host.health;
    const differs = ((flags ^ host.flags) & (HEALTH_FLAG.probation | HEALTH_FLAG.excludedByImmediateFail)) !== 0;
    host.judge(null, flags, nowMs);
    if (differs || host.health !== before) changed = true;
    if (failsNow && health?.closeConnectionsOnFailure === true) closeConnections(pools, leaving, tcp);
  }
  return changed;
}

function closeConnections(pools: HostPools, leaving: Iterable<HostPools>, tcp: Iterable<TcpUpstream>): void {
  for (const pool of pools.all()) pool.closeConnections();
  for (const others of leaving)
    if (others.host === pools.host) for (const pool of others.all()) pool.closeConnections();
  for (const upstream of tcp) if (upstream.host === pools.host) upstream.destroy("host_unhealthy");
}

export function isOnProbation(host: Host): boolean {
  return (host.flags & HEALTH_FLAG.probation) !== 0;
}

/** The host that the next request tries; null: none is due, or none that the request may have. */
export function probeHost(hosts: readonly Host[], choice: HostChoice | null, policy: BalancerModel): Host | null {
  // It has a host of its own.
  if ((choice?.override ?? null) !== null) return null;
  for (const host of hosts) {
    if (host.health === "draining" || !mayHave(host, choice, policy)) continue;
    if (host.watch?.takesProbe() === true) return host;
  }
  return null;
}

/** Whatever else it is tried with: no request goes to a host outside of its subset. */
function mayHave(host: Host, choice: HostChoice | null, policy: BalancerModel): boolean {
  if (policy.kind === "override_host") return mayHave(host, choice, policy.policy);
  if (policy.kind !== "subset") return true;
  const subset = choice?.subset ?? null;
  return subset !== null && hasValues(host, subset, policy.subset.listAsAny);
}
