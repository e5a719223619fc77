/** Words of the headers that compression reads and changes: lists of tokens (RFC 9110 sections 8.4, 8.8.3, 12.5.3; RFC 9111 section 5.2). */
import type { Headers } from "@sluice/sdk";
import type { Coding } from "./encoders.ts";

/** A coding in lower case, by its one name. */
export function codingOf(token: string): string {
  const coding = token.trim().toLowerCase();
  // RFC 9110 section 8.4.1.3.
  return coding === "x-gzip" ? "gzip" : coding;
}

/** Whether the receiver asks that nobody changes the content. */
export function forbidsTransform(headers: Headers): boolean {
  const value = headers.get("cache-control");
  return value !== undefined && hasToken(value, "no-transform");
}

export function hasToken(list: string, token: string): boolean {
  // Most lists do not even have its letters.
  if (!list.toLowerCase().includes(token)) return false;
  for (const each of list.split(",")) if (each.trim().toLowerCase() === token) return true;
  return false;
}

/** The content is other bytes than its sender had: what was said of those is not true any more. */
export function forgetBytes(headers: Headers): void {
  headers.delete("content-length");
  headers.delete("accept-ranges");
  headers.delete("content-md5");
  headers.delete("content-digest");
  headers.delete("repr-digest");
}

/** A tag that vouches for each byte becomes one that vouches for the meaning. */
export function weakenEtag(headers: Headers): void {
  const etag = headers.get("etag");
  if (etag !== undefined && isStrong(etag)) headers.set("etag", `W/${etag}`);
}

export function removeStrongEtag(headers: Headers): void {
  const etag = headers.get("etag");
  if (etag !== undefined && isStrong(etag)) headers.delete("etag");
}

function isStrong(etag: string): boolean {
  return !etag.startsWith("W/") && !etag.startsWith("w/");
}

/** Takes the outermost coding off where it is that one; tells whether it was. */
export function removeLastCoding(headers: Headers, coding: Coding): boolean {
  const value = headers.get("content-encoding");
  if (value === undefined) return false;
  const comma = value.lastIndexOf(",");
  if (codingOf(value.slice(comma + 1)) !== coding) return false;
  const rest = comma === -1 ? "" : value.slice(0, comma).trim();
  if (rest === "") headers.delete("content-encoding");
  else headers.set("content-encoding", rest);
  return true;
}

/** Says that this coding is taken, once. */
export function addAcceptedCoding(headers: Headers, coding: Coding): void {
  const value = headers.get("accept-encoding");
  if (value === undefined || value === "") {
    headers.set("accept-encoding", coding);
    return;
  }
  const others = value.split(",").filter((each) => {
    const semicolon = each.indexOf(";");
    const name = codingOf(semicolon === -1 ? each : each.slice(0, semicolon));
    return name !== "" && name !== coding;
  });
  headers.set("accept-encoding", [...others.map((each) => each.trim()), coding].join(", "));
}
