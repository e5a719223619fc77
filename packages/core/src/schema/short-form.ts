/** The short form as JSON Schema: one definition for each part of config/short/keys.ts. What depends on several keys at once is left to `sluice validate`. */
import type { JsonSchema } from "@sluice/sdk";
import type {
  CertificateConfig,
  ClusterConfig,
  ClusterTlsConfig,
  DebugTraceConfig,
  ExtensionConfig,
  FilterCostConfig,
  HeaderChangesConfig,
  Http2Config,
  HttpConfig,
  InternalRedirectConfig,
  ListenerConfig,
  ListenerTlsConfig,
  ProxyProtocolConfig,
  MatchFieldsConfig,
  RedirectConfig,
  RegexRewriteConfig,
  RequestIdConfig,
  RespondConfig,
  RewriteConfig,
  RouteConfig,
  RouteTunnelConfig,
  SluiceConfig,
  TcpConfig,
  TcpTunnelConfig,
  VirtualHostConfig,
  WeightedClusterConfig,
  WorkerRuntimeConfig,
} from "../config/define-config.ts";
import { healthOfCluster, healthParts } from "./health-parts.ts";
import type { PartName } from "../config/short/keys.ts";
import { discoveryKeys } from "./discovery-parts.ts";
import { balancingParts, hash, loadBalancing, subsetValues, tcpHash } from "./balancing-parts.ts";
import { filterEntry, routeFilters } from "./filter-parts.ts";
import type { FilterSchemas } from "./filter-schemas.ts";
import { accessLogs, httpOptions, httpParts, match } from "./http-parts.ts";
import { resilienceParts } from "./resilience-parts.ts";
import { address, anyOf, count, described, duration, flag, listOf, mapOf, oneOf, part, ref, text } from "./parts.ts";

/** Parts that the adapter does not check by its table of keys. */
type OtherPart = "extension" | "worker_runtime";
type FilterPart = "http_filters" | "network_filters" | "listener_filters" | "discovery" | "route_filters";

const texts = listOf(text);
const size = anyOf({ type: "string", pattern: "^\\d{1,12}(KiB|MiB|GiB)?$" }, count);
/** Where the value is Sluice's own, and no message's. */
const anyDuration: JsonSchema = { type: "string", pattern: "^\\d+(\\.\\d+)?(ms|us|ns|s|m|h|d)$" };
const oneOrMore = anyOf(text, texts);
const weights = mapOf(count);
const tlsVersion = oneOf("1.0", "1.1", "1.2", "1.3");
const headerChanges = { request_headers: ref("headers"), response_headers: ref("headers") };
const certificate = { cert: text, key: text, password_file: text };
const tlsOptions = { min_version: tlsVersion, max_version: tlsVersion, ciphers: texts, curves: texts, alpn: texts };

const fixedParts: Record<Exclude<PartName, "listener" | "http">, JsonSchema> = {
  configuration: part<SluiceConfig>({
    node: described("who this proxy is, for logs and control planes", ref("node")),
    extensions: described(
      "npm packages, local files and WebAssembly components that bring filters",
      listOf(anyOf(text, ref("extension"))),
    ),
    listeners: listOf(ref("listener")),
    clusters: mapOf(anyOf(ref("cluster"), address, listOf(address))),
    admin: described("address of the admin interface; none: there is none", address),
    filter_cost: described("what is measured of filters while they run", ref("filter_cost")),
    debug_trace: described("who may ask for the trace of a request; none: nobody", ref("debug_trace")),
  }),
  filter_cost: part<FilterCostConfig>({
    sample: described(
      "the share of streams that are measured; default 1/128",
      anyOf({ type: "string", pattern: "^(off|1|1/[1-9]\\d{0,6})$" }, { const: 1 }),
    ),
  }),
  debug_trace: part<DebugTraceConfig>({ header: text, trusted: { ...texts, minItems: 1 } }, ["trusted"]),
  node: part<NonNullable<SluiceConfig["node"]>>({ id: text, cluster: text }),
  http2: part<Http2Config>({ max_concurrent_streams: count, stream_window: count, connection_window: count }),
  request_id: part<RequestIdConfig>({ generate: flag, preserve: flag, in_response: flag }),
  virtual_host: part<VirtualHostConfig>(
    {
      name: text,
      domains: described("example.com, *.example.com, example.*, *", oneOrMore),
      routes: listOf(ref("route")),
      require_tls: anyOf(flag, { const: "external" }),
      attempt_count: described("who is told x-envoy-attempt-count", oneOf("request", "response", "both")),
      ...headerChanges,
      filters: ref("route_filters"),
    },
    ["domains"],
  ),
  route: part<RouteConfig>({
    name: text,
    host: oneOrMore,
    prefix: described("the path begins so", text),
    path: described("the path is this", text),
    separated_prefix: described("the path is this, or goes on with a /", text),
    regex: described("the whole path matches this (RE2)", text),
    template: described("the path fits this URI template: /users/{id}/**", text),
    connect: flag,
    case_sensitive: flag,
    method: oneOrMore,
    headers: mapOf(match),
    query: mapOf(match),
    cookies: mapOf(match),
    grpc: flag,
    share: described(
      "only so many percent of the requests; the others go on to the next route",
      anyOf({ type: "number", minimum: 0, maximum: 100 }, ref("route_share")),
    ),
    client_certificate: oneOf("presented", "validated", "none"),
    cluster: text,
    clusters: anyOf(weights, listOf(ref("weighted_cluster"))),
    cluster_header: described("the request's header that names the cluster", text),
    redirect: anyOf(text, ref("redirect")),
    respond: anyOf({ type: "integer" }, ref("respond")),
    timeout: duration,
    idle_timeout: duration,
    max_stream_duration: duration,
    grpc_timeout_max: described("the most that a gRPC client's deadline lets a stream last", duration),
    internal_redirect: described(
      "redirects of the upstream are followed here",
      anyOf(flag, count, ref("internal_redirect")),
    ),
    body_buffer_limit: described("bytes of a body that are kept to send it again", count),
    stat_prefix: text,
    rate_limits: described(
      "descriptors of the requests, for local_ratelimit and ratelimit",
      listOf({ type: "object" }),
    ),
    rewrite: anyOf(text, ref("rewrite")),
    append_x_forwarded_host: flag,
    cluster_not_found: oneOf(503, 404, 500),
    hash,
    subset: subsetValues,
    upgrades: mapOf(flag),
    tunnel: described(
      "CONNECT ends here, its payload goes to the cluster as raw TCP",
      anyOf(flag, ref("route_tunnel")),
    ),
    retry: described("requests that fail are sent again", anyOf(flag, count, ref("retry"))),
    mirror: described(
      "clusters that get copies of its requests",
      anyOf(text, ref("mirror"), listOf(anyOf(text, ref("mirror")))),
    ),
    priority: oneOf("default", "high"),
    ...headerChanges,
    filters: ref("route_filters"),
  }),
  ...resilienceParts,
  route_share: part<Exclude<NonNullable<RouteConfig["share"]>, number>>(
    { percent: { type: "number", minimum: 0, maximum: 100 }, key: text },
    ["percent"],
  ),
  route_tunnel: part<RouteTunnelConfig>({ allow_post: flag, proxy_protocol: oneOf("v1", "v2") }),
  match: part<MatchFieldsConfig>({
    exact: text,
    prefix: text,
    suffix: text,
    contains: text,
    regex: text,
    range: { type: "array", items: { type: "integer" }, minItems: 2, maxItems: 2 },
    ignore_case: flag,
    not: flag,
  }),
  weighted_cluster: part<WeightedClusterConfig>(
    {
      name: text,
      header: text,
      weight: count,
      subset: subsetValues,
      host: text,
      ...headerChanges,
      filters: ref("route_filters"),
    },
    ["weight"],
  ),
  internal_redirect: part<InternalRedirectConfig>({
    max: count,
    statuses: listOf(oneOf(301, 302, 303, 307, 308)),
    cross_scheme: anyOf(flag, { const: "safe" }),
    copy_headers: texts,
    routes: texts,
    repeat: flag,
  }),
  redirect: part<RedirectConfig>({
    https: flag,
    scheme: text,
    host: text,
    port: count,
    path: text,
    prefix: text,
    regex: ref("regex_rewrite"),
    status: oneOf(301, 302, 303, 307, 308),
    strip_query: flag,
  }),
  respond: part<RespondConfig>({ status: { type: "integer" }, body: text, file: text }, ["status"]),
  rewrite: part<RewriteConfig>({
    prefix: text,
    regex: ref("regex_rewrite"),
    template: text,
    host: text,
    auto_host: flag,
    host_from_header: text,
    host_from_path: ref("regex_rewrite"),
  }),
  regex_rewrite: part<RegexRewriteConfig>({ pattern: text, substitution: text }, ["pattern"]),
  headers: part<HeaderChangesConfig>({ set: mapOf(text), add: mapOf(text), default: mapOf(text), remove: texts }),
  ...httpParts,
  tcp: part<TcpConfig>({
    cluster: text,
    clusters: weights,
    idle_timeout: duration,
    max_connect_attempts: count,
    max_connection_duration: duration,
    hash: tcpHash,
    subset: subsetValues,
    tunnel: described("host and port to which a CONNECT is sent ahead", anyOf(text, ref("tcp_tunnel"))),
    access_log: accessLogs,
    stat_prefix: text,
  }),
  tcp_tunnel: part<TcpTunnelConfig>(
    {
      to: text,
      post: anyOf(flag, text),
      headers: mapOf(text),
      keep_response_headers: flag,
      keep_response_trailers: flag,
    },
    ["to"],
  ),
  certificate: part<CertificateConfig>(certificate, ["cert", "key"]),
  listener_tls: part<ListenerTlsConfig>({
    ...tlsOptions,
    ...certificate,
    certificates: listOf(ref("certificate")),
    client_ca: text,
    client_names: texts,
    require_client_certificate: flag,
    handshake_timeout: duration,
  }),
  cluster_tls: part<ClusterTlsConfig>({
    ...tlsOptions,
    ...certificate,
    sni: text,
    ca: text,
    verify: anyOf({ const: false }, text, texts),
  }),
  cluster: part<ClusterConfig>({
    endpoints: listOf(anyOf(address, ref("endpoint"))),
    ...discoveryKeys,
    aggregate: texts,
    discovery: ref("discovery"),
    forward_proxy: { type: "object", required: ["name"] },
    original_dst: anyOf(text, { type: "object" }),
    load_balancing: loadBalancing,
    protocol: oneOf("http1", "http2", "auto", "downstream"),
    proxy_protocol: oneOf("v1", "v2"),
    tcp_keepalive: count,
    preconnect: { type: "number", minimum: 1, maximum: 3 },
    circuit_breakers: ref("circuit_breakers"),
    connect_timeout: duration,
    tls: anyOf(flag, ref("cluster_tls")),
    buffer_limit: count,
    idle_timeout: duration,
    max_connection_duration: duration,
    max_stream_duration: duration,
    max_requests_per_connection: count,
    max_headers_count: count,
    trailers: flag,
    header_case: oneOf("proper", "preserve"),
    stat_name: text,
    ...healthOfCluster,
  }),
  ...healthParts,
  ...balancingParts,
};

const tlvType = { type: "integer", minimum: 0, maximum: 255 };
const proxyProtocol = part<ProxyProtocolConfig>({
  allow_requests_without_proxy_protocol: flag,
  disallowed_versions: listOf(oneOf("V1", "V2")),
  pass_through_tlvs: {
    type: "object",
    properties: { match_type: oneOf("INCLUDE_ALL", "INCLUDE"), tlv_type: listOf(tlvType) },
  },
  rules: listOf({
    type: "object",
    properties: {
      tlv_type: tlvType,
      on_tlv_present: { type: "object", properties: { key: text, metadata_namespace: text } },
    },
  }),
  stat_prefix: text,
});

const otherParts: Record<OtherPart, JsonSchema> = {
  extension: part<ExtensionConfig>(
    { module: text, memory: size, grants: listOf(oneOf("clocks", "environment", "random", "stdout")) },
    ["module"],
  ),
  worker_runtime: part<WorkerRuntimeConfig>({
    threads: count,
    max_time: anyDuration,
    max_held_time: anyDuration,
    memory: size,
    max_queue: count,
    exec_argv: texts,
  }),
};

/** Of an HTTP filter. */
const runtime = anyOf(oneOf("inline", "worker"), {
  type: "object",
  properties: { worker: ref("worker_runtime") },
  required: ["worker"],
  additionalProperties: false,
});

const listener = part<ListenerConfig>(
  {
    name: text,
    address,
    tls: ref("listener_tls"),
    http: ref("http"),
    tcp: anyOf(text, ref("tcp")),
    filters: described("network filters, before http or tcp or alone", ref("network_filters")),
    proxy_protocol: anyOf(flag, proxyProtocol),
    listener_filters: described("before everything else, in their order", ref("listener_filters")),
    listener_filters_timeout: duration,
    continue_on_listener_filters_timeout: flag,
    buffer_limit: count,
    stat_prefix: text,
  },
  ["address"],
);

const http = part<HttpConfig>({
  filters: described("HTTP filters in their order; the router is added at the end", ref("http_filters")),
  routes: listOf(ref("route")),
  virtual_hosts: described("instead of routes", listOf(ref("virtual_host"))),
  edge: described("Envoy's recommendations for proxies that face the internet", flag),
  ...httpOptions,
  stat_prefix: text,
  server_name: text,
  idle_timeout: duration,
  stream_idle_timeout: duration,
  request_timeout: duration,
  request_headers_timeout: duration,
  max_connection_duration: duration,
  max_stream_duration: duration,
  drain_timeout: duration,
  delayed_close_timeout: duration,
  max_request_headers_kb: count,
  max_headers_count: count,
  max_requests_per_connection: count,
  use_remote_address: flag,
  trusted_hops: count,
  internal_addresses: texts,
  via: text,
  request_id: anyOf(flag, ref("request_id")),
  normalize_path: flag,
  merge_slashes: flag,
  escaped_slashes: oneOf("keep", "reject", "redirect", "unescape"),
  underscores: oneOf("allow", "reject", "drop"),
  strip_port: oneOf("any", "matching"),
  upgrades: texts,
  http_10: anyOf(flag, text),
  trailers: flag,
  http2: anyOf(flag, ref("http2")),
  ...headerChanges,
});

/** The parts by name, and the lists of filters with what each filter takes. */
export function shortFormParts(filters: FilterSchemas): Record<PartName | OtherPart | FilterPart, JsonSchema> {
  return {
    ...fixedParts,
    ...otherParts,
    listener,
    http,
    http_filters: listOf(
      filterEntry(filters, "http", { disabled: flag, on_error: oneOf("fail", "continue"), runtime }),
    ),
    network_filters: listOf(filterEntry(filters, "network", {})),
    listener_filters: listOf(filterEntry(filters, "listener", {})),
    discovery: filterEntry(filters, "discovery", {}),
    route_filters: routeFilters(filters),
  };
}
