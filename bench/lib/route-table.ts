/** Configurations with many routes or virtual hosts, for the route benchmark: what control planes make of services, a prefix and an exact path each. */

const HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

export interface TableShape {
  readonly hosts: number;
  readonly routesPerHost: number;
}

/** A bootstrap, as an object. `/ping` is answered by the proxy itself, whatever the host. */
export function bootstrapOf({ hosts, routesPerHost }: TableShape, port: number, mark: string) {
  const routes = (host: number) => [
    { match: { path: "/ping" }, direct_response: { status: 200, body: { inline_string: "pong" } } },
    ...Array.from({ length: routesPerHost }, (_, i) => ({
      name: `${mark}-${host}-${i}`,
      match: i % 2 === 0 ? { prefix: `/service-${i}/v1/` } : { path: `/service-${i}/v1/status` },
      route: { cluster: "origin", timeout: "3s" },
    })),
  ];
  const virtualHosts = Array.from({ length: hosts }, (_, h) => ({
    name: `host-${h}`,
    domains: h === 0 ? ["*"] : [`host-${h}.example.com`],
    routes: routes(h),
  }));
  return {
    static_resources: {
      listeners: [
        {
          name: "web",
          address: { socket_address: { address: "127.0.0.1", port_value: port } },
          filter_chains: [
            {
              filters: [
                {
                  name: "envoy.filters.network.http_connection_manager",
                  typed_config: {
                    "@type": HCM,
                    stat_prefix: "web",
                    route_config: { name: "routes", virtual_hosts: virtualHosts },
                    http_filters: [{ name: "envoy.filters.http.router", typed_config: { "@type": ROUTER } }],
                  },
                },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: "origin",
          type: "STATIC",
          load_assignment: {
            cluster_name: "origin",
            endpoints: [
              {
                lb_endpoints: [{ endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: 1 } } } }],
              },
            ],
          },
        },
      ],
    },
  };
}

/** Host and path of the request that the k-th of many draws asks with: spread over the whole table. */
export function requestOf({ hosts, routesPerHost }: TableShape, k: number): { host: string; path: string } {
  const route = (k * 7919) % routesPerHost;
  const host = (k * 104_729) % hosts;
  return {
    host: host === 0 ? "anything.example.com" : `host-${host}.example.com`,
    path: route % 2 === 0 ? `/service-${route}/v1/items?page=${k}` : `/service-${route}/v1/status`,
  };
}
