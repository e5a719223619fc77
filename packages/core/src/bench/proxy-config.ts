/** The bootstrap of an end-to-end run: one listener on loopback, the subject's filters, one route to the origin. */
import { fileURLToPath } from "node:url";
import { extensionEntry } from "../config/extensions.ts";
import type { Json } from "../config/model.ts";
import type { Subject } from "./types.ts";

const TYPE = "type.googleapis.com/";

export interface ConfigParts {
  readonly subject: Pick<Subject, "filters" | "modules" | "routes">;
  /** For filters that protobuf messages configure: id → the message of the filter, and of its route configuration. */
  readonly messages: ReadonlyMap<string, { readonly config: string; readonly route: string | undefined }>;
  readonly originPort: number;
}

export function proxyConfig({ subject, messages, originPort }: ConfigParts): Json {
  const typed = (id: string, config: Json, message: string | undefined): Json =>
    message !== undefined && typeof config === "object" && config !== null && !Array.isArray(config)
      ? { "@type": `${TYPE}${message}`, ...config }
      : { "@type": `${TYPE}xds.type.v3.TypedStruct`, type_url: `${TYPE}${id}`, value: config };
  const filters = subject.filters.map(({ name, id, config }) => ({
    name,
    typed_config: typed(id, config, messages.get(id)?.config),
  }));
  const router = { name: "router", typed_config: { "@type": `${TYPE}envoy.extensions.filters.http.router.v3.Router` } };
  const route = subject.routes?.virtualHosts[0]?.routes[0]?.perFilterConfig ?? {};
  const perRoute = Object.entries(route).flatMap(([name, entry]) => {
    const filter = subject.filters.find((each) => each.name === name);
    if (filter === undefined || entry.config === null) return [];
    return [[name, typed(filter.id, entry.config, messages.get(filter.id)?.route)] as const];
  });
  const manager = {
    "@type": `${TYPE}envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "bench",
    http_filters: [...filters, router],
    route_config: {
      name: "bench",
      virtual_hosts: [
        {
          name: "bench",
          domains: ["*"],
          routes: [
            {
              match: { prefix: "/" },
              route: { cluster: "origin" },
              typed_per_filter_config: Object.fromEntries(perRoute),
            },
          ],
        },
      ],
    },
  };
  const own = subject.modules.filter(({ specifier }) => !specifier.startsWith("@sluice/filters-"));
  return {
    bootstrap_extensions: own.map(({ url }) => extensionEntry(fileURLToPath(url))),
    static_resources: {
      listeners: [
        {
          name: "bench",
          address: address(0),
          filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }],
        },
      ],
      clusters: [
        {
          name: "origin",
          type: "STATIC",
          connect_timeout: "5s",
          load_assignment: {
            cluster_name: "origin",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(originPort) } }] }],
          },
        },
      ],
    },
  } as unknown as Json;
}

function address(port: number): Json {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}
