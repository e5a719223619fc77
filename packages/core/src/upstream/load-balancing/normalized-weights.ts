/** The hosts of one priority with their shares of it, as rings and tables are made of them: by weight, and by the weights of their localities where these count. */
import type { Host } from "../host.ts";
import type { HostGroup, HostLevel } from "./host-levels.ts";

export interface HostShare {
  readonly host: Host;
  /** All together are 1. */
  readonly share: number;
}

/** `of`: those hosts that count. `byLocality`: localities without a weight, or without such hosts, get nothing. */
export function hostShares(
  level: HostLevel,
  of: (group: HostGroup) => readonly Host[],
  byLocality: boolean,
): HostShare[] {
  const groups = level.localities.filter((group) => group.weight > 0 && of(group).length > 0);
  if (!byLocality || !level.localities.some(({ weight }) => weight > 0)) return within(of(level), 1);
  const total = groups.reduce((sum, { weight }) => sum + weight, 0);
  return groups.flatMap((group) => within(of(group), group.weight / total));
}

function within(hosts: readonly Host[], share: number): HostShare[] {
  const total = hosts.reduce((sum, { weight }) => sum + weight, 0);
  return hosts.map((host) => ({ host, share: (host.weight * share) / total }));
}

export function hashKeyOf(host: Host, useHostname: boolean): string {
  const given = host.labels?.["hash_key"];
  if (typeof given === "string" && given !== "") return given;
  return useHostname ? host.hostname : host.address;
}
