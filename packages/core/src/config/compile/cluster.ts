/** Clusters: discovery, endpoints, connection options. */
import type { Cluster } from "../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { ClusterLoadAssignment } from "../envoy/generated/envoy/config/endpoint/v3/endpoint_pb.js";
import type {
  LbEndpoint,
  LocalityLbEndpoints,
} from "../envoy/generated/envoy/config/endpoint/v3/endpoint_components_pb.js";
import { enumName } from "../envoy/enum-name.ts";
import type { ClusterModel, EndpointModel, LocalityModel } from "../model.ts";
import { compileBalancing } from "./balancing/balancing.ts";
import { compileClusterHealth, compileEndpointHealth } from "./cluster-health.ts";
import type { CompileContext } from "./context.ts";
import { compileCircuitBreakers, hostMetadata } from "./circuit-breakers.ts";
import { compileUpstreamHttp } from "./upstream-http.ts";
import { compileKeepalive, compilePreconnect } from "./upstream-connection.ts";
import { compileUpstreamTransport } from "./upstream-transport.ts";
import { bufferLimit, compileAddress, milliseconds } from "./values.ts";

/** undefined where it cannot be said what it is: its type or its name is missing. */
export function compileCluster(context: CompileContext, cluster: Cluster): ClusterModel | undefined {
  if (cluster.name === "") return undefined;
  const discovery = compileDiscovery(context, cluster);
  const http = compileUpstreamHttp(context, cluster);
  return {
    name: cluster.name,
    statName: (cluster.altStatName === "" ? cluster.name : cluster.altStatName).replaceAll(":", "_"),
    discovery,
    endpoints: compileEndpoints(context, cluster, discovery.kind === "strict_dns"),
    connectTimeoutMs: milliseconds(context, cluster, "connect_timeout", cluster.connectTimeout, 5000),
    bufferLimitBytes: bufferLimit(context, cluster, cluster.perConnectionBufferLimitBytes),
    lb: compileBalancing(context, cluster),
    ...compileUpstreamTransport(context, cluster, http),
    tcpKeepalive: compileKeepalive(context, cluster),
    preconnect: compilePreconnect(cluster),
    ...compileCircuitBreakers(context, cluster),
    http,
    ...compileClusterHealth(context, cluster),
    place: context.place({ message: cluster }),
  };
}

const families = ["auto", "v4_only", "v6_only", "v4_preferred", "all"] as const;

function compileDiscovery(context: CompileContext, cluster: Cluster): ClusterModel["discovery"] {
  const type = cluster.clusterDiscoveryType.case === "type" ? cluster.clusterDiscoveryType.value : 0;
  if (type === 1) {
    return {
      kind: "strict_dns",
      refreshMs: milliseconds(context, cluster, "dns_refresh_rate", cluster.dnsRefreshRate, 5000),
      respectTtl: cluster.respectDnsTtl,
      family: families[cluster.dnsLookupFamily] ?? "auto",
    };
  }
  if (type !== 0) {
    context.unsupported(
      { message: cluster, field: "type" },
      enumName("envoy.config.cluster.v3.Cluster.DiscoveryType", type),
      "STATIC or STRICT_DNS",
    );
  }
  return { kind: "static" };
}

function compileEndpoints(context: CompileContext, cluster: Cluster, names: boolean): EndpointModel[] {
  const assignment: ClusterLoadAssignment | undefined = cluster.loadAssignment;
  const endpoints: EndpointModel[] = [];
  let written = 0;
  for (const locality of assignment?.endpoints ?? []) {
    written += locality.lbEndpoints.length;
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
  if (written === 0 && !context.tree.isDamaged(cluster)) {
    context.warning(
      { message: cluster },
      "ERR_CONFIG_REQUIRED",
      `the cluster "${cluster.name}" has no endpoints: its requests are answered 503`,
    );
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
      "a cluster of type STRICT_DNS cannot have a Unix socket",
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
