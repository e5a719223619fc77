/** Clusters of type ORIGINAL_DST: where a request says which address it goes to. What nobody could say is refused. */
import type { Bootstrap } from "../envoy/generated/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type { Cluster } from "../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { OriginalDstModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { refuseOthersChoices } from "./forward-proxy.ts";
import { milliseconds } from "./values.ts";

/** Cluster.DiscoveryType */
const ORIGINAL_DST = 4;
/** The same as the name of an extension, which has no configuration. */
export const ORIGINAL_DST_NAME = "envoy.cluster.original_dst";

export function isOriginalDst({ clusterDiscoveryType: type }: Cluster): boolean {
  if (type.case === "clusterType") return type.value.name === ORIGINAL_DST_NAME && type.value.typedConfig === undefined;
  return type.case === "type" && type.value === ORIGINAL_DST;
}

const defaultHeader = "x-envoy-original-dst-host";
/** Built-in listener filters that leave the local address as it is. */
const inspectors: ReadonlySet<string> = new Set([
  "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
  "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector",
]);

export function compileOriginalDst(context: CompileContext, cluster: Cluster): OriginalDstModel {
  refuseOthersChoices(context, cluster);
  const options = cluster.lbConfig.case === "originalDstLbConfig" ? cluster.lbConfig.value : undefined;
  const key = options?.metadataKey;
  if (options !== undefined && options.httpHeaderName !== "" && !options.useHttpHeader)
    context.warning(
      { message: options, field: "http_header_name" },
      "ERR_CONFIG_CONFLICT",
      "the header has no effect without use_http_header",
    );
  return {
    kind: "original_dst",
    header: options?.useHttpHeader === true ? (options.httpHeaderName || defaultHeader).toLowerCase() : "",
    metadata:
      key === undefined
        ? null
        : [key.key, ...key.path.map(({ segment }) => (segment.case === "key" ? segment.value : ""))],
    port: options?.upstreamPortOverride ?? 0,
    cleanupMs: Math.max(10, milliseconds(context, cluster, "cleanup_interval", cluster.cleanupInterval, 5000)),
  };
}

/** Without a word of the request the connection has to say it, and the kernel does not tell Node what it knows. */
export function checkOriginalDestinations(context: CompileContext, { staticResources }: Bootstrap): void {
  const isRestored = (staticResources?.listeners ?? [])
    .flatMap(({ listenerFilters }) => listenerFilters)
    .some(({ configType: { value } }) => {
      const payload =
        typeof value === "object" && value !== null && "typeUrl" in value ? context.tree.payload(value) : undefined;
      return payload !== undefined && !inspectors.has(payload.typeName);
    });
  if (isRestored) return;
  for (const cluster of staticResources?.clusters ?? []) {
    const { clusterDiscoveryType: type, lbConfig } = cluster;
    if (!isOriginalDst(cluster)) continue;
    const options = lbConfig.case === "originalDstLbConfig" ? lbConfig.value : undefined;
    if (options?.useHttpHeader === true || options?.metadataKey !== undefined) continue;
    context.error(
      { message: cluster, field: type.case === "clusterType" ? "cluster_type" : "type" },
      "ERR_CONFIG_UNSUPPORTED",
      "which address a connection was meant for is known to the kernel (SO_ORIGINAL_DST), which does not tell Node",
      {
        expected:
          "original_dst_lb_config with use_http_header or metadata_key, or a listener with the listener filter proxy_protocol",
      },
    );
  }
}
