/** Hot path. One cookie of a request, found without reading the others into anything. RFC 6265 section 5.4, as Envoy reads it. */
import type { HeaderMap } from "./headers/header-map.ts";

/** The first value of that name over all cookie lines, without the quotes around it; null: there is none. */
export function cookieValue(headers: HeaderMap, name: string): string | null {
  const { fields } = headers;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!;
    if (field.name !== "cookie") continue;
    const value = inLine(field.value, name);
    if (value !== null) return value;
  }
  return null;
}

function inLine(line: string, name: string): string | null {
  let at = 0;
  while (at < line.length) {
    let end = line.indexOf(";", at);
    if (end < 0) end = line.length;
    while (at < end && isSpace(line.charCodeAt(at))) at++;
    if (line.startsWith(name, at) && line.charCodeAt(at + name.length) === 0x3d && at + name.length < end)
      return unquoted(line, at + name.length + 1, end);
    at = end + 1;
  }
  return null;
}

function unquoted(line: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (end > start && isSpace(line.charCodeAt(end - 1))) end--;
  if (end - start >= 2 && line.charCodeAt(start) === 0x22 && line.charCodeAt(end - 1) === 0x22) {
    start++;
    end--;
  }
  return line.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
