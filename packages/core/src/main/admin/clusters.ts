/** `/clusters`: every host of every cluster with its health and its counts, in Envoy's text and JSON. */
import type { AddressModel, ClusterModel } from "../../config/model.ts";
import { BALANCING_NAMESPACE } from "../../config/balancing-model.ts";
import { flagWords, HEALTH_FLAG } from "../../upstream/health/health-flags.ts";
import { type HostModel, HOST_STATS, addressKey, hostKey, hostStatsPrefix, protocolStat } from "../../upstream/host.ts";
import { LATENCY_STATS } from "../../upstream/load-balancing/host-latency.ts";
import { policyText } from "../../upstream/load-balancing/policy-text.ts";
import type { OutlierView } from "../../upstream/outlier/outlier-detector.ts";
import { loadStats } from "./host-load-stats.ts";
import { discoveryText } from "./discovery-text.ts";
import { type AdminContext, type AdminEndpoint, json, text, wantsJson } from "./endpoint.ts";

interface HostStat {
  readonly name: string;
  readonly kind: "counter" | "gauge";
  readonly value: number;
}

/** By host: why it is or is not picked. */
type Picks = ReadonlyMap<string, string>;

const EDS_HEALTH = { healthy: "HEALTHY", unhealthy: "UNHEALTHY", draining: "DRAINING", degraded: "DEGRADED" } as const;

export const clusters: AdminEndpoint = {
  path: "/clusters",
  help: "upstream cluster status",
  parameters: { format: "One of (text, json)" },
  async handle(query, context) {
    const { server } = context;
    const models = server.config?.clusters ?? [];
    // Loaded when asked for: main has no other use for balancers.
    const { explainCluster } = await import("../../explain/explain-cluster.ts");
    const picks = (cluster: ClusterModel): Picks =>
      new Map(explainCluster(cluster, models, server, null).hosts.map(({ key, why }) => [key, why]));
    if (wantsJson(query))
      return json({ cluster_statuses: models.map((cluster) => clusterJson(cluster, picks(cluster), context)) });
    return text(models.map((cluster) => clusterText(cluster, picks(cluster), context)).join(""));
  },
};

function clusterJson(cluster: ClusterModel, picks: Picks, context: AdminContext): unknown {
  const hosts = context.server.hostsOf(cluster).map((host) => ({
    address: addressJson(host.address),
    stats: [
      ...statsOf(cluster, host, context),
      ...protocolStats(cluster, host, context),
      { name: `pick.${picks.get(hostKey(host)) ?? "no"}`, kind: "gauge" as const, value: 1 },
      ...latencyStats(cluster, host, context),
      ...loadStats(cluster, host, context),
    ].map(({ name, kind, value }) => ({
      ...(kind === "gauge" ? { type: "GAUGE" } : {}),
      // 64-bit numbers are strings in proto JSON; nothing is left out but zeros, as there.
      ...(value === 0 ? {} : { value: String(value) }),
      name,
    })),
    ...healthJson(cluster, host, context),
    weight: host.weight,
    ...(host.hostname === "" ? {} : { hostname: host.hostname }),
    ...(host.priority === undefined ? {} : { priority: host.priority }),
    locality: localityJson(host),
  }));
  return {
    name: cluster.name,
    ...(hosts.length > 0 ? { host_statuses: hosts } : {}),
    observability_name: cluster.statName,
    ...(cluster.discovery.kind === "file" ? { eds_service_name: cluster.discovery.service } : {}),
  };
}

function clusterText(cluster: ClusterModel, picks: Picks, context: AdminContext): string {
  const lines = [
    `${cluster.name}::observability_name::${cluster.statName}`,
    `${cluster.name}::load_balancing::${policyText(cluster.lb)}`,
    `${cluster.name}::discovery::${discoveryText(cluster.discovery)}`,
    `${cluster.name}::added_via_api::false`,
  ];
  for (const host of context.server.hostsOf(cluster)) {
    const place = `${cluster.name}::${addressKey(host.address)}`;
    for (const { name, value } of statsOf(cluster, host, context)) lines.push(`${place}::${name}::${value}`);
    lines.push(
      `${place}::hostname::${host.hostname}`,
      `${place}::health_flags::${flagWords(host.health, host.flags ?? 0)}`,
      `${place}::weight::${host.weight}`,
      `${place}::region::${host.locality?.region ?? ""}`,
      `${place}::zone::${host.locality?.zone ?? ""}`,
      `${place}::sub_zone::${host.locality?.subZone ?? ""}`,
      `${place}::canary::${host.metadata?.[BALANCING_NAMESPACE]?.["canary"] === true}`,
      `${place}::priority::${host.priority ?? 0}`,
      `${place}::pick::${picks.get(hostKey(host)) ?? "no"}`,
      ...outlierLines(context.server.hostHealth?.(cluster.name, hostKey(host))?.outlier ?? null).map(
        (line) => `${place}::${line}`,
      ),
    );
    const { speaks, source } = protocolOf(cluster, host, context);
    for (const { name, value } of latencyStats(cluster, host, context)) lines.push(`${place}::${name}::${value}`);
    for (const { name, value } of loadStats(cluster, host, context)) lines.push(`${place}::${name}::${value}`);
    lines.push(`${place}::protocol::${speaks.join(",")}`, `${place}::protocol_source::${source}`);
  }
  return lines.map((line) => `${line}\n`).join("");
}

/** What counted against it, besides Envoy's two rates. */
function outlierLines(outlier: OutlierView | null): string[] {
  if (outlier === null) return ["success_rate::-1", "local_origin_success_rate::-1"];
  const { successRate, localSuccessRate, ejections, leftMs, counts } = outlier;
  return [
    `success_rate::${successRate}`,
    `local_origin_success_rate::${localSuccessRate}`,
    ...Object.entries(counts).map(([name, count]) => `outlier.${name}::${count}`),
    `outlier.ejections::${ejections}`,
    ...(leftMs < 0 ? [] : [`outlier.ejected_for_ms::${Math.ceil(leftMs)}`]),
  ];
}

function healthJson(cluster: ClusterModel, host: HostModel, { server }: AdminContext): Record<string, unknown> {
  const flags = host.flags ?? 0;
  const names = JSON_FLAGS.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => [name, true]);
  const outlier = server.hostHealth?.(cluster.name, hostKey(host))?.outlier ?? null;
  return {
    health_status: { eds_health_status: EDS_HEALTH[host.health], ...Object.fromEntries(names) },
    ...(outlier === null || outlier.successRate < 0 ? {} : { success_rate: { value: outlier.successRate } }),
    ...(outlier === null || outlier.localSuccessRate < 0
      ? {}
      : { local_origin_success_rate: { value: outlier.localSuccessRate } }),
  };
}

/** Fields of envoy.admin.v3.HostHealthStatus. */
const JSON_FLAGS = [
  [HEALTH_FLAG.failedActiveHc, "failed_active_health_check"],
  [HEALTH_FLAG.failedOutlier, "failed_outlier_check"],
  [HEALTH_FLAG.degradedActiveHc, "failed_active_degraded_check"],
  [HEALTH_FLAG.pendingRemoval, "pending_dynamic_removal"],
  [HEALTH_FLAG.excludedByImmediateFail, "excluded_via_immediate_hc_fail"],
  [HEALTH_FLAG.activeHcTimeout, "active_hc_timeout"],
] as const;

function statsOf(cluster: ClusterModel, host: HostModel, { server }: AdminContext): HostStat[] {
  const prefix = hostStatsPrefix(cluster.name, hostKey(host));
  // By name: to look through all metrics for every host would take main minutes where there are thousands.
  return HOST_STATS.flatMap((name) => {
    const metric = server.aggregator.get(prefix + name);
    return metric === undefined || metric.kind === "histogram"
      ? []
      : [{ name, kind: metric.kind, value: metric.value }];
  });
}

function localityJson({ locality }: HostModel): unknown {
  if (locality === undefined) return {};
  const { region, zone, subZone } = locality;
  return {
    ...(region === "" ? {} : { region }),
    ...(zone === "" ? {} : { zone }),
    ...(subZone === "" ? {} : { sub_zone: subZone }),
  };
}

/** What peak EWMA goes by, over all threads; none under other policies. Ours: failures that counted as slow answers, and answers whose Retry-After is kept to. */
function latencyStats({ name, lb }: ClusterModel, host: HostModel, { server }: AdminContext): HostStat[] {
  if (!policyText(lb).includes("peak_ewma")) return [];
  const prefix = hostStatsPrefix(name, hostKey(host));
  const value = (stat: string): number => server.aggregator.value(prefix + stat);
  const workers = value(LATENCY_STATS.workers);
  const average = workers === 0 ? 0 : value(LATENCY_STATS.average) / workers;
  return [
    { name: "latency_ewma_us", kind: "gauge", value: Math.round(average * 1000) },
    { name: "latency_penalties", kind: "counter", value: value(LATENCY_STATS.penalties) },
    { name: "latency_holds", kind: "counter", value: value(LATENCY_STATS.holds) },
  ];
}

/** What a host is spoken to in, and how that is known. Ours: Envoy's admin does not say. */
interface HostProtocol {
  /** Empty: nobody knows yet. Both: its handshakes went either way, or its clients decide. */
  readonly speaks: readonly ("http1" | "http2")[];
  /** `alpn`: its last handshakes; `no_tls`: there is none that could tell; `downstream`: as the client of each request. */
  readonly source: "configured" | "alpn" | "no_tls" | "downstream";
}

/** In JSON, whose message has no field for it and whose readers may take no other: as gauges beside Envoy's own. */
function protocolStats(cluster: ClusterModel, host: HostModel, context: AdminContext): HostStat[] {
  const { speaks, source } = protocolOf(cluster, host, context);
  const names = [...speaks.map((each) => `protocol.${each}`), `protocol_source.${source}`];
  return names.map((name) => ({ name, kind: "gauge", value: 1 }));
}

function protocolOf({ name, http, tls }: ClusterModel, host: HostModel, { server }: AdminContext): HostProtocol {
  if (http.protocol === "downstream") return { speaks: ["http1", "http2"], source: "downstream" };
  if (http.protocol !== "auto") return { speaks: [http.protocol], source: "configured" };
  if (tls === null) return { speaks: ["http1"], source: "no_tls" };
  const prefix = hostStatsPrefix(name, hostKey(host));
  const known = (["http1", "http2"] as const).filter(
    (each) => server.aggregator.value(prefix + protocolStat(each)) > 0,
  );
  return { speaks: known, source: "alpn" };
}

/** An address as `envoy.config.core.v3.Address`. */
export function addressJson(address: AddressModel): unknown {
  if (address.kind === "pipe") return { pipe: { path: address.path } };
  return { socket_address: { address: address.host, port_value: address.port } };
}
