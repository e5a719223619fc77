/** Where a cluster's hosts come from: its type, or the extension that stands in its place. */
import type { Any } from "@bufbuild/protobuf/wkt";
import type { Cluster } from "../../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { DnsCluster } from "../../envoy/generated/envoy/extensions/clusters/dns/v3/dns_cluster_pb.js";
import { enumName } from "../../envoy/enum-name.ts";
import { isMessage } from "../../envoy/tree.ts";
import type {
  DiscoveryModel,
  DnsDiscoveryModel,
  ExtensionDiscoveryModel,
  FileDiscoveryModel,
  SrvDiscoveryModel,
} from "../../model.ts";
import type { CompileContext } from "../context.ts";
import { compileClusterType } from "../cluster-types.ts";
import { compileOriginalDst, ORIGINAL_DST_NAME } from "../original-dst.ts";
import { compileDnsCluster, compileDnsOfCluster, tellUnused } from "./dns.ts";
import { compileFileDiscovery } from "./file.ts";
import { compileSrv, srvType } from "./srv.ts";

/** Index: Cluster.DiscoveryType. */
const types: readonly OwnType[] = ["static", "strict_dns", "logical_dns", "eds", "original_dst"];

type OwnType = "static" | "strict_dns" | "logical_dns" | "eds" | "original_dst";

export function compileDiscovery(context: CompileContext, cluster: Cluster): DiscoveryModel {
  const { clusterDiscoveryType: way } = cluster;
  const found =
    way.case === "clusterType"
      ? compileCustom(context, cluster, way.value.name, way.value.typedConfig)
      : ofType(context, cluster, types[way.value ?? 0]);
  if (found !== undefined) {
    if (!asksForNames(found)) tellUnused(context, cluster, "no names");
    const waits = cluster.waitForWarmOnInit ?? true;
    return waits || !waitsForAnswers(found) ? found : { ...found, waits: false };
  }
  const [field, name] =
    way.case === "clusterType"
      ? ["cluster_type", way.value.name]
      : ["type", enumName("envoy.config.cluster.v3.Cluster.DiscoveryType", way.value ?? 0)];
  if (!context.tree.isDamaged(cluster))
    context.unsupported(
      { message: cluster, field },
      name,
      `STATIC, STRICT_DNS, LOGICAL_DNS, EDS or ORIGINAL_DST, or a cluster_type envoy.clusters.dns, ${srvType}, envoy.clusters.aggregate, envoy.clusters.dynamic_forward_proxy or a discovery`,
    );
  return { kind: "static" };
}

function asksForNames({ kind }: DiscoveryModel): boolean {
  return kind === "strict_dns" || kind === "logical_dns" || kind === "srv";
}

function waitsForAnswers(
  model: DiscoveryModel,
): model is DnsDiscoveryModel | SrvDiscoveryModel | FileDiscoveryModel | ExtensionDiscoveryModel {
  return ["strict_dns", "logical_dns", "srv", "file", "extension"].includes(model.kind);
}

function ofType(context: CompileContext, cluster: Cluster, type: OwnType | undefined): DiscoveryModel | undefined {
  switch (type) {
    case "static":
      return { kind: "static" };
    case "strict_dns":
    case "logical_dns":
      return compileDnsOfCluster(context, cluster, type);
    case "eds":
      return compileFileDiscovery(context, cluster);
    case "original_dst":
      return compileOriginalDst(context, cluster);
    case undefined:
      return undefined;
  }
}

/** Envoy's own types as names of extensions: the configuration is the type's, or a DnsCluster. */
const named: Readonly<Record<string, OwnType>> = {
  "envoy.cluster.static": "static",
  "envoy.cluster.strict_dns": "strict_dns",
  "envoy.cluster.logical_dns": "logical_dns",
  "envoy.cluster.eds": "eds",
  [ORIGINAL_DST_NAME]: "original_dst",
};

const DNS_CLUSTER = "envoy.extensions.clusters.dns.v3.DnsCluster";

function compileCustom(
  context: CompileContext,
  cluster: Cluster,
  name: string,
  any: Any | undefined,
): DiscoveryModel | undefined {
  const type = Object.hasOwn(named, name) ? named[name] : undefined;
  if (any === undefined)
    return type === undefined ? compileClusterType(context, cluster) : ofType(context, cluster, type);
  const payload = context.tree.payload(any);
  if (payload?.kind === "plain" && payload.typeName === srvType) return compileSrv(context, cluster, payload.value);
  if (payload?.kind === "message" && isMessage<DnsCluster>(payload.message, DNS_CLUSTER))
    return compileDnsCluster(context, cluster, payload.message, type);
  return compileClusterType(context, cluster);
}
