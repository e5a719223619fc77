/**
 * Clusters whose hosts requests ask for: the DNS cache, which the filter in front names too, and what such a cluster must not have. Private addresses are denied by
 * `metadata: { filter_metadata: { sluice.forward_proxy: { deny_private_addresses: true } } }`, which Envoy passes over.
 */
import { isIPv6 } from "node:net";
import { isDeepStrictEqual } from "node:util";
import type { Message } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { Cluster, Cluster_RefreshRate } from "../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { SocketAddress } from "../envoy/generated/envoy/config/core/v3/address_pb.js";
import type { UpstreamHttpProtocolOptions } from "../envoy/generated/envoy/config/core/v3/protocol_pb.js";
import type { ClusterModel, DnsCacheModel, ForwardProxyModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { milliseconds } from "./values.ts";

export type ForwardProxyConfig = Message & {
  readonly clusterImplementationSpecifier:
    | { readonly case: "dnsCacheConfig"; readonly value: DnsCacheConfig }
    | { readonly case: undefined };
};

type DnsCacheConfig = Message & {
  readonly name: string;
  readonly dnsLookupFamily: number;
  readonly dnsRefreshRate?: Duration;
  readonly dnsMinRefreshRate?: Duration;
  readonly hostTtl?: Duration;
  readonly maxHosts?: number;
  readonly dnsFailureRefreshRate?: Cluster_RefreshRate;
  readonly dnsCacheCircuitBreaker?: { readonly maxPendingRequests?: number };
  readonly preresolveHostnames: readonly SocketAddress[];
  readonly dnsQueryTimeout?: Duration;
};

const families = ["auto", "v4_only", "v6_only", "v4_preferred", "all"] as const;
const namespace = "sluice.forward_proxy";
const denyKey = "deny_private_addresses";

/** Caches by name: what all parts of one compiler share is its set of names. */
const caches = new WeakMap<ReadonlySet<string>, Map<string, unknown>>();

export function compileForwardProxy(
  context: CompileContext,
  cluster: Cluster,
  message: ForwardProxyConfig,
): ForwardProxyModel | undefined {
  const { clusterImplementationSpecifier: specifier } = message;
  if (specifier.case === undefined) return void context.missing({ message }, "dns_cache_config");
  const config = specifier.value;
  let known = caches.get(context.clusterNames);
  if (known === undefined) caches.set(context.clusterNames, (known = new Map()));
  const json = context.tree.toJson(config);
  if (known.has(config.name) && !isDeepStrictEqual(known.get(config.name), json))
    context.error(
      { message: config, field: "name" },
      "ERR_CONFIG_CONFLICT",
      `the DNS cache "${config.name}" is configured differently elsewhere`,
    );
  else known.set(config.name, json);
  refuseOthersChoices(context, cluster);
  return {
    kind: "forward_proxy",
    cache: { ...cacheOf(context, config), denyPrivate: deniesPrivate(context, cluster) },
  };
}

/** The cache of a filter: that of a cluster, word by word. */
export function checkFilterCache(context: CompileContext, message: Message | undefined): void {
  if (message?.$typeName !== "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig") return;
  const { implementationSpecifier: specifier } = message as Message & {
    readonly implementationSpecifier: { readonly case?: string; readonly value?: DnsCacheConfig };
  };
  if (specifier.case !== "dnsCacheConfig" || specifier.value === undefined) return;
  const { value: config } = specifier;
  const known = caches.get(context.clusterNames) ?? new Map<string, unknown>();
  const at = { message: config, field: "name" };
  if (!known.has(config.name))
    context.dangling(at, "the DNS cache", config.name, known.keys(), "error", "any cluster's");
  else if (!isDeepStrictEqual(known.get(config.name), context.tree.toJson(config)))
    context.error(at, "ERR_CONFIG_CONFLICT", `the DNS cache "${config.name}" is configured differently in its cluster`);
}

function cacheOf(context: CompileContext, config: DnsCacheConfig): Omit<DnsCacheModel, "denyPrivate"> {
  const refreshMs = milliseconds(context, config, "dns_refresh_rate", config.dnsRefreshRate, 60_000);
  const failure = config.dnsFailureRefreshRate;
  const baseMs =
    failure === undefined ? 0 : milliseconds(context, failure, "base_interval", failure.baseInterval, 5000);
  return {
    name: config.name,
    family: families[config.dnsLookupFamily] ?? "auto",
    refreshMs,
    minRefreshMs: milliseconds(context, config, "dns_min_refresh_rate", config.dnsMinRefreshRate, 5000),
    failureRefresh:
      failure === undefined
        ? null
        : {
            baseMs,
            maxMs: Math.max(baseMs, milliseconds(context, failure, "max_interval", failure.maxInterval, 10 * baseMs)),
          },
    hostTtlMs: milliseconds(context, config, "host_ttl", config.hostTtl, 300_000),
    maxHosts: config.maxHosts ?? 1024,
    maxPending: config.dnsCacheCircuitBreaker?.maxPendingRequests ?? 1024,
    queryTimeoutMs: milliseconds(context, config, "dns_query_timeout", config.dnsQueryTimeout, 5000),
    preresolve: config.preresolveHostnames.map(({ address, portSpecifier: port }) => {
      const host = isIPv6(address) ? `[${address}]` : address;
      return port.case === "portValue" && port.value > 0 ? `${host}:${port.value}` : host;
    }),
  };
}

function deniesPrivate(context: CompileContext, { metadata }: Cluster): boolean {
  const ours = metadata?.filterMetadata[namespace];
  if (metadata === undefined || ours === undefined) return false;
  for (const [key, value] of Object.entries(ours))
    if (key !== denyKey || typeof value !== "boolean")
      context.error(
        { message: metadata, field: "filter_metadata", element: namespace },
        "ERR_CONFIG_TYPE",
        `"${key}" is something else`,
        { expected: `${denyKey}: true or false` },
      );
  return ours[denyKey] === true;
}

/** What would choose another host, or another moment, than the request does. */
export function refuseOthersChoices(context: CompileContext, cluster: Cluster): void {
  const { preconnectPolicy: preconnect, commonLbConfig: common } = cluster;
  if (preconnect?.predictivePreconnectRatio !== undefined)
    context.error(
      { message: preconnect, field: "predictive_preconnect_ratio" },
      "ERR_CONFIG_CONFLICT",
      "nobody knows which host the next request asks for",
    );
  if (common?.updateMergeWindow !== undefined)
    context.error(
      { message: common, field: "update_merge_window" },
      "ERR_CONFIG_CONFLICT",
      "a request waits for its host: hosts cannot come later together",
    );
}

/** TLS to whom the request names, and to nobody else. Envoy: the same, unless allow_insecure_cluster_options. */
export function withRequestedNames(
  context: CompileContext,
  cluster: Cluster,
  discovery: ClusterModel["discovery"],
  http: ClusterModel["http"],
): ClusterModel["http"] {
  if (discovery.kind !== "forward_proxy" || cluster.transportSocket === undefined) return http;
  const upstream = upstreamOptions(context, cluster);
  if (upstream !== undefined) {
    for (const [field, isRight] of [
      ["auto_sni", upstream.autoSni],
      ["auto_san_validation", upstream.autoSanValidation],
      ["override_auto_sni_header", upstream.overrideAutoSniHeader === ""],
    ] as const) {
      if (isRight) continue;
      context.error(
        { message: upstream, field },
        "ERR_CONFIG_CONFLICT",
        "a dynamic forward proxy asks for the name that the request has, and verifies it",
        { expected: field.startsWith("auto") ? `${field}: true` : "none" },
      );
    }
  }
  return { ...http, autoSni: true, autoSanValidation: true };
}

function upstreamOptions(context: CompileContext, cluster: Cluster): UpstreamHttpProtocolOptions | undefined {
  if (cluster.upstreamHttpProtocolOptions !== undefined) return cluster.upstreamHttpProtocolOptions;
  for (const any of Object.values(cluster.typedExtensionProtocolOptions)) {
    const payload = context.tree.payload(any);
    if (payload?.kind === "message" && "upstreamHttpProtocolOptions" in payload.message)
      return payload.message.upstreamHttpProtocolOptions as UpstreamHttpProtocolOptions | undefined;
  }
  return undefined;
}
