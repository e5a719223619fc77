/**
 * What a message that llhttp read means, in the terms of our header maps: written from the RFCs once more, as plainly as possible, and independent of the codec.
 */
import type { Message, Pair } from "./llhttp.ts";

const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "trailer",
]);

/** Options that a client may name without stripping the field (see README.md). */
const KEPT = new Set([
  "te",
  "trailer",
  "authorization",
  "cookie",
  "set-cookie",
  "cache-control",
  "content-type",
  "content-encoding",
  "content-range",
  "date",
  "expect",
  "origin",
  "range",
  "vary",
  "www-authenticate",
  "x-request-id",
]);

export function values(fields: readonly Pair[], name: string): string[] {
  return fields.filter((field) => field[0] === name).map((field) => field[1]);
}

/** Connection options, in lower case. */
export function options(fields: readonly Pair[]): string[] {
  return values(fields, "connection").flatMap((value) => value.split(",").map((option) => option.trim().toLowerCase()));
}

/** The end-to-end fields. */
export function endToEnd(fields: readonly Pair[], keepsTrailer = true): Pair[] {
  const named = new Set(options(fields).filter((option) => !KEPT.has(option)));
  const out: Pair[] = [];
  let hasTe = false;
  for (const [name, value] of fields) {
    if (name === "te") {
      const hasTrailers = value.split(",").some((part) => part.trim().toLowerCase() === "trailers");
      if (hasTrailers && !hasTe) out.push(["te", "trailers"]);
      hasTe ||= hasTrailers;
    } else if (name === "trailer" && keepsTrailer) {
      out.push([name, value]);
    } else if (name !== "host" && !HOP_BY_HOP.has(name) && !named.has(name)) {
      out.push([name, value]);
    }
  }
  return out;
}

/** `method authority path scheme` of a request that came in plain text. */
export function requestLine(message: Message): string {
  const { method, target, fields } = message;
  const [host] = values(fields, "host");
  if (method === "CONNECT") return `CONNECT ${target}  http`;
  const absolute = /^([a-z]+):\/\/([^/?]*)(.*)$/i.exec(target);
  if (absolute === null) return `${method} ${host} ${target} http`;
  const [, scheme, authority, rest] = absolute as unknown as [string, string, string, string];
  const path = rest === "" ? (method === "OPTIONS" ? "*" : "/") : rest.startsWith("/") ? rest : `/${rest}`;
  return `${method} ${authority} ${path} ${scheme.toLowerCase()}`;
}
