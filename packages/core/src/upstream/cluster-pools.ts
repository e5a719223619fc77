/**
 * The connection pools of a cluster's hosts in one thread: of those that it has, of those that leave and finish what they carry, and those that others took the place of
 * while their host stayed.
 */
import type { ClusterModel } from "../config/model.ts";
import type { Http2Environment } from "../http/codec/h2/index.ts";
import type { StatsScope } from "../stats/stats-store.ts";
import type { ClusterBreakers } from "./circuit-breakers.ts";
import type { ClusterServices } from "./cluster.ts";
import type { ClusterStats } from "./cluster-stats.ts";
import type { Connector } from "./connector.ts";
import type { Host } from "./host.ts";
import { HostPool, type PoolSettings } from "./pool/host-pool.ts";
import { HostPools } from "./pool/host-pools.ts";
import { type ChosenPool, PoolChoice } from "./pool/pool-choice.ts";
import { http2Environment, poolSettings } from "./pool/pool-settings.ts";
import type { PoolOwner, PoolProtocol } from "./pool/pool.ts";

export interface ClusterPoolsOptions {
  readonly model: ClusterModel;
  readonly connector: Connector;
  readonly services: ClusterServices;
  /** Of the cluster. */
  readonly scope: StatsScope;
  readonly stats: ClusterStats;
  readonly breakers: ClusterBreakers;
  readonly owner: PoolOwner;
  /** Called whenever nothing is left of what was to end. */
  readonly onDone: () => void;
}

export class ClusterPools {
  /** Of the cluster's hosts, by {@link Host.key}. */
  readonly members = new Map<string, HostPools>();
  /** Of hosts that leave too, so that a pick leads to its pools. */
  readonly byHost = new Map<Host, HostPools>();
  /** Those whose host stays, but not their connections. */
  readonly replaced = new Set<HostPools>();
  readonly #options: ClusterPoolsOptions;
  readonly #settings: PoolSettings;
  /** What hosts are spoken to in, where requests do not decide it. */
  readonly #protocol: PoolProtocol;
  /** null: never. */
  readonly #http2: Http2Environment | null;
  /** null: one pool a host. */
  readonly #choice: PoolChoice | null;
  #leaving = 0;

  constructor(options: ClusterPoolsOptions) {
    const { model, services, scope } = options;
    this.#options = options;
    this.#settings = poolSettings(model);
    // Without TLS there is nothing that could tell.
    const protocol = model.http.protocol === "auto" && model.tls === null ? "http1" : model.http.protocol;
    this.#protocol = protocol === "downstream" ? "auto" : protocol;
    this.#http2 = protocol === "http1" ? null : http2Environment(services, scope);
    this.#choice = PoolChoice.of(model);
  }

  add(host: Host): void {
    const pools = new HostPools(host, this.#choice, this.#newPool);
    this.members.set(host.key, pools);
    this.byHost.set(host, pools);
  }

  /** The host is none of the cluster's any more. */
  remove(key: string): void {
    const pools = this.members.get(key)!;
    this.members.delete(key);
    this.#drain(pools, () => this.byHost.delete(pools.host));
  }

  removeAll(): void {
    // Those that end at once are not the last.
    this.#leaving++;
    for (const key of this.members.keys()) this.remove(key);
    this.#leaving--;
  }

  /** Other connections to the same hosts; those that there are end when they are idle. */
  renewAll(): void {
    for (const pools of this.members.values()) {
      this.add(pools.host);
      this.replaced.add(pools);
      this.#drain(pools, () => this.replaced.delete(pools));
    }
  }

  destroy(): void {
    for (const pools of [...this.byHost.values(), ...this.replaced]) pools.destroy();
  }

  /** Whether nothing that was to end is left. */
  get areDone(): boolean {
    return this.#leaving === 0;
  }

  #drain(pools: HostPools, forget: () => void): void {
    this.#leaving++;
    pools.drain(() => {
      forget();
      this.#releaseHost(pools.host);
      this.#leaving--;
      this.#options.onDone();
    });
  }

  /** Nothing of it is left, neither now nor of what was replaced. */
  #releaseHost(host: Host): void {
    if (this.byHost.has(host)) return;
    for (const pools of this.replaced) if (pools.host === host) return;
    host.release();
  }

  readonly #newPool = (host: Host, kind: ChosenPool | null): HostPool => {
    const { services, connector, stats, breakers, owner } = this.#options;
    const { clock, timers, flushQueue } = services;
    return new HostPool({
      host,
      connector,
      target: kind === null ? null : kind.target,
      limits: this.#settings,
      stats,
      clock,
      timers,
      breakers: breakers.of(kind?.isHigh === true),
      protocol: kind === null || kind.protocol === "auto" ? this.#protocol : kind.protocol,
      kind,
      flushQueue,
      environment: this.#http2,
      owner,
    });
  };
}
