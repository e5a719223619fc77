/**
 * Hot path: docs/extending/hot-path-rules.md. Dynamic forward proxy: the host of a request is the one that its authority names, found by the filter in front
 * (`lookUp`). A request goes there or nowhere: no balancer, no retry and no refused stream finds it another host. Envoy: extensions.clusters.dynamic_forward_proxy.
 */
import type { HostChoice, HostLookup } from "@sluice/sdk";
import type { ClusterModel, ForwardProxyModel } from "../../config/model.ts";
import type { ClusterServices } from "../cluster.ts";
import type { Connector } from "../connector.ts";
import type { ResolveName } from "../discovery/dns-resolver.ts";
import { type Host, addressKey } from "../host.ts";
import { AskedCluster } from "./asked-cluster.ts";
import { DnsCache } from "./dns-cache.ts";

export class ForwardProxyCluster extends AskedCluster {
  readonly #cache: DnsCache;

  /** `resolve`: for tests. */
  constructor(
    model: ClusterModel,
    discovery: ForwardProxyModel,
    connector: Connector,
    services: ClusterServices,
    resolve?: ResolveName,
  ) {
    super(model, connector, services);
    const { clock, timers, random, stats } = services;
    const { cache } = discovery;
    this.#cache = new DnsCache({
      model: cache,
      defaultPort: model.tls === null ? 80 : 443,
      clock,
      timers,
      random,
      scope: stats.scope(`dns_cache.${cache.name}.`),
      onHosts: (hosts) => this.updateHosts(hosts),
      ...(resolve !== undefined && { resolve }),
    });
    this.#cache.warm(cache.preresolve);
  }

  lookUp(authority: string): HostLookup | Promise<HostLookup> {
    return this.#cache.lookUp(authority);
  }

  protected override hostOf(choice: HostChoice | null): Host | null {
    const headers = choice === null ? null : choice.headers;
    if (headers === null || headers === undefined) return null;
    const found = this.#cache.find(headers.authority);
    return found === null ? null : (this.balancing.findHost(addressKey(found.address)) ?? null);
  }

  override close(): void {
    this.#cache.close();
    super.close();
  }
}
