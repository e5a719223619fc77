/** A cluster's side of health in a worker: who watches its hosts, what main says of them, and which ejected one the next request tries. */
import type { ClusterModel } from "../../config/model.ts";
import type { Host, HostFlags, HostModel } from "../host.ts";
import { type HostReports, HostWatch } from "../outlier/host-watch.ts";
import type { HostPools } from "../pool/host-pools.ts";
import type { TcpUpstream } from "../tcp-upstream.ts";
import { HEALTH_FLAG } from "./health-flags.ts";

/** What main says of a host with its address: whether it is well, and where its answers are counted, which does not change while it is there. */
export function judgeHost(
  host: Host,
  { health, flags, counts }: HostModel,
  model: ClusterModel,
  reports: HostReports | undefined,
): void {
  const isChecked = (model.health?.check ?? null) !== null;
  const isNew = host.watch === null ? isChecked || counts !== undefined : !host.watch.counts && counts !== undefined;
  if (isNew && reports !== undefined)
    host.watch = new HostWatch(reports, model.name, host.address, isChecked, counts ?? null);
  host.judge(health, flags ?? 0);
}

/** Whether anything of it is new. */
export function applyFlags(
  changes: readonly HostFlags[],
  members: ReadonlyMap<string, HostPools>,
  tcp: Iterable<TcpUpstream>,
  { health }: ClusterModel,
): boolean {
  let changed = false;
  for (const [address, flags] of changes) {
    const pools = members.get(address);
    if (pools === undefined || pools.host.flags === flags) continue;
    const failsNow = (flags & ~pools.host.flags & HEALTH_FLAG.failedActiveHc) !== 0;
    pools.host.judge(null, flags);
    changed = true;
    if (failsNow && health?.closeConnectionsOnFailure === true) closeConnections(pools, tcp);
  }
  return changed;
}

function closeConnections(pools: HostPools, tcp: Iterable<TcpUpstream>): void {
  for (const pool of pools.all()) pool.closeConnections();
  for (const upstream of tcp) if (upstream.host === pools.host) upstream.destroy("host_unhealthy");
}

export function isOnProbation(host: Host): boolean {
  return (host.flags & HEALTH_FLAG.probation) !== 0;
}

/** The host that the next request tries; null: no request is due. */
export function probeHost(hosts: readonly Host[]): Host | null {
  for (const host of hosts) if (host.watch?.takesProbe() === true) return host;
  return null;
}
