/** Addresses in one text: `host:port`, `[ipv6]:port`, `:port`, `unix:/path`. */
import { isIP } from "node:net";
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import type { ShortContext } from "./short-context.ts";

export type ParsedAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** undefined when it is none. */
export function parseAddress(text: string): ParsedAddress | undefined {
  if (text.startsWith("unix:")) return text.length > 5 ? { path: text.slice(5) } : undefined;
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]*)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, ipv6, name, digits] = match;
  const port = Number(digits);
  if (port > 65_535 || (ipv6 !== undefined && isIP(ipv6) !== 6)) return undefined;
  return { host: ipv6 ?? (name === "" ? "0.0.0.0" : (name ?? "")), port };
}

/** The address at `container[key]`, reported where it is none. */
export function readAddress(context: ShortContext, container: object, key: string | number): ParsedAddress | undefined {
  const value = (container as Record<string | number, Json>)[key];
  const parsed = typeof value === "string" ? parseAddress(value) : undefined;
  if (parsed === undefined)
    context.wrongType(container, key, "an address as in 127.0.0.1:8080, :8080, [::1]:8080 or unix:/path");
  return parsed;
}

/** As Envoy's Address, from `container[key]`. */
export function longAddress(
  context: ShortContext,
  address: ParsedAddress,
  container: object,
  key: string | number,
): JsonObject {
  const inner: JsonObject =
    "path" in address ? { path: address.path } : { address: address.host, port_value: address.port };
  const made: JsonObject = {
    ["path" in address ? "pipe" : "socket_address"]: context.derived.mark(inner, container, key),
  };
  return context.derived.mark(made, container, key);
}

export function addressHost(address: ParsedAddress): string {
  return "path" in address ? "" : address.host;
}
