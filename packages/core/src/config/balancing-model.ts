/** How a cluster spreads what it is given over its hosts: plain data, resolved and defaulted. Envoy: Cluster.lb_policy with its like, load_balancing_policy. */
import type { Json } from "./model.ts";

/** Of hosts and of routes: the metadata that hosts are chosen by. */
export const BALANCING_NAMESPACE = "envoy.lb";

export interface BalancingModel {
  readonly policy: BalancerModel;
  /** Between the localities of one priority. */
  readonly locality: LocalityBalancingModel;
  /** Below this share of available hosts a priority counts its hosts' health for nothing. 0: never. Envoy: healthy_panic_threshold, 50. */
  readonly panicPercent: number;
  /** Hosts may carry so much more than their share before another priority or locality gets some of it. Envoy: overprovisioning_factor, 140. */
  readonly overprovisioningPercent: number;
  /** A priority's health is that of its weights, not of its hosts. Envoy: weighted_priority_health. */
  readonly weightedPriorityHealth: boolean;
  /** Requests that are refused before a host is chosen, 0 to 1; null: none. Envoy: drop_overloads. */
  readonly drop: { readonly category: string; readonly share: number } | null;
  /** Hosts that an override may choose. Envoy: override_host_status. */
  readonly overrideHealth: readonly HostHealthModel[];
  /** Changes of weight, health and metadata that come within this time are applied together; 0: at once. */
  readonly mergeWindowMs: number;
  /** When hosts come or go, the connections of all are drained. Envoy: close_connections_on_host_set_change. */
  readonly closesOnChange: boolean;
}

export type HostHealthModel = "healthy" | "unhealthy" | "draining" | "degraded";

export type LocalityBalancingModel =
  | { readonly kind: "none" }
  | { readonly kind: "weighted" }
  | {
      readonly kind: "zone_aware";
      /** The cluster that this proxy is a host of, and where it is. */
      readonly localCluster: string;
      readonly local: LocalityNameModel;
      readonly routingPercent: number;
      readonly minClusterSize: number;
      readonly failTrafficOnPanic: boolean;
    };

/** As a runtime key has it, while it is set. */
export interface TunableModel {
  readonly value: number;
  /** Empty: none. */
  readonly key: string;
}

export interface SlowStartModel {
  readonly windowMs: number;
  readonly aggression: TunableModel;
  /** 0 to 1. */
  readonly minWeight: number;
}

export interface ConsistentHashingModel {
  readonly useHostname: boolean;
  /** Percent of the average load that a host may have; 0: any. Envoy: hash_balance_factor. */
  readonly balanceFactor: number;
}

export type BalancerModel =
  | { readonly kind: "round_robin"; readonly slowStart: SlowStartModel | null }
  | {
      readonly kind: "least_request";
      readonly choices: number;
      readonly fullScan: boolean;
      readonly bias: TunableModel;
      readonly slowStart: SlowStartModel | null;
    }
  | { readonly kind: "random" }
  | ({
      readonly kind: "ring_hash";
      readonly hash: "xx_hash" | "murmur_hash_2";
      readonly minSize: number;
      readonly maxSize: number;
    } & ConsistentHashingModel)
  | ({ readonly kind: "maglev"; readonly tableSize: number } & ConsistentHashingModel)
  | { readonly kind: "pick_first"; readonly shuffle: boolean }
  /** The cluster itself says which host; without a word of it there is none. Envoy: CLUSTER_PROVIDED. */
  | { readonly kind: "provided" }
  | { readonly kind: "peak_ewma"; readonly decayMs: number; readonly defaultRttMs: number }
  | ({
      readonly kind: "client_side_weighted_round_robin";
      /** How often weights are taken over. */
      readonly updateMs: number;
      readonly slowStart: SlowStartModel | null;
    } & LoadWeightModel)
  | { readonly kind: "subset"; readonly subset: SubsetModel; readonly policy: BalancerModel }
  | {
      readonly kind: "override_host";
      readonly sources: readonly OverrideSourceModel[];
      readonly policy: BalancerModel;
    };

/** How hosts are weighted by what they report of their load. */
export interface LoadWeightModel {
  /** A host has to report for so long before it counts. */
  readonly blackoutMs: number;
  /** After that time without a report the last one counts no longer. */
  readonly expirationMs: number;
  /** What a share of failed requests adds to the utilization. */
  readonly errorPenalty: number;
  /** Whose highest is the utilization, where the application reports none itself: `named_metrics.queue`, `mem_utilization`. */
  readonly metrics: readonly string[];
}

/** Where the addresses of the hosts that a request may go to stand, separated by commas. */
export type OverrideSourceModel =
  | { readonly kind: "header" /** Lower-case. */; readonly name: string }
  | { readonly kind: "metadata"; readonly path: readonly string[] };

export type SubsetFallbackModel = "none" | "any" | "default";

export interface SubsetModel {
  readonly fallback: SubsetFallbackModel;
  readonly defaultSubset: Readonly<Record<string, Json>>;
  readonly selectors: readonly SubsetSelectorModel[];
  readonly localityWeightAware: boolean;
  readonly scaleLocalityWeight: boolean;
  readonly panicModeAny: boolean;
  readonly listAsAny: boolean;
  /** `fallback_list` among a request's criteria is a list of others to try, the first that has a host. */
  readonly fallbackList: boolean;
  readonly allowRedundantKeys: boolean;
}

export interface SubsetSelectorModel {
  /** Sorted; at least one. */
  readonly keys: readonly string[];
  /** `inherit`: what the whole says. */
  readonly fallback: SubsetFallbackModel | "inherit" | "keys";
  /** For `keys`: fewer keys, to look again with. */
  readonly fallbackKeys: readonly string[];
  readonly singleHost: boolean;
}

export interface LocalityNameModel {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

/** A locality at one priority. Its hosts share the object. */
export interface LocalityModel extends LocalityNameModel {
  /** 0: none was given. Envoy: LocalityLbEndpoints.load_balancing_weight. */
  readonly weight: number;
}

export const UNRESTRICTED: Omit<BalancingModel, "policy" | "locality"> = {
  panicPercent: 50,
  overprovisioningPercent: 140,
  weightedPriorityHealth: false,
  drop: null,
  overrideHealth: ["healthy", "degraded"],
  mergeWindowMs: 0,
  closesOnChange: false,
};

/** Envoy's defaults. */
export const PLAIN_ROUND_ROBIN: BalancingModel = {
  policy: { kind: "round_robin", slowStart: null },
  locality: { kind: "none" },
  ...UNRESTRICTED,
};
