/** The real parts of a worker's runtime: which listener, chain and cluster manager it is made of. */
import { createListener } from "../listener/listener.ts";
import type { NetworkChain } from "../network/filter-chain/network-chain.ts";
import { prepareChain } from "../network/filter-chain/prepare-chain.ts";
import { ClusterManager } from "../upstream/cluster-manager.ts";
import { createTcpConnector } from "../upstream/tcp-connector.ts";
import type { RuntimeParts } from "./parts.ts";

export const parts: RuntimeParts<NetworkChain> = {
  createClusterManager: (services) => new ClusterManager(services, (model) => createTcpConnector(model, services)),
  prepareChain,
  createListener,
};
