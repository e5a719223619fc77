/** How a cluster balances: load_balancing_policy, or the older enum with its messages; what holds for all policies; and what its endpoints say about it. */
import type { Cluster, Cluster_CommonLbConfig } from "../../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { ClusterLoadAssignment_Policy } from "../../envoy/generated/envoy/config/endpoint/v3/endpoint_pb.js";
import { type BalancingModel, type HostHealthModel, UNRESTRICTED } from "../../balancing-model.ts";
import type { CompileContext } from "../context.ts";
import { denominators, milliseconds } from "../values.ts";
import { compileOlderPolicy } from "./older-policies.ts";
import { percentOf, type PolicyModel } from "./parts.ts";
import { isClusterProvided } from "./provided.ts";
import { compileTypedPolicies } from "./typed-policies.ts";

/** Cluster.LbPolicy.LOAD_BALANCING_POLICY_CONFIG */
const byTypedPolicy = 7;

export function compileBalancing(context: CompileContext, cluster: Cluster): BalancingModel {
  const isTyped = cluster.loadBalancingPolicy !== undefined || cluster.lbPolicy === byTypedPolicy;
  if (isTyped) refuseOlderFields(context, cluster);
  const { policy, locality } = isClusterProvided(context, cluster)
    ? provided
    : isTyped
      ? compileTyped(context, cluster)
      : compileOlderPolicy(context, cluster);
  return {
    policy,
    locality: withCallers(context, cluster, locality),
    ...UNRESTRICTED,
    ...commonOf(context, cluster.commonLbConfig),
    ...assignmentOf(context, cluster.loadAssignment?.policy),
  };
}

const provided: PolicyModel = { policy: { kind: "provided" }, locality: { kind: "none" } };
const nothing: PolicyModel = { policy: { kind: "round_robin", slowStart: null }, locality: undefined };

/** Envoy: beside load_balancing_policy the older fields that say the same are refused. */
function refuseOlderFields(context: CompileContext, cluster: Cluster): void {
  const { commonLbConfig: common } = cluster;
  const refused = [
    [cluster, "lb_subset_config", cluster.lbSubsetConfig !== undefined],
    [common, "zone_aware_lb_config", common?.localityConfigSpecifier.case === "zoneAwareLbConfig"],
    [common, "locality_weighted_lb_config", common?.localityConfigSpecifier.case === "localityWeightedLbConfig"],
    [common, "consistent_hashing_lb_config", common?.consistentHashingLbConfig !== undefined],
  ] as const;
  for (const [message, field, isSet] of refused) {
    if (message === undefined || !isSet) continue;
    context.error(
      { message, field },
      "ERR_CONFIG_CONFLICT",
      `${field} is set beside load_balancing_policy, which says the same`,
    );
  }
  if (cluster.lbConfig.case !== undefined)
    context.warning(
      { message: cluster },
      "ERR_CONFIG_CONFLICT",
      "load_balancing_policy takes the place of the older policy's options",
    );
}

function compileTyped(context: CompileContext, cluster: Cluster): PolicyModel {
  const { loadBalancingPolicy: typed } = cluster;
  if (typed === undefined) {
    context.missing({ message: cluster }, "load_balancing_policy");
    return nothing;
  }
  return compileTypedPolicies(context, typed) ?? nothing;
}

/** Without a word about localities Envoy prefers its own zone, wherever it knows which that is. */
function withCallers(
  context: CompileContext,
  cluster: Cluster,
  locality: PolicyModel["locality"],
): BalancingModel["locality"] {
  if (locality?.kind === "weighted" || locality?.kind === "none") return locality;
  const { local } = context;
  if (local === null) {
    if (locality !== undefined)
      context.warning(
        { message: cluster },
        "ERR_CONFIG_CONFLICT",
        "zone-aware routing has no effect where the proxy does not know its own cluster",
        { expected: "cluster_manager.local_cluster_name and node.locality" },
      );
    return { kind: "none" };
  }
  if (local.cluster === cluster.name) return { kind: "none" };
  const { routingPercent = 100, minClusterSize = 6, failTrafficOnPanic = false } = locality ?? {};
  return {
    kind: "zone_aware",
    localCluster: local.cluster,
    local: local.locality,
    routingPercent,
    minClusterSize,
    failTrafficOnPanic,
  };
}

/** Index: core.v3.HealthStatus. */
const statuses: readonly HostHealthModel[] = ["healthy", "healthy", "unhealthy", "draining", "unhealthy", "degraded"];

function commonOf(context: CompileContext, common: Cluster_CommonLbConfig | undefined): Partial<BalancingModel> {
  if (common === undefined) return {};
  return {
    panicPercent: Math.round(percentOf(common.healthyPanicThreshold, 50)),
    mergeWindowMs: milliseconds(context, common, "update_merge_window", common.updateMergeWindow, 0),
    closesOnChange: common.closeConnectionsOnHostSetChange,
    ...(common.overrideHostStatus !== undefined && {
      overrideHealth: [...new Set(common.overrideHostStatus.statuses.map((status) => statuses[status] ?? "healthy"))],
    }),
  };
}

function assignmentOf(
  context: CompileContext,
  policy: ClusterLoadAssignment_Policy | undefined,
): Partial<BalancingModel> {
  if (policy === undefined) return {};
  const [first, second] = policy.dropOverloads;
  if (second !== undefined)
    context.error(
      { message: policy, field: "drop_overloads" },
      "ERR_CONFIG_CONFLICT",
      "drop_overloads has more than one entry",
      {
        expected: "one, as in Envoy",
      },
    );
  const fraction = first?.dropPercentage;
  const share =
    fraction === undefined ? 0 : Math.min(1, fraction.numerator / (denominators[fraction.denominator] ?? 100));
  return {
    overprovisioningPercent: policy.overprovisioningFactor ?? UNRESTRICTED.overprovisioningPercent,
    weightedPriorityHealth: policy.weightedPriorityHealth,
    drop: first === undefined || share === 0 ? null : { category: first.category, share },
  };
}
