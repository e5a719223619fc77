/** `tunnel`: of a route, CONNECT ends there; of `tcp`, connections go upstream inside a CONNECT or a POST. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { headerOptions } from "./headers.ts";
import { isMapping } from "../is-mapping.ts";
import type { Section } from "./section.ts";

const proxyProtocols: Readonly<Record<string, string>> = { v1: "V1", v2: "V2" };

/** The upgrade that a route gets; undefined where it says nothing of tunnels, or says no. */
export function adaptTermination(route: Section): JsonObject | undefined {
  const value = route.get("tunnel");
  if (value === undefined || value === false) return undefined;
  const config = route.make<JsonObject>({}, "tunnel");
  const upgrade = route.make<JsonObject>({ upgrade_type: "CONNECT", connect_config: config }, "tunnel");
  if (value === true) return upgrade;
  if (!isMapping(value)) return void route.context.wrongType(route.value, "tunnel", "true, false or a mapping");
  const tunnel = route.section("route_tunnel", "tunnel");
  if (tunnel === undefined) return undefined;
  tunnel.copy("allow_post", config);
  const version = tunnel.choice("proxy_protocol", proxyProtocols);
  if (version !== undefined)
    tunnel.put(
      config,
      "proxy_protocol_config",
      tunnel.make<JsonObject>({ version }, "proxy_protocol"),
      "proxy_protocol",
    );
  return upgrade;
}

/** As a text: where the tunnel leads. */
export function adaptTunneling(tcp: Section): JsonObject | undefined {
  const value = tcp.get("tunnel");
  if (value === undefined) return undefined;
  const config = tcp.make<JsonObject>({}, "tunnel");
  if (typeof value === "string") {
    tcp.put(config, "hostname", value, "tunnel");
    return config;
  }
  const tunnel = tcp.section("tcp_tunnel", "tunnel");
  if (tunnel === undefined) return undefined;
  if (!tunnel.has("to")) tunnel.missing("to", "where the tunnel leads, as in example.com:443");
  tunnel.copyAll(
    {
      to: "hostname",
      keep_response_headers: "propagate_response_headers",
      keep_response_trailers: "propagate_response_trailers",
    },
    config,
  );
  const post = tunnel.get("post");
  if (typeof post === "string") {
    tunnel.put(config, "use_post", true, "post");
    tunnel.put(config, "post_path", post, "post");
  } else tunnel.copy("post", config, "use_post");
  const headers = tunnel.mapping("headers");
  if (headers !== undefined) {
    const options: Json[] = headerOptions(tunnel.context, headers, "OVERWRITE_IF_EXISTS_OR_ADD");
    tunnel.put(config, "headers_to_add", tunnel.make(options, "headers"), "headers");
  }
  return config;
}
