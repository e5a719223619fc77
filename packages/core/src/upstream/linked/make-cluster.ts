/** The cluster that a model asks for, and, once all clusters of a configuration are there, what those that send to others have to know of them. */
import type { ClusterModel } from "../../config/model.ts";
import { Cluster, type ClusterServices } from "../cluster.ts";
import type { Connector } from "../connector.ts";
import { AggregateCluster } from "./aggregate-cluster.ts";
import { ForwardProxyCluster } from "./forward-proxy-cluster.ts";
import { OriginalDstCluster } from "./original-dst-cluster.ts";

export function makeCluster(model: ClusterModel, connector: Connector, services: ClusterServices): Cluster {
  const { discovery } = model;
  switch (discovery.kind) {
    case "aggregate":
      return new AggregateCluster(model, connector, services);
    case "forward_proxy":
      return new ForwardProxyCluster(model, discovery, connector, services);
    case "original_dst":
      return new OriginalDstCluster(model, discovery, connector, services);
    default:
      return new Cluster(model, connector, services);
  }
}

/** To be called with every version of the configuration. */
export function linkClusters(clusters: ReadonlyMap<string, Cluster>): void {
  for (const cluster of clusters.values()) if (cluster instanceof AggregateCluster) cluster.link(clusters);
}
