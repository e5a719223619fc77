/** Configuration of tcp_proxy: envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy. Its access logs are the engine's business. */
import { ConfigError, parsedBy, type SubsetValues } from "@sluice/sdk";
import { booleanOf, countOf, type Fields, fieldsOf, millisecondsOf, refuseUnknown, textOf } from "../shared/fields.ts";
import { HASH_MESSAGES, hashOf, subsetOf, type TcpHash } from "./host-choice.ts";
import { TUNNEL_FIELDS, tunnelOf, type TunnelSettings } from "./tunnel-config.ts";

export interface TcpProxyTarget {
  readonly cluster: string;
  readonly weight: number;
  /** Values that hosts must have; absent: none. */
  readonly subset?: SubsetValues;
}

export interface TcpProxySettings {
  readonly statPrefix: string;
  /** At least one. */
  readonly targets: readonly TcpProxyTarget[];
  readonly totalWeight: number;
  /** 0: never. */
  readonly idleTimeoutMs: number;
  readonly maxConnectAttempts: number;
  /** 0: no limit. */
  readonly maxDownstreamConnectionDurationMs: number;
  /** null: any host of the balancer's will do. */
  readonly hash: TcpHash | null;
  /** null: bytes go upstream as they are. */
  readonly tunnel: TunnelSettings | null;
  /** Access log lines besides the one at the end: when the upstream connection stands, and every so often (0: not). */
  readonly logsOnConnected: boolean;
  readonly logIntervalMs: number;
}

const MESSAGE = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
const FIELDS = [
  "stat_prefix",
  "cluster",
  "weighted_clusters",
  "metadata_match",
  "hash_policy",
  "idle_timeout",
  "max_connect_attempts",
  "max_downstream_connection_duration",
  "access_log",
  "tunneling_config",
  "access_log_options",
  "flush_access_log_on_connected",
  "access_log_flush_interval",
] as const;
const LOG_FIELDS = ["flush_access_log_on_connected", "access_log_flush_interval"] as const;

export const TCP_PROXY_MESSAGES = {
  [MESSAGE]: FIELDS,
  [`${MESSAGE}.WeightedCluster`]: ["clusters"],
  [`${MESSAGE}.WeightedCluster.ClusterWeight`]: ["name", "weight", "metadata_match"],
  ...HASH_MESSAGES,
  [`${MESSAGE}.TunnelingConfig`]: TUNNEL_FIELDS,
  [`${MESSAGE}.TcpAccessLogOptions`]: LOG_FIELDS,
} as const;

const HOUR_MS = 3_600_000;

export const tcpProxyConfig = parsedBy((value): TcpProxySettings => {
  const fields = fieldsOf(value);
  refuseUnknown(fields, FIELDS);
  const statPrefix = textOf(fields, "stat_prefix");
  if (statPrefix === "") throw new ConfigError("expected the prefix of the statistics", ["stat_prefix"]);
  const maxConnectAttempts = countOf(fields, "max_connect_attempts") ?? 1;
  if (maxConnectAttempts === 0) throw new ConfigError("expected 1 or more", ["max_connect_attempts"]);
  const targets = targetsOf(fields);
  return {
    statPrefix,
    targets,
    totalWeight: targets.reduce((sum, { weight }) => sum + weight, 0),
    idleTimeoutMs: millisecondsOf(fields, "idle_timeout") ?? HOUR_MS,
    maxConnectAttempts,
    maxDownstreamConnectionDurationMs: atLeastOne(fields, "max_downstream_connection_duration"),
    hash: hashOf(fields),
    tunnel: tunnelOf(fields),
    ...loggingOf(fields),
  };
});

/** Envoy: PGV `gte: 1ms`. 0 where the field is absent. */
function atLeastOne(fields: Fields, key: string, path: readonly string[] = []): number {
  const ms = millisecondsOf(fields, key, path);
  if (ms !== undefined && ms < 1) throw new ConfigError("expected 0.001s or more", [...path, key]);
  return ms ?? 0;
}

/** access_log_options; the two older fields say the same, and may not stand beside it. */
function loggingOf(fields: Fields): Pick<TcpProxySettings, "logsOnConnected" | "logIntervalMs"> {
  const options = fields["access_log_options"] ?? undefined;
  const path = options === undefined ? [] : ["access_log_options"];
  const from = options === undefined ? fields : fieldsOf(options, path);
  if (options !== undefined) {
    refuseUnknown(from, LOG_FIELDS, path);
    const older = LOG_FIELDS.find((key) => (fields[key] ?? undefined) !== undefined);
    if (older !== undefined)
      throw new ConfigError("stands beside access_log_options, expected one of the two", [older]);
  }
  return {
    logsOnConnected: booleanOf(from, "flush_access_log_on_connected", path),
    logIntervalMs: atLeastOne(from, "access_log_flush_interval", path),
  };
}

function targetsOf(fields: Fields): TcpProxyTarget[] {
  const cluster = textOf(fields, "cluster");
  const weighted = fields["weighted_clusters"] ?? undefined;
  const subset = subsetOf(fields);
  if (weighted === undefined) {
    if (cluster === "") throw new ConfigError("expected a cluster, here or in weighted_clusters", ["cluster"]);
    return [{ cluster, weight: 1, ...(subset !== null && { subset }) }];
  }
  if (cluster !== "")
    throw new ConfigError("expected only one of cluster and weighted_clusters", ["weighted_clusters"]);
  const { clusters } = fieldsOf(weighted, ["weighted_clusters"]);
  const path = ["weighted_clusters", "clusters"];
  if (!Array.isArray(clusters) || clusters.length === 0) throw new ConfigError("expected a list of clusters", path);
  return clusters.map((entry: unknown, index) => targetOf(entry, subset, [...path, index]));
}

/** `common`: what all hosts must have. */
function targetOf(entry: unknown, common: SubsetValues | null, path: ReadonlyArray<string | number>): TcpProxyTarget {
  const fields = fieldsOf(entry, path);
  refuseUnknown(fields, ["name", "weight", "metadata_match"], path);
  const own = subsetOf(fields, path);
  const subset = own === null && common === null ? null : { ...common, ...own };
  const cluster = textOf(fields, "name", path);
  if (cluster === "") throw new ConfigError("expected the cluster's name", [...path, "name"]);
  const weight = countOf(fields, "weight", path) ?? 0;
  if (weight === 0) throw new ConfigError("expected 1 or more", [...path, "weight"]);
  return { cluster, weight, ...(subset !== null && { subset }) };
}
