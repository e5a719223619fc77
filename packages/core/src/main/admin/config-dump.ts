/** `/config_dump`: the live configuration in its long form, in Envoy's sections, without secrets. */
import type { Json } from "../../config/model.ts";
import { RegexProblem, compileRegex } from "../../matching/linear-regex.ts";
import { type AdminEndpoint, json, text } from "./endpoint.ts";
import { redact } from "./redact.ts";

type JsonObject = { readonly [key: string]: Json };

const ADMIN = "type.googleapis.com/envoy.admin.v3.";
const HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

export const configDump: AdminEndpoint = {
  path: "/config_dump",
  help: "dump current configuration, without secrets",
  parameters: {
    resource: "Only that part; one of (bootstrap, static_clusters, static_listeners, static_route_configs)",
    name_regex: "Only configurations whose names contain a match of this regular expression (RE2 syntax)",
  },
  handle(query, { server }) {
    if (query.has("mask")) return text("mask is not supported\n", 400);
    const pattern = query.get("name_regex");
    const regex = pattern === null ? null : compileRegex(pattern);
    if (regex instanceof RegexProblem)
      return text(`Error while parsing name_regex from ${pattern}: ${regex.message}\n`, 400);
    const keeps = (name: Json | undefined) => regex === null || regex.find(asText(name)) !== null;

    const bootstrap = asObject(redact(server.config?.bootstrap ?? {}));
    const resources = asObject(bootstrap["static_resources"]);
    const lastUpdated = new Date(server.startedAtMs).toISOString();
    const sections: readonly [resource: string, type: string, items: readonly Json[]][] = [
      [
        "static_clusters",
        "ClustersConfigDump",
        section(resources["clusters"], "cluster", "envoy.config.cluster.v3.Cluster", lastUpdated, keeps),
      ],
      [
        "static_listeners",
        "ListenersConfigDump",
        section(resources["listeners"], "listener", "envoy.config.listener.v3.Listener", lastUpdated, keeps),
      ],
      [
        "static_route_configs",
        "RoutesConfigDump",
        section(
          routeConfigs(resources["listeners"]),
          "route_config",
          "envoy.config.route.v3.RouteConfiguration",
          lastUpdated,
          keeps,
        ),
      ],
    ];
    const dumpedBootstrap = { "@type": `${ADMIN}BootstrapConfigDump`, bootstrap, last_updated: lastUpdated };
    const resource = query.get("resource");
    if (resource === null) {
      const dumps = sections.map(([name, type, items]) => ({
        "@type": ADMIN + type,
        ...(items.length > 0 ? { [name]: items } : {}),
      }));
      return json({ configs: regex === null ? [dumpedBootstrap, ...dumps] : dumps });
    }
    if (resource === "bootstrap") return json({ configs: [dumpedBootstrap] });
    const found = sections.find(([name]) => name === resource);
    if (found === undefined) return text(`${resource} not found in config dump\n`, 404);
    const type = {
      static_clusters: "ClustersConfigDump.StaticCluster",
      static_listeners: "ListenersConfigDump.StaticListener",
      static_route_configs: "RoutesConfigDump.StaticRouteConfig",
    }[resource];
    return json({ configs: found[2].map((item) => ({ "@type": `${ADMIN}${type}`, ...asObject(item) })) });
  },
};

function section(
  list: Json | undefined,
  key: string,
  typeName: string,
  lastUpdated: string,
  keeps: (name: Json | undefined) => boolean,
): Json[] {
  return asList(list)
    .map(asObject)
    .filter(({ name }) => keeps(name))
    .map((item) => ({ [key]: { "@type": `type.googleapis.com/${typeName}`, ...item }, last_updated: lastUpdated }));
}

/** Route configurations stand inside their connection managers. */
function routeConfigs(listeners: Json | undefined): Json[] {
  return asList(listeners)
    .flatMap((listener) => asList(asObject(listener)["filter_chains"]))
    .flatMap((chain) => asList(asObject(chain)["filters"]))
    .map((filter) => asObject(asObject(filter)["typed_config"]))
    .filter((config) => asText(config["@type"]).endsWith(HCM) && config["route_config"] !== undefined)
    .map((config) => config["route_config"]!);
}

function asObject(value: Json | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

function asList(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function asText(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
