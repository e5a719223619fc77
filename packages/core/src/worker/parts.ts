/**
 * What the runtime of a worker is put together from: listeners, chains, clusters, each behind the few calls that the runtime makes.
 * The real ones are named in `compose.ts`; tests bring their own.
 */
import type { AddressModel, ClusterModel, ListenerModel } from "../config/model.ts";
import type { Registry } from "../registry/registry.ts";
import type { ClusterSource } from "../upstream/cluster-source.ts";
import type { HostFlags, HostModel } from "../upstream/host.ts";
import type { WorkerServices } from "./services.ts";

/** Something made for a configuration that is not live yet. */
export interface Prepared {
  /** MUST NOT fail and MUST NOT wait: every worker has said yes. */
  commit(): void;
  discard(): void;
}

/** Hosts by the cluster's name, as main's discovery found them. */
export type ClusterHosts = ReadonlyMap<string, readonly HostModel[]>;

/** All clusters of one worker, through all versions of the configuration. */
export interface ClusterManagerPart extends ClusterSource {
  /** Makes what is new or changed. @throws Error where a cluster cannot be set up. */
  prepare(models: readonly ClusterModel[], hosts: ClusterHosts): Prepared;
  /** What discovery found since. */
  updateHosts(name: string, hosts: readonly HostModel[]): void;
  /** What main's checks and its outlier detection found since. */
  updateFlags?(name: string, changes: readonly HostFlags[]): void;
  /** Everything ends now. */
  destroy(): void;
}

/** Main's side of clusters whose hosts are found by name. */
export interface DiscoveryPart {
  /** The first answers for clusters that it does not follow yet; never rejects: a name without an answer has no hosts yet. */
  resolve(models: readonly ClusterModel[]): Promise<ClusterHosts>;
  /** What was resolved last does not go live. */
  discard?(): void;
  /** These clusters are live: it follows them, and forgets all others. */
  follow(models: readonly ClusterModel[]): void;
  /** What is known of the clusters that it follows. */
  readonly hosts: ClusterHosts;
  close(): void;
}

/** The filters of one listener in one version of the configuration: made, not yet used. */
export interface ChainPart {
  /** No new connection takes it; its filters end when its last connection is gone. Harmless when called twice. */
  release(): void;
}

/** One listener of one worker. It keeps its socket while its chain changes. */
export interface ListenerPart<Chain extends ChainPart = ChainPart> {
  /** Binds and accepts; resolves with the address that it has, rejects with the system's error. A chain MUST be in use. */
  listen(options: ListenOptions): Promise<AddressModel>;
  /**
   * Connections that are accepted from now on take this chain; the one before is the caller's to release. Of those that are there, `move` gives the next streams to it
   * (it MUST differ in nothing that concerns a connection); otherwise they are told to end when they can.
   */
  use(chain: Chain, move?: boolean): void;
  /** Lame duck: goes on accepting, and tells its connections to end when they can. */
  drain(): void;
  /** Closes the listening socket; connections stay. */
  stopAccepting(): Promise<void>;
  /** Ends the connections that are left, at once. */
  closeConnections(): void;
  readonly connections: number;
}

export interface ListenOptions {
  /** The configured address, with the port that another worker was given where it is 0. */
  readonly address: AddressModel;
  /** Whether other workers listen on the same address. */
  readonly reusePort: boolean;
}

export interface RuntimeParts<Chain extends ChainPart = ChainPart> {
  createClusterManager(services: Omit<WorkerServices, "clusters">): ClusterManagerPart;
  /** Runs schemas and `create` of every filter. Rejects with an ApplyError where one refuses. */
  prepareChain(model: ListenerModel, registry: Registry, services: WorkerServices): Promise<Chain>;
  createListener(model: ListenerModel, services: WorkerServices): ListenerPart<Chain>;
}
