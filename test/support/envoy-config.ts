// An Envoy configuration: one listener `front` with HTTP filters before the router, all requests to the cluster `web`.
import type { SluiceConfig } from "../../packages/core/src/index.ts";

const extension = "type.googleapis.com/envoy.extensions.filters";
const address = (text: string): object => {
  const at = text.lastIndexOf(":");
  return { socket_address: { address: text.slice(0, at), port_value: Number(text.slice(at + 1)) } };
};

export interface EnvoyHost {
  readonly address: string;
  /** @default HEALTHY */
  readonly health?: string;
}

export interface EnvoyParts {
  /** Name (of an Envoy filter: the last part of its id) → configuration with `@type`. */
  readonly filters: Readonly<Record<string, object>>;
  readonly clusters: Readonly<Record<string, EnvoyHost>>;
  /** typed_per_filter_config of the one route. */
  readonly perRoute?: Readonly<Record<string, object>>;
}

export function envoyConfig({ filters, clusters, perRoute }: EnvoyParts): SluiceConfig {
  const chain = Object.entries(filters).map(([name, typed_config]) => ({ name, typed_config }));
  const router = { name: "router", typed_config: { "@type": `${extension}.http.router.v3.Router` } };
  const route = {
    match: { prefix: "/" },
    route: { cluster: "web" },
    ...(perRoute === undefined ? {} : { typed_per_filter_config: perRoute }),
  };
  const manager = {
    "@type": `${extension}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "front",
    http_filters: [...chain, router],
    route_config: { name: "all", virtual_hosts: [{ name: "all", domains: ["*"], routes: [route] }] },
  };
  const config = {
    admin: { address: address("127.0.0.1:0") },
    static_resources: {
      listeners: [
        {
          name: "front",
          address: address("127.0.0.1:0"),
          filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }],
        },
      ],
      clusters: Object.entries(clusters).map(([name, host]) => ({
        name,
        connect_timeout: "5s",
        load_assignment: {
          cluster_name: name,
          endpoints: [
            {
              lb_endpoints: [{ health_status: host.health ?? "HEALTHY", endpoint: { address: address(host.address) } }],
            },
          ],
        },
      })),
    },
  };
  return config as unknown as SluiceConfig;
}
