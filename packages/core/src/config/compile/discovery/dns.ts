/** Names as hosts: STRICT_DNS and LOGICAL_DNS with the fields of the cluster, and `envoy.clusters.dns` with its own. */
import type { Message } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { Cluster } from "../../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { DnsCluster } from "../../envoy/generated/envoy/extensions/clusters/dns/v3/dns_cluster_pb.js";
import type { DnsDiscoveryModel, DnsFamily, DnsModel, DnsResolverModel } from "../../model.ts";
import type { CompileContext } from "../context.ts";
import { milliseconds } from "../values.ts";
import { compileResolver, resolverOfCluster } from "./resolver.ts";

/** Index: Cluster.DnsLookupFamily, and after UNSPECIFIED that of the extension. */
export const families: readonly DnsFamily[] = ["auto", "v4_only", "v6_only", "v4_preferred", "all"];

const DEFAULT_REFRESH_MS = 5000;
/** Envoy: max_interval of a failure's refresh rate. */
const MOST_TIMES_BASE = 10;

type Kind = DnsDiscoveryModel["kind"];

/** What both messages call the same. */
type DnsFields = Message &
  Pick<Cluster | DnsCluster, "dnsRefreshRate" | "respectDnsTtl" | "dnsJitter"> & {
    readonly dnsFailureRefreshRate?:
      | (Message & { readonly baseInterval?: Duration; readonly maxInterval?: Duration })
      | undefined;
  };

export function compileDnsOfCluster(context: CompileContext, cluster: Cluster, kind: Kind): DnsDiscoveryModel {
  checkEndpoints(context, cluster, kind);
  return { kind, ...dnsOfCluster(context, cluster) };
}

/** The cluster's own fields. */
export function dnsOfCluster(context: CompileContext, cluster: Cluster): DnsModel {
  return dnsModel(context, cluster, families[cluster.dnsLookupFamily] ?? "auto", resolverOfCluster(context, cluster));
}

/** `type`: what the extension's name says; undefined: the message does. */
export function compileDnsCluster(
  context: CompileContext,
  cluster: Cluster,
  message: DnsCluster,
  type: string | undefined,
): DnsDiscoveryModel | undefined {
  if (type !== undefined && type !== "strict_dns" && type !== "logical_dns") return undefined;
  const isLogical = type === undefined ? message.allAddressesInSingleEndpoint : type === "logical_dns";
  const kind = isLogical ? "logical_dns" : "strict_dns";
  checkEndpoints(context, cluster, kind);
  tellUnused(context, cluster, "cluster_type");
  const { typedDnsResolverConfig: typed } = message;
  const resolver = typed === undefined ? resolverOfCluster(context, cluster) : compileResolver(context, message, typed);
  const family = message.dnsLookupFamily === 0 ? "auto" : families[message.dnsLookupFamily - 1];
  return { kind, ...dnsModel(context, message, family ?? "auto", resolver) };
}

function dnsModel(
  context: CompileContext,
  message: DnsFields,
  family: DnsFamily,
  resolver: DnsResolverModel | undefined,
): DnsModel {
  const { dnsRefreshRate, respectDnsTtl, dnsJitter, dnsFailureRefreshRate: failure } = message;
  const refreshMs = milliseconds(context, message, "dns_refresh_rate", dnsRefreshRate, DEFAULT_REFRESH_MS);
  const made: DnsModel = {
    refreshMs,
    respectTtl: respectDnsTtl,
    family,
    ...(dnsJitter !== undefined &&
      !context.tree.isDamaged(message) && { jitterMs: milliseconds(context, message, "dns_jitter", dnsJitter, 0) }),
    ...(resolver !== undefined && { resolver }),
  };
  if (failure === undefined) return made;
  const baseMs = milliseconds(context, failure, "base_interval", failure.baseInterval, refreshMs);
  const maxMs = milliseconds(context, failure, "max_interval", failure.maxInterval, baseMs * MOST_TIMES_BASE);
  if (maxMs < baseMs && !context.tree.isDamaged(failure))
    context.error(
      { message: failure, field: "max_interval" },
      "ERR_CONFIG_RANGE",
      "max_interval is shorter than base_interval",
    );
  return { ...made, failure: { baseMs, maxMs } };
}

/** Envoy: a logical cluster has exactly one endpoint. */
function checkEndpoints(context: CompileContext, cluster: Cluster, kind: Kind): void {
  const groups = cluster.loadAssignment?.endpoints ?? [];
  const count = groups.reduce((sum, { lbEndpoints }) => sum + lbEndpoints.length, 0);
  if (kind !== "logical_dns" || context.tree.isDamaged(cluster)) return;
  if (groups.length !== 1 || count !== 1)
    context.error(
      {
        message: cluster.loadAssignment ?? cluster,
        ...(cluster.loadAssignment !== undefined && { field: "endpoints" }),
      },
      "ERR_CONFIG_CONFLICT",
      `a cluster of type LOGICAL_DNS has ${count} endpoints`,
      { expected: "one endpoint in one locality" },
    );
}

/** Beside the extension the cluster's own fields say nothing, and where no names are asked for neither. */
export function tellUnused(context: CompileContext, cluster: Cluster, beside: "cluster_type" | "no names"): void {
  const fields = [
    ["dns_refresh_rate", cluster.dnsRefreshRate !== undefined],
    ["dns_failure_refresh_rate", cluster.dnsFailureRefreshRate !== undefined],
    ["dns_jitter", cluster.dnsJitter !== undefined],
    ["respect_dns_ttl", cluster.respectDnsTtl],
    ["dns_lookup_family", cluster.dnsLookupFamily !== 0],
    ["typed_dns_resolver_config", beside === "no names" && cluster.typedDnsResolverConfig !== undefined],
  ] as const;
  for (const [field, isSet] of fields) {
    if (!isSet) continue;
    const at = { message: cluster, field };
    if (beside === "no names")
      context.warning(at, "ERR_CONFIG_CONFLICT", `${field} has no effect: this cluster asks for no names itself`);
    else
      context.warning(at, "ERR_CONFIG_CONFLICT", `${field} has no effect beside cluster_type`, {
        expected: `${field} of the DnsCluster`,
      });
  }
}
