/** Forwarding: to which cluster, with which rewrites and time-outs. */
import type {
  RouteAction,
  WeightedCluster,
  WeightedCluster_ClusterWeight,
} from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { ForwardActionModel, WeightedClusterModel } from "../../model.ts";
import { compileHeaderMutations, noMutation } from "../header-mutations.ts";
import { compileRegexRewrite } from "../matchers.ts";
import { compilePerFilterConfig } from "../per-filter-config.ts";
import { compileUpgrades } from "../upgrades.ts";
import { milliseconds } from "../values.ts";
import type { RouteContext } from "./route-context.ts";

/** Index: ClusterNotFoundResponseCode. */
const notFoundStatuses = [503, 404, 500] as const;

export function compileForward(routes: RouteContext, action: RouteAction): ForwardActionModel | undefined {
  const { context } = routes;
  const clusters = compileClusters(routes, action);
  const { hostRewriteSpecifier: host } = action;
  if (action.prefixRewrite !== "" && action.regexRewrite !== undefined) {
    context.error(
      { message: action, field: "regex_rewrite" },
      "ERR_CONFIG_CONFLICT",
      "prefix_rewrite and regex_rewrite are both set",
      { expected: "one of them" },
    );
  }
  const duration = action.maxStreamDuration;
  const model: Omit<ForwardActionModel, "clusters"> = {
    kind: "forward",
    clusterNotFoundStatus: notFoundStatuses[action.clusterNotFoundResponseCode] ?? 503,
    prefixRewrite: action.prefixRewrite,
    regexRewrite: compileRegexRewrite(context, action.regexRewrite),
    hostRewrite: host.case === "hostRewriteLiteral" ? host.value : "",
    hostRewriteHeader: host.case === "hostRewriteHeader" ? host.value.toLowerCase() : "",
    autoHostRewrite: host.case === "autoHostRewrite" && host.value.value,
    appendXForwardedHost: action.appendXForwardedHost,
    timeoutMs: milliseconds(context, action, "timeout", action.timeout, 15_000),
    idleTimeoutMs: milliseconds(context, action, "idle_timeout", action.idleTimeout, -1),
    maxStreamDurationMs:
      duration === undefined
        ? -1
        : milliseconds(context, duration, "max_stream_duration", duration.maxStreamDuration, -1),
    upgrades: compileUpgrades(context, action.upgradeConfigs),
  };
  return clusters && { ...model, clusters };
}

function compileClusters(routes: RouteContext, action: RouteAction): WeightedClusterModel[] | undefined {
  const { clusterSpecifier: specifier } = action;
  if (specifier.case === "weightedClusters") return compileWeighted(routes, specifier.value);
  if (specifier.case !== "cluster") return undefined;
  checkCluster(routes, action, "cluster", specifier.value);
  return [
    {
      name: specifier.value,
      weight: 1,
      hostRewrite: "",
      requestHeaders: noMutation,
      responseHeaders: noMutation,
      perFilterConfig: {},
    },
  ];
}

const largestSum = 0xffff_ffff;

function compileWeighted(routes: RouteContext, weighted: WeightedCluster): WeightedClusterModel[] {
  const { context } = routes;
  const clusters = weighted.clusters.map((cluster) => compileWeight(routes, cluster));
  const sum = clusters.reduce((total, cluster) => total + cluster.weight, 0);
  if (weighted.clusters.length > 0 && (sum === 0 || sum > largestSum)) {
    context.error({ message: weighted, field: "clusters" }, "ERR_CONFIG_RANGE", `the weights add up to ${sum}`, {
      expected: `1 to ${largestSum}`,
    });
  }
  if (weighted.totalWeight !== undefined && weighted.totalWeight !== sum) {
    context.error(
      { message: weighted, field: "total_weight" },
      "ERR_CONFIG_CONFLICT",
      `total_weight is not the sum of the weights, ${sum}`,
    );
  }
  return clusters;
}

function compileWeight(routes: RouteContext, cluster: WeightedCluster_ClusterWeight): WeightedClusterModel {
  const { context, slots } = routes;
  if (cluster.name === "") context.missing({ message: cluster }, "name");
  else checkCluster(routes, cluster, "name", cluster.name);
  return {
    name: cluster.name,
    weight: cluster.weight ?? 0,
    hostRewrite: cluster.hostRewriteSpecifier.value ?? "",
    ...compileHeaderMutations(context, cluster),
    perFilterConfig: compilePerFilterConfig(context, cluster, slots),
  };
}

function checkCluster(
  { context, checksClusters }: RouteContext,
  message: RouteAction | WeightedCluster_ClusterWeight,
  field: string,
  name: string,
): void {
  if (name === "" || !checksClusters || context.clusterNames.has(name)) return;
  context.dangling({ message, field }, "the cluster", name, context.clusterNames);
}
