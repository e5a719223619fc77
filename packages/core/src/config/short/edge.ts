/**
 * `edge: true`: what Envoy recommends for proxies that face the internet (best practices "edge"), as far as it is implemented:
 * small buffers, the peer's own address, clean paths, bounded time. Whatever the configuration says itself stays.
 */
import type { JsonObject } from "../source/source.ts";
import type { Section } from "./section.ts";

const bufferLimitBytes = 32 * 1024;

export function edgeListener(section: Section, listener: JsonObject): void {
  section.context.isEdge = true;
  listener["per_connection_buffer_limit_bytes"] ??= bufferLimitBytes;
}

export function edgeCluster(cluster: JsonObject): void {
  cluster["per_connection_buffer_limit_bytes"] ??= bufferLimitBytes;
}

export function edgeConnectionManager(manager: JsonObject, common: JsonObject): void {
  manager["use_remote_address"] ??= true;
  manager["normalize_path"] ??= true;
  manager["merge_slashes"] ??= true;
  manager["path_with_escaped_slashes_action"] ??= "UNESCAPE_AND_REDIRECT";
  manager["stream_idle_timeout"] ??= "300s";
  manager["request_timeout"] ??= "300s";
  common["idle_timeout"] ??= "3600s";
  common["headers_with_underscores_action"] ??= "REJECT_REQUEST";
}

export function edgeHttp2(options: JsonObject): void {
  options["max_concurrent_streams"] ??= 100;
  options["initial_stream_window_size"] ??= 65_536;
  options["initial_connection_window_size"] ??= 1_048_576;
}

export function edgeRoute(action: JsonObject): void {
  action["idle_timeout"] ??= "15s";
}
