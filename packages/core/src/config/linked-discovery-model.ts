/** Where a cluster's hosts come from, beyond lists and names of its own: other clusters, the requests themselves, or somebody else's code. Plain data, resolved and defaulted. */

import type { DnsFamily } from "./discovery-model.ts";
import type { ExtensionModule, Json } from "./model.ts";

export type LinkedDiscoveryModel = AggregateModel | ExtensionDiscoveryModel | ForwardProxyModel | OriginalDstModel;

/** Code of a package finds them. */
export interface ExtensionDiscoveryModel {
  readonly kind: "extension";
  /** Definition id (`acme.discovery.file-watch`). */
  readonly id: string;
  /** Input of the definition's schema. */
  readonly config: Json;
  /** What brought the definition; null: it was given in memory. */
  readonly module: Pick<ExtensionModule, "specifier" | "url" | "bundle"> | null;
  /** Absent: a configuration waits for the first hosts. Envoy: wait_for_warm_on_init. */
  readonly waits?: false;
}

/** The hosts of other clusters, their priorities one after another. Envoy: extensions.clusters.aggregate. */
export interface AggregateModel {
  readonly kind: "aggregate";
  /** Clusters that have hosts of their own: aggregates among those that were named stand here by theirs. Each once. */
  readonly clusters: readonly string[];
}

/** Those that requests ask for. Envoy: extensions.clusters.dynamic_forward_proxy. */
export interface ForwardProxyModel {
  readonly kind: "forward_proxy";
  readonly cache: DnsCacheModel;
}

/** Envoy: DnsCacheConfig, with its defaults. */
export interface DnsCacheModel {
  readonly name: string;
  readonly family: DnsFamily;
  /** Where an answer tells no time to live; after that otherwise. 60 s. */
  readonly refreshMs: number;
  /** However short the time to live is. 5 s. */
  readonly minRefreshMs: number;
  /** After a failed answer; null: as after a good one. */
  readonly failureRefresh: { readonly baseMs: number; readonly maxMs: number } | null;
  /** Hosts that nobody asked for as long are forgotten. 5 min. */
  readonly hostTtlMs: number;
  /** 1024, in each worker. */
  readonly maxHosts: number;
  /** Requests that wait for answers. 1024, in each worker. */
  readonly maxPending: number;
  /** 5 s. */
  readonly queryTimeoutMs: number;
  /** Authorities that are asked for at once. */
  readonly preresolve: readonly string[];
  /** Addresses of the proxy's own network are not reached. */
  readonly denyPrivate: boolean;
}

/** The one that a request, or its connection, was meant for. Envoy: Cluster.type ORIGINAL_DST. */
export interface OriginalDstModel {
  readonly kind: "original_dst";
  /** Lower-case name of a header with `ip:port`; empty: none. */
  readonly header: string;
  /** Path in the dynamic metadata to an `ip:port`; null: none. */
  readonly metadata: readonly string[] | null;
  /** In place of every port; 0: none. */
  readonly port: number;
  /** Hosts that nobody asked for as long are forgotten. 5 s. */
  readonly cleanupMs: number;
}
