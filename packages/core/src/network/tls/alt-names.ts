/**
 * Names in certificates: the subject's alternative names out of OpenSSL's text form, and the subject in RFC 2253 form.
 * The text quotes names that carry separators as JSON strings (CVE-2021-44532); taking those apart wrongly would let one name pose as two.
 */
import { isIPv6 } from "node:net";

export type AltNameType = "dns" | "uri" | "email" | "ip";

export interface AltName {
  readonly type: AltNameType;
  readonly value: string;
}

const TYPES: ReadonlyMap<string, AltNameType> = new Map([
  ["DNS", "dns"],
  ["URI", "uri"],
  ["email", "email"],
  ["IP Address", "ip"],
]);

/** Takes apart `DNS:a, URI:"spiffe://x/\"y", IP Address:1.2.3.4`. Kinds of names that nothing matches on are left out. */
export function parseAltNames(text: string | undefined): AltName[] {
  const names: AltName[] = [];
  if (text === undefined) return names;
  let at = 0;
  while (at < text.length) {
    const end = endOfEntry(text, at);
    const entry = text.slice(at, end);
    at = end + 2;
    const colon = entry.indexOf(":");
    const type = TYPES.get(entry.slice(0, colon));
    const value = unquoted(entry.slice(colon + 1));
    if (type !== undefined && value !== null) names.push({ type, value: type === "ip" ? canonicalIp(value) : value });
  }
  return names;
}

/** Index of the separator `, ` that ends the entry at `start`; separators inside quotes do not count. */
function endOfEntry(text: string, start: number): number {
  let isQuoted = false;
  for (let i = start; i < text.length; i++) {
    const char = text[i];
    if (isQuoted && char === "\\") i++;
    else if (char === '"') isQuoted = !isQuoted;
    else if (!isQuoted && char === "," && text[i + 1] === " ") return i;
  }
  return text.length;
}

/** null where the quoting is broken: such a name matches nothing. */
function unquoted(value: string): string | null {
  if (!value.startsWith('"')) return value;
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === "string" ? parsed : null;
  } catch {
    return null;
  }
}

/** OpenSSL writes IPv6 addresses out in full (`0:0:0:0:0:0:0:1`); people write them short. */
export function canonicalIp(ip: string): string {
  return isIPv6(ip) ? new URL(`http://[${ip}]`).hostname.slice(1, -1) : ip;
}

/** `CN=x,O=y`: the parts in reverse order, as RFC 2253 wants them. `lines` has one part a line, values already escaped. */
export function rfc2253(lines: string | undefined): string {
  return lines === undefined ? "" : lines.split("\n").reverse().join(",");
}

/**
 * Whether a name in a certificate (`pattern`) covers `name`, as Envoy compares DNS names: without regard to case; `*` may stand for characters of the
 * left-most label only, and not in an internationalised one.
 */
export function coversDnsName(pattern: string, name: string): boolean {
  const lowerPattern = pattern.toLowerCase();
  const lowerName = name.toLowerCase();
  if (lowerPattern === lowerName) return true;
  const patternDot = lowerPattern.indexOf(".");
  const nameDot = lowerName.indexOf(".");
  if (patternDot === -1 || nameDot === -1 || lowerPattern.slice(patternDot) !== lowerName.slice(nameDot)) return false;
  const label = lowerPattern.slice(0, patternDot);
  const star = label.indexOf("*");
  if (star === -1 || label.indexOf("*", star + 1) !== -1 || label.startsWith("xn--")) return false;
  const target = lowerName.slice(0, nameDot);
  // The `*` may stand for nothing; what is before and after it must not overlap.
  return (
    target.length + 1 >= label.length &&
    target.startsWith(label.slice(0, star)) &&
    target.endsWith(label.slice(star + 1))
  );
}
