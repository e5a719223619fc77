/** Clusters: discovery, endpoints, connection options. */
import type { Cluster } from "../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { ClusterLoadAssignment } from "../envoy/generated/envoy/config/endpoint/v3/endpoint_pb.js";
import type {
  LbEndpoint,
  LocalityLbEndpoints,
} from "../envoy/generated/envoy/config/endpoint/v3/endpoint_components_pb.js";
import type { ClusterModel, EndpointModel, LocalityModel } from "../model.ts";
import { compileBalancing } from "./balancing/balancing.ts";
import { compileClusterHealth, compileEndpointHealth } from "./cluster-health.ts";
import { hasNoEndpoints } from "./cluster-types.ts";
import type { CompileContext } from "./context.ts";
import { compileCircuitBreakers, hostMetadata } from "./circuit-breakers.ts";
import { compileDiscovery } from "./discovery/discovery.ts";
import { withRequestedNames } from "./forward-proxy.ts";
import { compileUpstreamHttp } from "./upstream-http.ts";
import { compileKeepalive, compilePreconnect } from "./upstream-connection.ts";
import { compileUpstreamTransport } from "./upstream-transport.ts";
import { bufferLimit, compileAddress, milliseconds } from "./values.ts";

/** undefined where it cannot be said what it is: its type or its name is missing. */
export function compileCluster(context: CompileContext, cluster: Cluster): ClusterModel | undefined {
  if (cluster.name === "") return undefined;
  const discovery = compileDiscovery(context, cluster);
  const http = withRequestedNames(context, cluster, discovery, compileUpstreamHttp(context, cluster));
  return {
    name: cluster.name,
    statName: (cluster.altStatName === "" ? cluster.name : cluster.altStatName).replaceAll(":", "_"),
    discovery,
    endpoints: hasNoEndpoints(context, cluster, discovery) ? [] : compileEndpoints(context, cluster, discovery.kind),
    connectTimeoutMs: milliseconds(context, cluster, "connect_timeout", cluster.connectTimeout, 5000),
    bufferLimitBytes: bufferLimit(context, cluster, cluster.perConnectionBufferLimitBytes),
    lb: compileBalancing(context, cluster),
    ...compileUpstreamTransport(context, cluster, http),
    tcpKeepalive: compileKeepalive(context, cluster),
    preconnect: compilePreconnect(cluster),
    ...compileCircuitBreakers(context, cluster),
    http,
    ...compileClusterHealth(context, cluster, discovery),
    place: context.place({ message: cluster }),
  };
}

function compileEndpoints(
  context: CompileContext,
  cluster: Cluster,
  kind: ClusterModel["discovery"]["kind"],
): EndpointModel[] {
  const { loadAssignment: assignment } = cluster;
  const written = assignment?.endpoints.some(({ lbEndpoints }) => lbEndpoints.length > 0) === true;
  if (!written && !context.tree.isDamaged(cluster)) {
    context.warning(
      { message: cluster },
      "ERR_CONFIG_REQUIRED",
      `the cluster "${cluster.name}" has no endpoints: its requests are answered 503`,
    );
  }
  return assignment === undefined ? [] : compileAssignment(context, assignment, kind !== "static");
}

/** `names`: endpoints may be host names. */
export function compileAssignment(
  context: CompileContext,
  assignment: ClusterLoadAssignment,
  names: boolean,
): EndpointModel[] {
  const endpoints: EndpointModel[] = [];
  for (const locality of assignment.endpoints) {
    const { priority } = locality;
    const place = localityOf(locality);
    for (const host of locality.lbEndpoints) {
      const endpoint = compileEndpoint(context, host, names);
      if (endpoint === undefined) continue;
      endpoints.push({
        ...endpoint,
        ...(priority !== 0 && { priority }),
        ...(place !== undefined && { locality: place }),
      });
    }
  }
  return endpoints;
}

/** undefined where nothing is said that could matter. */
function localityOf({ locality, loadBalancingWeight: weight = 0 }: LocalityLbEndpoints): LocalityModel | undefined {
  const { region = "", zone = "", subZone = "" } = locality ?? {};
  return region === "" && zone === "" && subZone === "" && weight === 0 ? undefined : { region, zone, subZone, weight };
}

const health = ["healthy", "healthy", "unhealthy", "draining", "unhealthy", "degraded"] as const;

function compileEndpoint(context: CompileContext, host: LbEndpoint, names: boolean): EndpointModel | undefined {
  if (host.hostIdentifier.case !== "endpoint") return void context.missing({ message: host }, "endpoint");
  const endpoint = host.hostIdentifier.value;
  const address = compileAddress(context, endpoint, endpoint.address, names);
  if (address === undefined) return undefined;
  if (names && address.kind === "pipe") {
    return void context.error(
      { message: endpoint, field: "address" },
      "ERR_CONFIG_CONFLICT",
      "a cluster whose hosts are found by DNS cannot have a Unix socket",
    );
  }
  return {
    address,
    hostname: endpoint.hostname,
    weight: host.loadBalancingWeight ?? 1,
    ...hostMetadata(host.metadata),
    health: health[host.healthStatus] ?? "healthy",
    ...compileEndpointHealth(context, endpoint),
    place: context.place({ message: host }),
  };
}
