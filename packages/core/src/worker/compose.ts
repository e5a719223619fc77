/** The real parts of a worker's runtime: which listener, chain and cluster manager it is made of. */
import type { ListenerChains } from "../listener/listener-chains.ts";
import { createListener } from "../listener/listener.ts";
import { prepareListener } from "../listener/prepare-listener.ts";
import { ClusterManager } from "../upstream/cluster-manager.ts";
import { createTcpConnector } from "../upstream/tcp-connector.ts";
import type { RuntimeParts } from "./parts.ts";

export const parts: RuntimeParts<ListenerChains> = {
  createClusterManager: (services) => new ClusterManager(services, (model) => createTcpConnector(model, services)),
  prepareChain: prepareListener,
  createListener,
};
