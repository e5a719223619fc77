/** `http:` of a listener: the connection manager with its filters and routes. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { adaptAccessLogs } from "./access-log.ts";
import { edgeConnectionManager, edgeHttp2 } from "./edge.ts";
import { adaptHttpFilters } from "./filters.ts";
import { adaptHeaderChanges } from "./headers.ts";
import { adaptHeaderCase, adaptHttpOptions } from "./http-options.ts";
import { adaptRoutes } from "./routes.ts";
import type { Section } from "./section.ts";

const hcm = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

const copied: Readonly<Record<string, string>> = {
  server_name: "server_name",
  stream_idle_timeout: "stream_idle_timeout",
  request_timeout: "request_timeout",
  request_headers_timeout: "request_headers_timeout",
  drain_timeout: "drain_timeout",
  delayed_close_timeout: "delayed_close_timeout",
  max_request_headers_kb: "max_request_headers_kb",
  use_remote_address: "use_remote_address",
  trusted_hops: "xff_num_trusted_hops",
  via: "via",
  normalize_path: "normalize_path",
  merge_slashes: "merge_slashes",
};

const copiedToCommon: Readonly<Record<string, string>> = {
  idle_timeout: "idle_timeout",
  max_connection_duration: "max_connection_duration",
  max_stream_duration: "max_stream_duration",
  max_headers_count: "max_headers_count",
  max_requests_per_connection: "max_requests_per_connection",
};

const escapedSlashes = {
  keep: "KEEP_UNCHANGED",
  reject: "REJECT_REQUEST",
  redirect: "UNESCAPE_AND_REDIRECT",
  unescape: "UNESCAPE_AND_FORWARD",
};
const underscores = { allow: "ALLOW", reject: "REJECT_REQUEST", drop: "DROP_HEADER" };

/** The network filter. `listenerName` names its statistics where nothing else does. */
export function adaptHttp(section: Section, listenerName: string): JsonObject {
  const manager = section.make<JsonObject>({ "@type": `type.googleapis.com/${hcm}` });
  const isEdge = section.flag("edge") === true;
  manager["stat_prefix"] = listenerName === "" ? "ingress_http" : listenerName;
  section.copy("stat_prefix", manager);
  section.copyAll(copied, manager);
  section.put(
    manager,
    "path_with_escaped_slashes_action",
    section.choice("escaped_slashes", escapedSlashes),
    "escaped_slashes",
  );
  const stripPort = section.choice("strip_port", { any: "strip_any_host_port", matching: "strip_matching_host_port" });
  if (stripPort !== undefined) section.put(manager, stripPort, true, "strip_port");
  adaptRequestId(section, manager);
  adaptInternalAddresses(section, manager);
  adaptUpgrades(section, manager);
  adaptHttp1(section, manager);
  adaptHttpOptions(section, manager);
  adaptHttp2(section, manager, isEdge);
  const common = section.make<JsonObject>({});
  section.copyAll(copiedToCommon, common);
  section.put(common, "headers_with_underscores_action", section.choice("underscores", underscores), "underscores");
  if (isEdge) edgeConnectionManager(manager, common);
  if (Object.keys(common).length > 0) manager["common_http_protocol_options"] = common;
  adaptAccessLogs(section, manager);
  section.context.filterNames.clear();
  manager["http_filters"] = adaptHttpFilters(section);
  manager["route_config"] = adaptRoutes(section, isEdge);
  adaptHeaderChanges(section, manager["route_config"]);
  return section.make({ name: "envoy.filters.network.http_connection_manager", typed_config: manager });
}

function adaptRequestId(section: Section, manager: JsonObject): void {
  const value = section.get("request_id");
  if (value === undefined) return;
  if (typeof value === "boolean") return section.put(manager, "generate_request_id", value, "request_id");
  const options = section.section("request_id", "request_id");
  const names = {
    generate: "generate_request_id",
    preserve: "preserve_external_request_id",
    in_response: "always_set_request_id_in_response",
  };
  options?.copyAll(names, manager);
}

function adaptInternalAddresses(section: Section, manager: JsonObject): void {
  const ranges = section.list("internal_addresses");
  if (ranges === undefined) return;
  const made: Json[] = [];
  for (const [index, range] of ranges.entries()) {
    const match = typeof range === "string" ? /^([^/\s]+)(?:\/(\d{1,3}))?$/.exec(range) : null;
    if (match === null) section.context.wrongType(ranges, index, "a range as in 10.0.0.0/8");
    else {
      const [, prefix = "", length] = match;
      made.push(
        section.context.derived.mark(
          {
            address_prefix: prefix,
            prefix_len: length === undefined ? (prefix.includes(":") ? 128 : 32) : Number(length),
          },
          ranges,
          index,
        ),
      );
    }
  }
  section.put(
    manager,
    "internal_address_config",
    section.make({ cidr_ranges: made }, "internal_addresses"),
    "internal_addresses",
  );
}

function adaptUpgrades(section: Section, manager: JsonObject): void {
  const types = section.list("upgrades");
  if (types === undefined) return;
  const made = types.map((type, index) => {
    const config: JsonObject = { upgrade_type: type };
    section.context.derived.markEntry(config, "upgrade_type", types, index);
    return section.context.derived.mark(config, types, index);
  });
  section.put(manager, "upgrade_configs", section.make(made, "upgrades"), "upgrades");
}

/** `http_10: true`, or the host that requests without one are for. */
function adaptHttp1(section: Section, manager: JsonObject): void {
  const options = section.make<JsonObject>({});
  const http10 = section.get("http_10");
  if (typeof http10 === "string") {
    section.put(options, "accept_http_10", true, "http_10");
    section.put(options, "default_host_for_http_10", http10, "http_10");
  } else section.copy("http_10", options, "accept_http_10");
  section.copy("trailers", options, "enable_trailers");
  adaptHeaderCase(section, options);
  if (Object.keys(options).length > 0) manager["http_protocol_options"] = options;
}

/** `false`: HTTP/1 only. A WebSocket over HTTP/2 is an extended CONNECT: who allows the one allows the other. */
function adaptHttp2(section: Section, manager: JsonObject, isEdge: boolean): void {
  const value = section.get("http2");
  if (value === false) {
    section.put(manager, "codec_type", "HTTP1", "http2");
    return;
  }
  const options = section.make<JsonObject>({});
  if (value !== undefined && value !== true) {
    const names = {
      max_concurrent_streams: "max_concurrent_streams",
      stream_window: "initial_stream_window_size",
      connection_window: "initial_connection_window_size",
    };
    section.section("http2", "http2")?.copyAll(names, options);
  }
  if (isEdge) edgeHttp2(options);
  if (section.has("upgrades")) section.put(options, "allow_connect", true, "upgrades");
  if (Object.keys(options).length > 0) manager["http2_protocol_options"] = options;
}
