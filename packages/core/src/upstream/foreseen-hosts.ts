/** Hosts that were picked in advance, so that there are connections to them when their turn comes. Envoy: predictive_preconnect_ratio. */
import type { UpstreamRequest } from "@sluice/sdk";
import type { Host } from "./host.ts";
import type { LoadBalancer } from "./load-balancing/load-balancer.ts";
import type { HostPools } from "./pool/host-pools.ts";

/** Connections that one request may have opened in advance. */
const MOST_AHEAD = 3;

export class ForeseenHosts {
  readonly #balancer: LoadBalancer;
  readonly #pools: ReadonlyMap<Host, HostPools>;
  #hosts: Host[] = [];

  constructor(balancer: LoadBalancer, pools: ReadonlyMap<Host, HostPools>) {
    this.#balancer = balancer;
    this.#pools = pools;
  }

  /** The next in turn; null: nobody was picked in advance. */
  take(): Host | null {
    return this.#hosts.length === 0 ? null : this.#hosts.shift()!;
  }

  clear(): void {
    this.#hosts = [];
  }

  /** As Envoy: connections to the hosts that are next in turn, until those that there are would do for `ratio` times the streams. At most `most` hosts, as many as there are. */
  connectAhead(ratio: number, request: UpstreamRequest | undefined, members: Iterable<HostPools>, most: number): void {
    let streams = 1;
    let capacity = 0;
    for (const pools of members) {
      for (const pool of pools.all()) {
        streams += pool.pending + pool.active;
        capacity += pool.capacity + pool.active;
      }
    }
    for (let i = 0; i < MOST_AHEAD; i++) {
      if (streams * ratio <= capacity || this.#hosts.length >= most) return;
      const host = this.#balancer.pick(null, 0);
      if (host === null) return;
      this.#hosts.push(host);
      const pool = this.#pools.get(host)!.pick(request);
      if (pool === null) return;
      const before = pool.capacity;
      if (!pool.connectAhead(ratio)) return;
      capacity += pool.capacity - before;
    }
  }
}
