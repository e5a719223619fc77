/** What a cluster's hosts are judged by; absent where nothing of it is configured, so that such a cluster has no cost from it. */
import type { Cluster } from "../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { Endpoint } from "../envoy/generated/envoy/config/endpoint/v3/endpoint_components_pb.js";
import type { ClusterModel, EndpointModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { compileHealthCheck } from "./health-check.ts";
import { compileOutlier } from "./outlier.ts";
import { compileAddress } from "./values.ts";

export function compileClusterHealth(context: CompileContext, cluster: Cluster): Pick<ClusterModel, "health"> {
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

export function compileEndpointHealth(context: CompileContext, endpoint: Endpoint): Pick<EndpointModel, "healthCheck"> {
  const config = endpoint.healthCheckConfig;
  if (config === undefined) return {};
  const { portValue: port, hostname, disableActiveHealthCheck: disabled } = config;
  const address =
    config.address === undefined ? null : (compileAddress(context, config, config.address, false) ?? null);
  return { healthCheck: { port, address, hostname, disabled } };
}
