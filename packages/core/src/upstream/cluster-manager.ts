/**
 * The clusters of one thread, applied in two phases: `prepare` builds what is new beside what serves, `commit` swaps, `discard` forgets. A cluster whose model did not
 * change is kept with its hosts and connections.
 */
import type { ClusterModel } from "../config/model.ts";
import { sameMeaning } from "../config/same-meaning.ts";
import type { ClusterSource } from "./cluster-source.ts";
import type { Cluster, ClusterServices } from "./cluster.ts";
import type { Connector } from "./connector.ts";
import type { HostFlags, HostModel } from "./host.ts";
import { linkClusters, makeCluster } from "./linked/make-cluster.ts";

export interface PreparedClusters {
  commit(): void;
  discard(): void;
}

export type MakeConnector = (model: ClusterModel) => Connector;

export class ClusterManager implements ClusterSource {
  readonly #services: ClusterServices;
  readonly #makeConnector: MakeConnector;
  #clusters: ReadonlyMap<string, Cluster> = new Map();

  constructor(services: ClusterServices, makeConnector: MakeConnector) {
    this.#services = services;
    this.#makeConnector = makeConnector;
  }

  get(name: string): Cluster | undefined {
    return this.#clusters.get(name);
  }

  /** `hosts`: the first answers of discovery, by cluster. @throws Error where a cluster's TLS cannot be set up. */
  prepare(models: readonly ClusterModel[], hosts: ReadonlyMap<string, readonly HostModel[]>): PreparedClusters {
    const next = new Map<string, Cluster>();
    const made: Cluster[] = [];
    try {
      for (const model of models) {
        const known = this.#clusters.get(model.name);
        if (known !== undefined && sameMeaning(known.model, model)) {
          next.set(model.name, known);
          continue;
        }
        const cluster = makeCluster(model, this.#makeConnector(model), this.#services);
        made.push(cluster);
        const found = hosts.get(model.name);
        if (found !== undefined) cluster.updateHosts(found);
        next.set(model.name, cluster);
      }
    } catch (error) {
      for (const cluster of made) cluster.close();
      throw error;
    }
    return {
      commit: () => {
        const before = this.#clusters;
        this.#clusters = next;
        for (const [name, cluster] of before) if (next.get(name) !== cluster) cluster.close();
        tellCallers(next);
        linkClusters(next);
      },
      discard: () => {
        for (const cluster of made) cluster.close();
      },
    };
  }

  /** What discovery found since. */
  updateHosts(name: string, hosts: readonly HostModel[]): void {
    this.#clusters.get(name)?.updateHosts(hosts);
  }

  /** What main's checks and its outlier detection found since. */
  updateFlags(name: string, changes: readonly HostFlags[]): void {
    this.#clusters.get(name)?.updateFlags(changes);
  }

  /** Everything ends now. */
  destroy(): void {
    for (const cluster of this.#clusters.values()) cluster.destroy();
    this.#clusters = new Map();
  }
}

/** Clusters that prefer the zone of this proxy know from its own cluster how many callers each zone has. */
function tellCallers(clusters: ReadonlyMap<string, Cluster>): void {
  const told = new Map<Cluster, Cluster[]>();
  for (const cluster of clusters.values()) {
    cluster.onHosts = null;
    const { locality } = cluster.model.lb;
    const local = locality.kind === "zone_aware" ? clusters.get(locality.localCluster) : undefined;
    if (local !== undefined) told.set(local, [...(told.get(local) ?? []), cluster]);
    cluster.updateCallers(local?.hosts ?? null);
  }
  for (const [local, readers] of told) {
    local.onHosts = (hosts) => {
      for (const reader of readers) reader.updateCallers(hosts);
    };
  }
}
