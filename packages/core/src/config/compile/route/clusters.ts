/** Which cluster a route forwards to: one by name, one that a header of the request names, or several by weight. */
import type {
  RouteAction,
  WeightedCluster,
  WeightedCluster_ClusterWeight,
} from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { ForwardActionModel, WeightedClusterModel } from "../../model.ts";
import type { CompileContext } from "../context.ts";
import { compileHeaderMutations, isHeaderName, noMutation } from "../header-mutations.ts";
import { compilePerFilterConfig } from "../per-filter-config.ts";
import type { RouteContext } from "./route-context.ts";
import { subsetOf } from "./subset.ts";
import { writtenHost } from "./written-target.ts";

type ClustersModel = Pick<ForwardActionModel, "clusters" | "weightHeader" | "weightRuntimePrefix">;

const unweighted = { weightHeader: "", weightRuntimePrefix: "" };

export function compileClusters(routes: RouteContext, action: RouteAction): ClustersModel | undefined {
  const { clusterSpecifier: specifier } = action;
  switch (specifier.case) {
    case "cluster":
      checkCluster(routes, action, "cluster", specifier.value);
      return { clusters: [only(specifier.value, "")], ...unweighted };
    case "clusterHeader": {
      const header = headerWithName(routes.context, action, specifier.value);
      return { clusters: [only("", header)], ...unweighted };
    }
    case "weightedClusters":
      return compileWeighted(routes, specifier.value);
    default:
      return undefined;
  }
}

function only(name: string, clusterHeader: string): WeightedClusterModel {
  return {
    name,
    clusterHeader,
    weight: 1,
    hostRewrite: "",
    requestHeaders: noMutation,
    responseHeaders: noMutation,
    perFilterConfig: {},
  };
}

const pseudo = new Set([":authority", ":path", ":method", ":scheme"]);

/** Envoy: what it calls a header is also :authority and its kin. */
function headerWithName(
  context: CompileContext,
  message: RouteAction | WeightedCluster_ClusterWeight,
  name: string,
): string {
  const lower = name.toLowerCase();
  if (name !== "" && !pseudo.has(lower) && !isHeaderName(lower))
    context.error(
      { message, field: "cluster_header" },
      "ERR_CONFIG_TYPE",
      `${JSON.stringify(name)} is no name of a header`,
    );
  return lower === "host" ? ":authority" : lower;
}

const largestSum = 0xffff_ffff;

function compileWeighted(routes: RouteContext, weighted: WeightedCluster): ClustersModel {
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
  const { randomValueSpecifier: random } = weighted;
  return {
    clusters,
    weightHeader: random.case === "headerName" ? random.value.toLowerCase() : "",
    weightRuntimePrefix: weighted.runtimeKeyPrefix,
  };
}

function compileWeight(routes: RouteContext, cluster: WeightedCluster_ClusterWeight): WeightedClusterModel {
  const { context, slots } = routes;
  const subset = subsetOf(cluster.metadataMatch);
  const both = cluster.name !== "" && cluster.clusterHeader !== "";
  if (both)
    context.error(
      { message: cluster, field: "cluster_header" },
      "ERR_CONFIG_ONEOF",
      "name and cluster_header are both set",
      { expected: "one of them" },
    );
  else if (cluster.clusterHeader === "" && cluster.name === "") context.missing({ message: cluster }, "name");
  else if (cluster.name !== "") checkCluster(routes, cluster, "name", cluster.name);
  return {
    name: cluster.name,
    clusterHeader: headerWithName(context, cluster, cluster.clusterHeader),
    weight: cluster.weight ?? 0,
    ...(subset !== undefined && { subset }),
    hostRewrite: writtenHost(context, cluster, "host_rewrite_literal", cluster.hostRewriteSpecifier.value ?? ""),
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
