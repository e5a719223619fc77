/** tunneling_config: connections go upstream inside a CONNECT or POST. Envoy: TcpProxy.TunnelingConfig. */
import { ConfigError } from "@sluice/sdk";
import { booleanOf, type Fields, fieldsOf, refuseUnknown, textOf } from "../shared/fields.ts";
import { type HeaderOption, headerOptionOf } from "./header-option.ts";

export interface TunnelSettings {
  /** A format. */
  readonly hostname: string;
  /** Path of the POST; null: CONNECT. */
  readonly postPath: string | null;
  readonly headers: readonly HeaderOption[];
  readonly keepsResponseHeaders: boolean;
  readonly keepsResponseTrailers: boolean;
}

export const TUNNEL_FIELDS = [
  "hostname",
  "use_post",
  "post_path",
  "headers_to_add",
  "propagate_response_headers",
  "propagate_response_trailers",
] as const;

const PATH = ["tunneling_config"];
/** Envoy: PGV max_items. */
const MAX_HEADERS = 1000;

/** null: there is none. @throws ConfigError */
export function tunnelOf(proxy: Fields): TunnelSettings | null {
  const value = proxy["tunneling_config"] ?? undefined;
  if (value === undefined) return null;
  const fields = fieldsOf(value, PATH);
  refuseUnknown(fields, TUNNEL_FIELDS, PATH);
  const hostname = textOf(fields, "hostname", PATH);
  if (hostname === "")
    throw new ConfigError("expected the host and port to which the tunnel leads", [...PATH, "hostname"]);
  return {
    hostname,
    postPath: postPathOf(fields),
    headers: headersOf(fields),
    keepsResponseHeaders: booleanOf(fields, "propagate_response_headers", PATH),
    keepsResponseTrailers: booleanOf(fields, "propagate_response_trailers", PATH),
  };
}

function postPathOf(fields: Fields): string | null {
  const path = textOf(fields, "post_path", PATH);
  if (booleanOf(fields, "use_post", PATH)) {
    if (path === "") return "/";
    if (/^\/[\x21-\x7e]*$/.test(path)) return path;
    throw new ConfigError('expected a path that begins with "/", without spaces', [...PATH, "post_path"]);
  }
  if (path !== "") throw new ConfigError("means nothing without use_post: true", [...PATH, "post_path"]);
  return null;
}

function headersOf(fields: Fields): HeaderOption[] {
  const list = fields["headers_to_add"] ?? [];
  const path = [...PATH, "headers_to_add"];
  if (!Array.isArray(list)) throw new ConfigError("expected a list of headers", path);
  if (list.length > MAX_HEADERS) throw new ConfigError(`expected ${MAX_HEADERS} headers at most`, path);
  return list.map((entry: unknown, index) => headerOptionOf(entry, [...path, index]));
}
