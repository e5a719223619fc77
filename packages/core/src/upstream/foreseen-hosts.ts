/** Hosts that were picked in advance, so that there are connections to them when their turn comes. Envoy: predictive_preconnect_ratio. */
import type { UpstreamRequest } from "@sluice/sdk";
import type { Host } from "./host.ts";
import type { ClusterBalancing } from "./load-balancing/cluster-balancing.ts";
import type { HostPools } from "./pool/host-pools.ts";

/** Connections that one request may have opened in advance. */
const MOST_AHEAD = 3;
/** Requests after which connections are counted again, though there were enough: some may have ended. */
const MOST_UNCOUNTED = 100;

export class ForeseenHosts {
  /** Above 1: hosts are picked in advance. */
  readonly ratio: number;
  readonly #balancer: ClusterBalancing;
  readonly #pools: ReadonlyMap<Host, HostPools>;
  #hosts: Host[] = [];
  /** Requests that there are connections for: so long they are not counted again, which takes milliseconds where there are thousands of hosts. */
  #spare = 0;

  constructor(ratio: number, balancer: ClusterBalancing, pools: ReadonlyMap<Host, HostPools>) {
    this.ratio = balancer.isForeseeable ? ratio : 1;
    this.#balancer = balancer;
    this.#pools = pools;
  }

  /** The next in turn; null: nobody was picked in advance. */
  take(): Host | null {
    return this.#hosts.length === 0 ? null : this.#hosts.shift()!;
  }

  clear(): void {
    this.#hosts = [];
    this.#spare = 0;
  }

  /** As Envoy: connections to the hosts that are next in turn, until those that there are would do for `ratio` times the streams. At most `most` hosts, as many as there are. */
  connectAhead(request: UpstreamRequest | undefined, members: Iterable<HostPools>, most: number): void {
    if (this.#spare > 0) {
      this.#spare--;
      return;
    }
    const { ratio } = this;
    let streams = 1;
    let capacity = 0;
    for (const pools of members) {
      for (const pool of pools.all()) {
        streams += pool.pending + pool.active;
        capacity += pool.capacity + pool.active;
      }
    }
    this.#spare = Math.min(MOST_UNCOUNTED, Math.max(0, Math.floor(capacity / ratio) - streams));
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
