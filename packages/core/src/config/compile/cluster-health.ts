/** What a cluster's hosts are judged by; absent where nothing of it is configured, so that such a cluster has no cost from it. */
import type { Cluster } from "../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { Endpoint } from "../envoy/generated/envoy/config/endpoint/v3/endpoint_components_pb.js";
import type { ClusterModel, EndpointModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { compileHealthCheck } from "./health-check.ts";
import { compileOutlier } from "./outlier.ts";
import { compileAddress } from "./values.ts";

export function compileClusterHealth(
  context: CompileContext,
  cluster: Cluster,
  { kind }: ClusterModel["discovery"],
): Pick<ClusterModel, "health"> {
  if (Object.hasOwn(unjudged, kind)) {
    refuse(context, cluster, unjudged[kind]!);
    return {};
  }
  const [first, second] = cluster.healthChecks;
  if (second !== undefined)
    context.error(
      { message: cluster, field: "health_checks", element: 1 },
      "ERR_CONFIG_CONFLICT",
      "a cluster has one health check",
      { expected: "one at most" },
    );
  const check = first === undefined ? null : (compileHealthCheck(context, first) ?? null);
  const outlier = compileOutlier(context, cluster);
  const { ignoreHealthOnHostRemoval, closeConnectionsOnHostHealthFailure } = cluster;
  if (check === null && outlier === null) return {};
  return {
    health: {
      check,
      outlier,
      ignoreHealthOnHostRemoval,
      closeConnectionsOnFailure: closeConnectionsOnHostHealthFailure,
    },
  };
}

/** Main judges hosts. It does not know those that requests bring to a worker; an aggregate has none. What takes the place, by kind. */
const unjudged: Readonly<Record<string, readonly [what: string, expected: string]>> = {
  aggregate: ["an aggregate cluster", "them at the clusters that it lists"],
  forward_proxy: ["a dynamic forward proxy", "none"],
  original_dst: ["a cluster of the type ORIGINAL_DST", "none"],
};

function refuse(context: CompileContext, cluster: Cluster, [what, expected]: readonly [string, string]): void {
  if (cluster.healthChecks.length > 0)
    context.unsupported({ message: cluster, field: "health_checks" }, `checking the hosts of ${what}`, expected);
  if (cluster.outlierDetection !== undefined)
    context.unsupported({ message: cluster, field: "outlier_detection" }, `outlier detection of ${what}`, expected);
}

export function compileEndpointHealth(context: CompileContext, endpoint: Endpoint): Pick<EndpointModel, "healthCheck"> {
  const config = endpoint.healthCheckConfig;
  if (config === undefined) return {};
  const { portValue: port, hostname, disableActiveHealthCheck: disabled } = config;
  const address =
    config.address === undefined ? null : (compileAddress(context, config, config.address, false) ?? null);
  return { healthCheck: { port, address, hostname, disabled } };
}
