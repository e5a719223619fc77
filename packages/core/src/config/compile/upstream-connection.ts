/** Options of a cluster's connections that have nothing to do with what is spoken on them. */
import type { Cluster } from "../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { ClusterModel, TcpKeepaliveModel } from "../model.ts";
import type { CompileContext } from "./context.ts";

/** Linux: TCP_KEEPIDLE and TCP_KEEPINTVL in seconds, TCP_KEEPCNT. */
const mostSeconds = 32_767;
const mostProbes = 127;

/** As Envoy: what is not set is the system's own. */
export function compileKeepalive(context: CompileContext, cluster: Cluster): TcpKeepaliveModel | null {
  const keepalive = cluster.upstreamConnectionOptions?.tcpKeepalive;
  if (keepalive === undefined) return null;
  const within = (field: string, value: number | undefined, most: number): number => {
    if (value === undefined || (value >= 1 && value <= most)) return value ?? 0;
    context.error({ message: keepalive, field }, "ERR_CONFIG_RANGE", "the system takes no such value", {
      expected: `1 to ${most}`,
    });
    return 0;
  };
  return {
    probes: within("keepalive_probes", keepalive.keepaliveProbes, mostProbes),
    idleMs: within("keepalive_time", keepalive.keepaliveTime, mostSeconds) * 1000,
    intervalMs: within("keepalive_interval", keepalive.keepaliveInterval, mostSeconds) * 1000,
  };
}

export function compilePreconnect({ preconnectPolicy }: Cluster): ClusterModel["preconnect"] {
  return {
    perUpstream: preconnectPolicy?.perUpstreamPreconnectRatio ?? 1,
    predictive: preconnectPolicy?.predictivePreconnectRatio ?? 1,
  };
}
