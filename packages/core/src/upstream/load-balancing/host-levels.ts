/** A cluster's hosts as balancers see them: by priority, by health, by locality. Draining hosts are not there: nothing new goes to them, whatever happens. */
import type { LocalityModel, LocalityNameModel } from "../../config/balancing-model.ts";
import type { Host } from "../host.ts";

export interface HostGroup {
  /** All that may be asked in panic. */
  readonly hosts: Host[];
  readonly healthy: Host[];
  readonly degraded: Host[];
  /** Where it differs from what the whole is told: levels of several clusters. */
  readonly overprovisioningPercent?: number;
}

export interface LocalityGroup extends HostGroup {
  readonly locality: LocalityModel | null;
  /** What it was given, or what is left of that in a subset; 0: none. */
  readonly weight: number;
}

/** The hosts of one priority; no host at all where a number was left out. */
export interface HostLevel extends HostGroup {
  /** In the order in which they were named, but the proxy's own one first. The same at all priorities. */
  readonly localities: readonly LocalityGroup[];
}

export function localityKey({ region, zone, subZone }: LocalityNameModel): string {
  return JSON.stringify([region, zone, subZone]);
}

const NO_LOCALITY = localityKey({ region: "", zone: "", subZone: "" });

/** At least one level. `local`: the locality of this proxy; null: it is not asked. */
export function hostLevels(hosts: readonly Host[], local: LocalityNameModel | null = null): HostLevel[] {
  const levels: { group: HostGroup; localities: Map<string, LocalityGroup> }[] = [];
  const localKey = local === null ? null : localityKey(local);
  for (const host of hosts) {
    if (host.health === "draining") continue;
    while (levels.length <= host.priority) levels.push({ group: newGroup(), localities: new Map() });
    const level = levels[host.priority]!;
    const key = host.locality === null ? NO_LOCALITY : localityKey(host.locality);
    let locality = level.localities.get(key);
    if (locality === undefined) {
      locality = { locality: host.locality, weight: host.locality === null ? 0 : host.locality.weight, ...newGroup() };
      level.localities.set(key, locality);
    }
    add(level.group, host);
    add(locality, host);
  }
  if (levels.length === 0) levels.push({ group: newGroup(), localities: new Map() });
  return levels.map(({ group, localities }) => ({ ...group, localities: inOrder(localities, localKey) }));
}

/** Those hosts alone; localities that have none of them stay, empty, so that shares between localities can be told. `weightOf`: what a locality's weight becomes. */
export function levelsOf(
  levels: readonly HostLevel[],
  chosen: ReadonlySet<Host>,
  weightOf: (locality: LocalityGroup, left: number) => number,
): HostLevel[] {
  const only = (hosts: readonly Host[]): Host[] => hosts.filter((host) => chosen.has(host));
  const group = ({ hosts, healthy, degraded }: HostGroup): HostGroup => ({
    hosts: only(hosts),
    healthy: only(healthy),
    degraded: only(degraded),
  });
  return levels.map((level) => ({
    ...group(level),
    localities: level.localities.map((locality) => {
      const left = group(locality);
      return { ...left, locality: locality.locality, weight: weightOf(locality, left.hosts.length) };
    }),
  }));
}

/** Those that count where the health of all is judged: not those that a check or an answer has shut out at once. */
export function countedOf({ hosts }: HostGroup): readonly Host[] {
  return hosts.some((host) => host.isExcluded) ? hosts.filter((host) => !host.isExcluded) : hosts;
}

/** The level of a host at its cluster's own; -1 for another cluster's (whose priorities are others). */
export function ownLevelOf(levels: readonly HostLevel[]): (host: Host) => number {
  const own = levels.find(({ hosts }) => hosts.length !== 0)?.hosts[0]!.cluster;
  return ({ cluster, priority }) => (cluster === own ? priority : -1);
}

function newGroup(): HostGroup {
  return { hosts: [], healthy: [], degraded: [] };
}

function add(group: HostGroup, host: Host): void {
  group.hosts.push(host);
  if (host.health === "healthy") group.healthy.push(host);
  else if (host.health === "degraded") group.degraded.push(host);
}

function inOrder(localities: ReadonlyMap<string, LocalityGroup>, localKey: string | null): LocalityGroup[] {
  const all = [...localities.values()];
  const own = localKey === null ? undefined : localities.get(localKey);
  return own === undefined ? all : [own, ...all.filter((locality) => locality !== own)];
}
