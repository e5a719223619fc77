/**
 * How much of the load each priority gets, in percent, and which of them are in panic. A priority carries what its share of available hosts, times the overprovisioning
 * factor, can; the rest spills to the next, first to healthy hosts, then to degraded ones. Envoy: LoadBalancerBase, docs "Priority levels" and "Panic threshold".
 */
import type { PriorityAversion } from "@sluice/sdk";
import type { BalancingModel } from "../../config/balancing-model.ts";
import type { Host } from "../host.ts";
import { countedOf, type HostGroup } from "./host-levels.ts";

export interface PriorityLoads {
  /** All of both together are 100. */
  readonly healthy: readonly number[];
  readonly degraded: readonly number[];
  /** Health counts for nothing there. */
  readonly panic: readonly boolean[];
  /** What each could carry, in percent. */
  readonly health: readonly number[];
  readonly degradedHealth: readonly number[];
}

type Options = Pick<BalancingModel, "panicPercent" | "overprovisioningPercent" | "weightedPriorityHealth">;

export function priorityLoads(levels: readonly HostGroup[], options: Options): PriorityLoads {
  const { panicPercent } = options;
  const health = levels.map((level) => availability(level, level.healthy, options));
  const degradedHealth = levels.map((level) => availability(level, level.degraded, options));
  const total = Math.min(100, sum(health) + sum(degradedHealth));
  const nothing = levels.map(() => 0);
  const panic = levels.map((level) => total !== 100 && isInPanic(level, panicPercent));
  const of = { panic, health, degradedHealth };
  if (panic.every(Boolean)) return { healthy: byHosts(levels), degraded: nothing, ...of };
  // So few that not one percent is left of them.
  if (total === 0) return { healthy: allAt(levels, 0), degraded: nothing, ...of };
  return { ...spread(health, degradedHealth, total), ...of };
}

/**
 * For another attempt: what the priorities that the request has tried would have had goes to the others. Where those have nothing to take it with, it has tried all, and
 * begins anew. `levelOf`: -1: none of these. Envoy: PreviousPrioritiesRetryPriority.
 */
export function untriedLoads(
  loads: PriorityLoads,
  tried: PriorityAversion,
  levelOf: (host: Host) => number,
): PriorityLoads {
  const { hosts } = tried;
  if (hosts.length === 0) return loads;
  const levels = new Set(hosts.map((host) => levelOf(host as Host)));
  const untried = (shares: readonly number[]) => shares.map((share, level) => (levels.has(level) ? 0 : share));
  const health = untried(loads.health);
  const degradedHealth = untried(loads.degradedHealth);
  const total = Math.min(100, sum(health) + sum(degradedHealth));
  if (total !== 0) return { ...loads, ...spread(health, degradedHealth, total) };
  tried.forget();
  return loads;
}

/** Whether too few of the hosts are available for health to count. */
export function isInPanic(group: HostGroup, panicPercent: number): boolean {
  const { healthy, degraded } = group;
  const hosts = countedOf(group);
  const available = hosts.length === 0 ? 0 : (100 * (healthy.length + degraded.length)) / hosts.length;
  return available < panicPercent;
}

function availability(group: HostGroup, available: HostGroup["hosts"], options: Options): number {
  const hosts = countedOf(group);
  if (hosts.length === 0) return 0;
  const [part, whole] = options.weightedPriorityHealth
    ? [sum(available.map(({ weight }) => weight)), sum(hosts.map(({ weight }) => weight))]
    : [available.length, hosts.length];
  return Math.min(100, Math.floor(((group.overprovisioningPercent ?? options.overprovisioningPercent) * part) / whole));
}

function spread(
  health: readonly number[],
  degradedHealth: readonly number[],
  total: number,
): Pick<PriorityLoads, "healthy" | "degraded"> {
  let left = 100;
  const take = (share: number): number => {
    const taken = Math.min(left, Math.floor((share * 100) / total));
    left -= taken;
    return taken;
  };
  const healthy = health.map(take);
  const degraded = degradedHealth.map(take);
  if (left === 0) return { healthy, degraded };
  // What rounding left goes to the first that can take it.
  const first = health.findIndex((share) => share > 0);
  if (first !== -1) healthy[first]! += left;
  else degraded[degradedHealth.findIndex((share) => share > 0)]! += left;
  return { healthy, degraded };
}

/** Everything is in panic: load by the number of hosts, whatever their health. */
function byHosts(levels: readonly HostGroup[]): number[] {
  const total = sum(levels.map(({ hosts }) => hosts.length));
  if (total === 0) return allAt(levels, 0);
  const loads = levels.map(({ hosts }) => Math.floor((100 * hosts.length) / total));
  loads[levels.findIndex(({ hosts }) => hosts.length > 0)]! += 100 - sum(loads);
  return loads;
}

function allAt(levels: readonly HostGroup[], at: number): number[] {
  return levels.map((_, i) => (i === at ? 100 : 0));
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** The level that the number from 0 to 99 falls to: itself for its healthy hosts, `~level` for its degraded ones. */
export function levelOf({ healthy, degraded }: PriorityLoads, drawn: number): number {
  let bound = 0;
  for (let i = 0; i < healthy.length; i++) {
    bound += healthy[i]!;
    if (drawn < bound) return i;
  }
  for (let i = 0; i < degraded.length; i++) {
    bound += degraded[i]!;
    if (drawn < bound) return ~i;
  }
  return 0;
}
