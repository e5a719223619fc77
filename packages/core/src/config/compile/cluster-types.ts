/** Cluster.cluster_type: the kinds of clusters that are extensions of Envoy's. What they link to is checked when all clusters are known. */
import type { Cluster, Cluster_CustomClusterType } from "../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { Payload } from "../envoy/tree.ts";
import type { ClusterModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { resolveExtension } from "./extension.ts";
import { compileForwardProxy, type ForwardProxyConfig } from "./forward-proxy.ts";
import { isOriginalDst } from "./original-dst.ts";

type Discovery = ClusterModel["discovery"];

const FORWARD_PROXY = "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig";
export const AGGREGATE = "envoy.extensions.clusters.aggregate.v3.ClusterConfig";

const types: Readonly<Record<string, (context: CompileContext, cluster: Cluster, message: never) => Discovery>> = {
  [AGGREGATE]: () => ({ kind: "aggregate", clusters: [] }),
  [FORWARD_PROXY]: (context, cluster, message: ForwardProxyConfig) =>
    compileForwardProxy(context, cluster, message) ?? { kind: "static" },
};

/** What the typed configuration of a cluster's type is; undefined where that was reported, or nothing stands there. */
export function clusterTypeOf(context: CompileContext, cluster: Cluster): Payload | undefined {
  const { clusterDiscoveryType: type } = cluster;
  if (type.case !== "clusterType" || type.value.typedConfig === undefined) return undefined;
  return context.tree.payload(type.value.typedConfig);
}

export function compileClusterType(context: CompileContext, cluster: Cluster): Discovery {
  const { clusterDiscoveryType: type } = cluster;
  const nothing: Discovery = { kind: "static" };
  if (type.case !== "clusterType") return nothing;
  if (type.value.typedConfig === undefined) {
    context.missing({ message: type.value }, "typed_config");
    return nothing;
  }
  const payload = clusterTypeOf(context, cluster);
  if (payload === undefined || payload.kind === "skipped") return nothing;
  const compile = types[payload.typeName];
  if (compile !== undefined && payload.kind === "message") return compile(context, cluster, payload.message as never);
  return compileExtension(context, type.value) ?? nothing;
}

function compileExtension(context: CompileContext, type: Cluster_CustomClusterType): Discovery | undefined {
  const resolved = resolveExtension(context, "discovery", type.typedConfig!, { message: type, field: "typed_config" });
  if (resolved === undefined) return undefined;
  const { id } = resolved.registered.definition;
  const module = context.registry.moduleOf(id);
  return {
    kind: "extension",
    id,
    config: resolved.config,
    module:
      module === undefined
        ? null
        : {
            specifier: module.specifier,
            url: module.url,
            ...(module.bundle === undefined ? {} : { bundle: module.bundle }),
          },
  };
}

const choosing: Readonly<Record<string, string>> = {
  [AGGREGATE]: "an aggregate cluster",
  [FORWARD_PROXY]: "a dynamic forward proxy",
};

/** Of clusters that choose their hosts by rules of their own: what they are called; null of others. */
export function choosesHosts(context: CompileContext, cluster: Cluster): string | null {
  if (isOriginalDst(cluster)) return "a cluster of the type ORIGINAL_DST";
  const typeName = clusterTypeOf(context, cluster)?.typeName ?? "";
  return Object.hasOwn(choosing, typeName) ? choosing[typeName]! : null;
}

/** Whether the cluster has none of its own; those that it has nevertheless are reported. */
export function hasNoEndpoints(context: CompileContext, cluster: Cluster, { kind }: Discovery): boolean {
  if (kind === "static" || kind === "strict_dns" || kind === "logical_dns") return false;
  if (kind === "srv" || kind === "file") return true;
  if ((cluster.loadAssignment?.endpoints.length ?? 0) > 0)
    context.error(
      { message: cluster, field: "load_assignment" },
      "ERR_CONFIG_CONFLICT",
      "this type of cluster finds its hosts itself and has no endpoints",
      { expected: "no load_assignment" },
    );
  return true;
}
