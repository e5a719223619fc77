/** Where a rule finds its value: a header with all its values, a pseudo-header, or a cookie (RFC 6265 section 4.2.1). */
import type { Headers, RequestHeaders, ResponseHeaders } from "@sluice/sdk";
import { textOf } from "../shared/header-text.ts";

/** null: there is none. */
export function readHeader(headers: Headers, name: string): string | null {
  switch (name) {
    case ":method":
      return (headers as RequestHeaders).method;
    case ":path":
      return textOf((headers as RequestHeaders).path);
    case ":authority":
    case "host":
      return textOf((headers as RequestHeaders).authority);
    case ":scheme":
      return (headers as RequestHeaders).scheme;
    case ":status":
      return String((headers as ResponseHeaders).status);
    case "set-cookie": {
      const values = headers.getAll(name);
      return values.length === 0 ? null : textOf(values.join(","));
    }
  }
  const value = headers.get(name);
  return value === undefined ? null : textOf(value);
}

/** The first cookie of that name, without quotes; null: there is none, or it is empty. */
export function readCookie(headers: Headers, name: string): string | null {
  const cookies = headers.get("cookie");
  if (cookies === undefined) return null;
  for (const pair of cookies.split(";")) {
    const equals = pair.indexOf("=");
    if (equals === -1 || pair.slice(0, equals).trim() !== name) continue;
    const value = pair.slice(equals + 1).trim();
    const isQuoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"');
    return textOf(isQuoted ? value.slice(1, -1) : value) || null;
  }
  return null;
}
