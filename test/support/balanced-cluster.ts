// A cluster under any policy, whose hosts are judged as main would, and what its requests are picked by.
import type { HostAversion, HostChoice, UpstreamHost, UpstreamRequest } from "@sluice/sdk";
import { base, type ClusterOptions, endpoints, request, setup, type ScriptedCluster } from "./scripted-cluster.ts";
import type { BalancerModel, EndpointModel } from "../../packages/core/src/config/model.ts";
import type { Host } from "../../packages/core/src/upstream/host.ts";
import { seeded } from "../../packages/core/src/upstream/load-balancing/test-hosts.ts";

export const ring = {
  kind: "ring_hash",
  hash: "xx_hash",
  minSize: 1024,
  maxSize: 8_388_608,
  useHostname: false,
  balanceFactor: 0,
} as const;
export const maglev = { kind: "maglev", tableSize: 65_537, useHostname: false, balanceFactor: 0 } as const;
export const roundRobin = { kind: "round_robin", slowStart: null } as const;
export const least = {
  kind: "least_request",
  choices: 2,
  fullScan: false,
  bias: { value: 1, key: "" },
  slowStart: null,
} as const;
export const POLICIES: readonly (readonly [string, BalancerModel])[] = [
  ["round robin", roundRobin],
  ["least request", least],
  ["least request of all", { ...least, fullScan: true }],
  ["random", { kind: "random" }],
  ["ring hash", ring],
  ["ring hash, bounded", { ...ring, balanceFactor: 150 }],
  ["Maglev", maglev],
  ["pick first", { kind: "pick_first", shuffle: false }],
  ["peak EWMA", { kind: "peak_ewma", decayMs: 10_000, defaultRttMs: 10 }],
];

export interface BalancedCluster extends ScriptedCluster {
  judge(...changes: [port: number, flags: number][]): void;
  /** Who is picked; -1: nobody. */
  host(choice?: HostChoice | null, attempt?: number): number;
  /** All that are picked in many turns. */
  hosts(choice?: HostChoice | null): number[];
}

/** Of hosts 1 to n, and a way to ask for one. */
export function world(
  policy: BalancerModel,
  count: number,
  { lb = {}, ...more }: Omit<ClusterOptions, "lb"> & { lb?: object } = {},
): BalancedCluster {
  const made = setup(
    {
      endpoints: endpoints(...Array.from({ length: count }, (_, i) => i + 1)),
      lb: { ...base.lb, policy, ...lb },
      ...more,
    },
    { random: seeded(7) },
  );
  const { cluster } = made;
  const judge = (...changes: [port: number, flags: number][]) =>
    cluster.updateFlags(changes.map(([port, flags]) => [`10.0.0.1:${port}`, flags] as const));
  const host = (choice: HostChoice | null = null, attempt = 0) => portOf(cluster.pickNth(choice, attempt));
  /** All that are picked in many turns. */
  const hosts = (choice: HostChoice | null = null) =>
    [...new Set(Array.from({ length: 200 }, () => host(choice)))].toSorted((a, b) => a - b);
  return { ...made, judge, host, hosts };
}

/** -1: none. */
export function portOf(host: UpstreamHost | null): number {
  return host === null ? -1 : Number(host.address.split(":")[1]);
}

export const about = (choice: Partial<UpstreamRequest>): UpstreamRequest => ({ ...request("HTTP/1.1"), ...choice });
export const hashed = (key: string): HostChoice => ({ hashKey: (hash) => hash.add(key) });
export const avoiding = (attempts: number, ...hosts: Host[]): HostAversion => ({
  attempts,
  avoids: (host) => hosts.includes(host as Host),
});
export const placed = (port: number, more: Partial<EndpointModel>): EndpointModel => ({
  ...endpoints(port)[0]!,
  ...more,
});
