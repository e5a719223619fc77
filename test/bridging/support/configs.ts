// Proxies between one listener and one cluster, for either version of HTTP upstream.
import type { SluiceConfig } from "../../../packages/core/src/index.ts";
import { forwardTo } from "../../support/proxy.ts";
import type { Version } from "./exchange.ts";

/** Trailers are on, which over HTTP/1 they are not by themselves. */
export const forwarding = (address: string, to: Version): SluiceConfig =>
  forwardTo(address, {
    http: { trailers: true },
    cluster: to === "HTTP/2" ? { protocol: "http2", trailers: true } : { trailers: true },
  });

/** In Envoy's form, since the short one has no word for it. */
export const passing100 = (address: string, to: Version): SluiceConfig => {
  const [host, port] = address.split(":");
  const api = "type.googleapis.com/envoy.extensions";
  const protocol = { explicit_http_config: { http2_protocol_options: {} } };
  const endpoint = { address: { socket_address: { address: host, port_value: Number(port) } } };
  const manager = {
    "@type": `${api}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "front",
    proxy_100_continue: true,
    http_filters: [
      { name: "envoy.filters.http.router", typed_config: { "@type": `${api}.filters.http.router.v3.Router` } },
    ],
    route_config: {
      virtual_hosts: [{ name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "web" } }] }],
    },
  };
  return {
    static_resources: {
      listeners: [
        {
          name: "front",
          address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
          filter_chains: [
            { filters: [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }] },
          ],
        },
      ],
      clusters: [
        {
          name: "web",
          load_assignment: { cluster_name: "web", endpoints: [{ lb_endpoints: [{ endpoint }] }] },
          ...(to === "HTTP/2"
            ? {
                typed_extension_protocol_options: {
                  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                    "@type": `${api}.upstreams.http.v3.HttpProtocolOptions`,
                    ...protocol,
                  },
                },
              }
            : {}),
        },
      ],
    },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
  } as unknown as SluiceConfig;
};
