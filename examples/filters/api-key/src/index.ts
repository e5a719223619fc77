/**
 * Lets requests pass that carry a known API key, tells the filters behind it whose it is, and keeps the key from the upstream. An example: configuration by zod,
 * routes that override it, metadata for others. Keys are compared by their digests, so that how long it takes tells nothing about them.
 */
import { hash } from "node:crypto";
import { defineHttpFilter, metadataKey, reply, type LocalReply, type RequestHeaders } from "@sluice/sdk";
import { type ApiKeyConfig, config, routeConfig } from "./config.ts";

/** Who the client is. Filters behind this one may require it. */
export const apiClient = metadataKey<{ name: string }>("acme.api_client");

export const apiKey = defineHttpFilter({
  id: "acme.http.api-key",
  maturity: "beta",
  security: "untrusted-downstream",
  phase: "authn",
  portable: true,
  provides: [apiClient],
  config,
  routeConfig,
  create(settings, context) {
    const allowed = context.stats.counter("allowed");
    const anonymous = context.stats.counter("anonymous");
    const missing = context.stats.counter("missing");
    const unknown = context.stats.counter("unknown");
    const forbidden = context.stats.counter("forbidden");
    const names = namesByDigest(settings);
    const unauthorized = challenge(settings.realm);

    return {
      onRequestHeaders(headers, _end, stream) {
        const key = takeKey(headers, settings);
        const route = stream.routeConfig;
        if (key === undefined) {
          if (route?.required === false) {
            anonymous.inc();
            return;
          }
          missing.inc();
          return unauthorized("api_key_missing");
        }
        const name = names.get(digestOf(key));
        if (name === undefined) {
          unknown.inc();
          return unauthorized("api_key_unknown");
        }
        if (route?.allow?.includes(name) === false) {
          forbidden.inc();
          return reply({ status: 403, body: "this key may not do this\n", details: "api_key_forbidden" });
        }
        allowed.inc();
        stream.metadata.set(apiClient, { name });
      },
    };
  },
});

export default apiKey;

function namesByDigest({ clients }: ApiKeyConfig): Map<string, string> {
  const names = new Map<string, string>();
  for (const { name, api_key, sha256 } of clients) {
    const digest = sha256 ?? digestOf(Buffer.from(api_key!).toString("latin1"));
    const other = names.get(digest);
    if (other !== undefined) throw new Error(`the clients "${other}" and "${name}" have the same key`);
    names.set(digest, name);
  }
  return names;
}

/** A key is used where it stands first: the header, `authorization`, the query. All places are cleaned, unless the upstream is to see them. */
function takeKey(headers: RequestHeaders, { header, bearer, query, forward_key }: ApiKeyConfig): string | undefined {
  // Two headers of the name are joined by `get`, and no known key has a comma and a blank: they are refused as one that is unknown.
  let key = headers.get(header);
  if (key !== undefined && !forward_key) headers.delete(header);
  if (bearer) {
    const token = fromAuthorization(headers, forward_key);
    key ??= token;
  }
  if (query !== undefined) {
    const parameter = fromQuery(headers, query, forward_key);
    key ??= parameter;
  }
  return key;
}

/** One of several may be what the upstream goes by: then none is a key that is known. */
function fromAuthorization(headers: RequestHeaders, keeps: boolean): string | undefined {
  const values = headers.getAll("authorization");
  if (!values.some((value) => /^bearer(?:\s|$)/i.test(value))) return undefined;
  if (!keeps) headers.delete("authorization");
  return values.length === 1 ? values[0]!.slice("bearer".length).trim() : values.join(", ");
}

function fromQuery(headers: RequestHeaders, name: string, keeps: boolean): string | undefined {
  const { path } = headers;
  const mark = path.indexOf("?");
  if (mark === -1) return undefined;
  const mine: string[] = [];
  const others: string[] = [];
  for (const each of path.slice(mark + 1).split("&"))
    (decoded(each.split("=", 1)[0]!) === name ? mine : others).push(each);
  if (mine.length === 0) return undefined;
  if (!keeps) headers.path = others.length === 0 ? path.slice(0, mark) : `${path.slice(0, mark)}?${others.join("&")}`;
  const value = mine.map((each) => (each.includes("=") ? decoded(each.slice(each.indexOf("=") + 1)) : "")).join(", ");
  return Buffer.from(value).toString("latin1");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

/** `key`: as headers come, a character a byte. */
function digestOf(key: string): string {
  return hash("sha256", Buffer.from(key, "latin1"), "hex");
}

/** RFC 9110 section 11.6.1: a 401 says how to do better. */
function challenge(realm: string): (details: string) => LocalReply {
  const headers = { "www-authenticate": `ApiKey realm="${realm}"` };
  return (details) => reply({ status: 401, headers, body: "an API key is needed\n", details });
}
