/** The head of a request that a filter sends: what the filter says, checked, and what the engine adds. */
import type { UpstreamRequestInit } from "@sluice/sdk";
import { AUTHORITY } from "../../http/codec/h1/syntax.ts";
import { KNOWN } from "../../http/headers/field.ts";
import { RequestHeaderMap, field } from "../../http/headers/header-map.ts";

/** Fields of one hop or of the framing: the codec writes them. */
const REFUSED: ReadonlySet<number> = new Set([
  KNOWN.host,
  KNOWN.connection,
  KNOWN.contentLength,
  KNOWN.transferEncoding,
  KNOWN.keepAlive,
  KNOWN.proxyConnection,
  KNOWN.upgrade,
  KNOWN.te,
  KNOWN.trailer,
  KNOWN.expect,
  KNOWN.http2Settings,
]);

/** `bodyBytes`: the body's length; -1: it has none (the codec says so where one is expected); null: not known. @throws TypeError for what is not legal. */
export function requestHead(init: UpstreamRequestInit, cluster: string, bodyBytes: number | null): RequestHeaderMap {
  const { method = "GET", path, headers, authority = cluster } = init;
  const head = new RequestHeaderMap("GET", "/", cluster, "http");
  head.method = method;
  if (method === "CONNECT") throw new TypeError("method CONNECT opens a tunnel, expected the method of a request");
  if (!path.startsWith("/") && !(path === "*" && method === "OPTIONS"))
    throw new TypeError(`path ${JSON.stringify(path)} is not legal: expected one that begins with "/"`);
  head.path = path;
  if (authority === "") throw new TypeError("authority is empty, expected a host");
  head.authority = authority;
  if (headers !== undefined) {
    const entries = Symbol.iterator in headers ? headers : Object.entries(headers);
    for (const [name, value] of entries as Iterable<readonly [string, string | readonly string[]]>) {
      if (typeof value === "string") append(head, name, value);
      else for (const each of value) append(head, name, each);
    }
  }
  if (bodyBytes !== null && bodyBytes > 0) head.fields.push(field("content-length", String(bodyBytes)));
  return head;
}

/** Headers of a request that a filter carries itself, CONNECT included. @throws TypeError for what is not legal. */
export function newRequestHead(method: string, authority: string, path: string, scheme: string): RequestHeaderMap {
  if (authority === "" || !AUTHORITY.test(authority))
    throw new TypeError(`authority ${JSON.stringify(authority)} is not legal: expected a host, with or without port`);
  const isConnect = method === "CONNECT";
  if (!isConnect && !path.startsWith("/"))
    throw new TypeError(`path ${JSON.stringify(path)} is not legal: expected one that begins with "/"`);
  const head = new RequestHeaderMap("GET", "", authority, scheme);
  head.method = method;
  head.path = isConnect ? "" : path;
  return head;
}

function append(head: RequestHeaderMap, name: string, value: string): void {
  const made = field(name, value);
  if (REFUSED.has(made.known))
    throw new TypeError(`header "${made.name}" is written by the engine, expected end-to-end headers`);
  head.fields.push(made);
}
