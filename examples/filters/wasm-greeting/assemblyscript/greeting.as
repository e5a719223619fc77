// The filter of this package in AssemblyScript: see README.md.
import { Fields, Outcome, SET, configured, counter, increment, jsonText, routeConfig } from "./sluice";
export { __cabi_realloc, __free } from "./sluice";

let header = "";
let value = "";
let greeted: u32 = 0;
const bodyBytes = new Map<u32, u32>();

export function __configure(at: usize, length: u32): usize {
  const json = String.UTF8.decodeUnsafe(at, length);
  if (json.includes("\\")) return configured("header and value are plain texts without escapes");
  header = jsonText(json, "header");
  value = jsonText(json, "value");
  greeted = counter("greeted");
  return configured("");
}

/** The route's own words, or those of the configuration. */
function words(): string {
  const own = routeConfig();
  return own === null ? value : jsonText(own, "value");
}

export function __onRequestHeaders(_stream: u32, at: usize, count: u32, _end: bool): usize {
  if (new Fields(at, count).has("x-rude")) return new Outcome(0).reply(403, "be kind\n", "greeting_refused").at;
  return new Outcome(1).edit(SET, header, words()).at;
}

export function __onRequestData(stream: u32, _at: usize, length: u32, _end: bool): usize {
  bodyBytes.set(stream, (bodyBytes.has(stream) ? bodyBytes.get(stream) : 0) + length);
  return new Outcome(0).at;
}

export function __onResponseHeaders(stream: u32, _at: usize, _count: u32, _end: bool): usize {
  increment(greeted, 1);
  const bytes = bodyBytes.has(stream) ? bodyBytes.get(stream) : 0;
  return new Outcome(2).edit(SET, header, words()).edit(SET, "x-request-bytes", bytes.toString()).at;
}

export function __onDestroy(stream: u32): void {
  bodyBytes.delete(stream);
}

// In place of AssemblyScript's own, which would be an import.
export function abort(_message: string | null, _file: string | null, _line: u32, _column: u32): void {
  unreachable();
}
