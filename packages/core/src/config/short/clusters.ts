/** Clusters of the short form. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { adaptHeaderCase } from "./http-options.ts";
import { adaptBalancing } from "./balancing.ts";
import { addressHost, longAddress, type ParsedAddress, readAddress } from "./address.ts";
import { adaptCircuitBreakers } from "./circuit-breakers.ts";
import { adaptClusterType, clusterTypes, isClusterType } from "./cluster-types.ts";
import { adaptDiscovery, hostKeys, isFoundElsewhere } from "./discovery.ts";
import { edgeCluster } from "./edge.ts";
import { adaptHealth } from "./health.ts";
import { endpointGroups, type PlacedEndpoint } from "./endpoint-groups.ts";
import { Section } from "./section.ts";
import type { ShortContext } from "./short-context.ts";
import { adaptClusterTls } from "./tls.ts";

export function adaptClusters(context: ShortContext, clusters: JsonObject): Json[] {
  const made: Json[] = [];
  for (const name of Object.keys(clusters)) {
    const cluster = adaptNamed(context, clusters, name);
    if (cluster === undefined) continue;
    if (context.isEdge) edgeCluster(cluster);
    made.push(cluster);
  }
  return made;
}

/** A mapping; or an address or a list of addresses alone. */
function adaptNamed(context: ShortContext, clusters: JsonObject, name: string): JsonObject | undefined {
  const value = clusters[name];
  if (typeof value === "string" || Array.isArray(value)) {
    const endpoints = Array.isArray(value) ? value : [value];
    const section = Section.standIn(context, clusters, name);
    return longCluster(
      section,
      clusters,
      name,
      readEndpoints(context, endpoints, Array.isArray(value) ? undefined : { container: clusters, key: name }),
    );
  }
  const section = Section.at(context, "cluster", clusters, name);
  if (section === undefined) return undefined;
  const ways = [...hostKeys, ...clusterTypes];
  const which = section.onlyOne(ways);
  if (which === undefined) section.missing(ways);
  if (isClusterType(which)) return adaptClusterType(section, longCluster(section, clusters, name, []), which);
  const isName = which === "dns" || which === "logical_dns";
  const list = isName ? [section.get(which) ?? null] : (section.list("endpoints") ?? []);
  const endpoints = readEndpoints(context, list, isName ? { container: section.value, key: which } : undefined);
  return longCluster(section, clusters, name, endpoints);
}

interface Endpoint extends PlacedEndpoint {
  readonly address: ParsedAddress;
}

interface Spot {
  readonly container: object;
  readonly key: string;
}

/** `spot`: where a single address stands that is in no list. */
function readEndpoints(context: ShortContext, list: Json[], spot: Spot | undefined): Endpoint[] {
  const endpoints: Endpoint[] = [];
  for (const [index, value] of list.entries()) {
    const container = spot?.container ?? list;
    const key = spot?.key ?? index;
    const isText = typeof value !== "object" || value === null;
    const section = isText ? undefined : Section.at(context, "endpoint", container, key);
    if (!isText && section === undefined) continue;
    if (section !== undefined && !section.has("address")) {
      section.missing("address", "as in 127.0.0.1:8080");
      continue;
    }
    const address =
      section === undefined ? readAddress(context, container, key) : readAddress(context, section.value, "address");
    if (address === undefined) continue;
    const endpoint: JsonObject = {
      address:
        section === undefined
          ? longAddress(context, address, container, key)
          : longAddress(context, address, section.value, "address"),
    };
    const long: JsonObject = { endpoint };
    context.derived.mark(endpoint, container, key);
    context.derived.mark(long, container, key);
    section?.copy("hostname", endpoint);
    section?.copy("weight", long, "load_balancing_weight");
    section?.put(long, "health_status", section.choice("health", health), "health");
    endpoints.push({ address, long, section });
  }
  return endpoints;
}

const health = { healthy: "HEALTHY", unhealthy: "UNHEALTHY", draining: "DRAINING", degraded: "DEGRADED" };

function longCluster(section: Section, clusters: JsonObject, name: string, endpoints: readonly Endpoint[]): JsonObject {
  const { context } = section;
  const hosts = endpoints.map(({ address }) => addressHost(address));
  const made: JsonObject = section.make({ name });
  adaptDiscovery(section, made, hosts);
  context.derived.markEntry(made, "name", clusters, name);
  section.copyAll(
    {
      connect_timeout: "connect_timeout",
      buffer_limit: "per_connection_buffer_limit_bytes",
      stat_name: "alt_stat_name",
    },
    made,
  );
  const balancing = adaptBalancing(section, made, name);
  const from = section.has("endpoints") ? "endpoints" : undefined;
  const isElsewhere = isFoundElsewhere(section);
  const assignment = section.make<JsonObject>({
    cluster_name: name,
    ...(!isElsewhere && { endpoints: section.make(endpointGroups(section, endpoints, balancing, from)) }),
  });
  if (balancing?.has("overprovisioning") === true) {
    const policy = balancing.make<JsonObject>({});
    balancing.copy("overprovisioning", policy, "overprovisioning_factor");
    balancing.put(assignment, "policy", policy, "overprovisioning");
  }
  if (!isElsewhere || "policy" in assignment) made["load_assignment"] = assignment;
  adaptClusterTls(section, made, isElsewhere ? undefined : hosts);
  adaptProxyProtocol(section, made);
  adaptConnections(section, made);
  adaptCircuitBreakers(section, made);
  adaptProtocol(section, made);
  adaptHealth(section, made);
  return made;
}

const proxyVersions = { v1: "V1", v2: "V2" };

/** Around TLS, or around nothing. */
function adaptProxyProtocol(section: Section, made: JsonObject): void {
  const version = section.choice("proxy_protocol", proxyVersions);
  if (version === undefined) return;
  const key = "proxy_protocol";
  const inner = made["transport_socket"] ?? plainSocket(section);
  const transport = section.make(
    {
      "@type":
        "type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
      config: section.make({ version }, key),
      transport_socket: inner,
    },
    key,
  );
  const socket = section.make(
    { name: "envoy.transport_sockets.upstream_proxy_protocol", typed_config: transport },
    key,
  );
  section.put(made, "transport_socket", socket, key);
}

function plainSocket(section: Section): JsonObject {
  const typed = { "@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer" };
  return section.make({ name: "envoy.transport_sockets.raw_buffer", typed_config: section.make(typed) });
}

function adaptConnections(section: Section, made: JsonObject): void {
  if (section.has("tcp_keepalive")) {
    const keepalive = section.make<JsonObject>({}, "tcp_keepalive");
    section.copy("tcp_keepalive", keepalive, "keepalive_time");
    made["upstream_connection_options"] = section.make({ tcp_keepalive: keepalive }, "tcp_keepalive");
  }
  if (section.has("preconnect")) {
    const policy = section.make<JsonObject>({}, "preconnect");
    section.copy("preconnect", policy, "per_upstream_preconnect_ratio");
    made["preconnect_policy"] = policy;
  }
}

const optionsType = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

function adaptProtocol(section: Section, made: JsonObject): void {
  const common = section.make<JsonObject>({});
  section.copyAll(
    {
      idle_timeout: "idle_timeout",
      max_connection_duration: "max_connection_duration",
      max_stream_duration: "max_stream_duration",
      max_requests_per_connection: "max_requests_per_connection",
      max_headers_count: "max_headers_count",
    },
    common,
  );
  const protocol = section.choice("protocol", protocols) ?? "http1";
  const isHttp2 = protocol === "http2";
  const http1 = section.make<JsonObject>({});
  if (!isHttp2) section.copy("trailers", http1, "enable_trailers");
  else if (section.flag("trailers") === false)
    section.error("trailers", { code: "ERR_CONFIG_CONFLICT", message: "HTTP/2 has trailers always" });
  if (!isHttp2) adaptHeaderCase(section, http1);
  else if (section.has("header_case"))
    section.error("header_case", { code: "ERR_CONFIG_CONFLICT", message: "names of HTTP/2 are always in lower case" });
  if (protocol === "http1" && Object.keys(common).length === 0 && Object.keys(http1).length === 0) return;
  const options = section.make<JsonObject>({ "@type": `type.googleapis.com/${optionsType}` });
  if (Object.keys(common).length > 0) options["common_http_protocol_options"] = common;
  // Extended CONNECT: WebSocket goes over HTTP/2 where the host takes it.
  const http2 = section.make({ allow_connect: true }, section.has("protocol") ? "protocol" : undefined);
  if (protocol === "auto" || protocol === "downstream") {
    const key = protocol === "auto" ? "auto_config" : "use_downstream_protocol_config";
    options[key] = section.make({ http_protocol_options: http1, http2_protocol_options: http2 });
  } else {
    options["explicit_http_config"] = section.make(
      isHttp2 ? { http2_protocol_options: http2 } : { http_protocol_options: http1 },
    );
  }
  made["typed_extension_protocol_options"] = section.make({ [optionsType]: options });
}

const protocols = { http1: "http1", http2: "http2", auto: "auto", downstream: "downstream" };
