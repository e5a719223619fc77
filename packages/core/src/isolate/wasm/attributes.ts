/** Facts of a stream as texts for a component: what its description declares in `reads`, by the path that the sdk's handle has for it. */
import type { HttpStream, StreamAttribute } from "@sluice/sdk";

/** Paths that a declared attribute covers beside its own. */
const COVERED: Readonly<Record<string, StreamAttribute>> = {
  "info.startTimeMs": "info.times",
  "info.startMs": "info.times",
  "info.requestEndMs": "info.times",
  "info.responseStartMs": "info.times",
  "info.endMs": "info.times",
  "info.bytesReceived": "info.bytes",
  "info.bytesSent": "info.bytes",
  "info.status": "info.response",
  "info.details": "info.response",
  "info.flags": "info.response",
  "info.upstreamHost": "info.upstream",
  "info.upstreamAttempts": "info.upstream",
  "info.upstreamClusterName": "info.upstream",
  "info.upstreamFailure": "info.upstream",
  "info.upstreamLocalAddress": "info.upstream",
};
/** Groups that have no value of their own. */
const GROUPS: readonly string[] = ["info.times", "info.bytes", "info.response", "info.upstream"];
const HEADER_MAPS = ["requestHeaders", "requestTrailers", "responseHeaders", "responseTrailers"] as const;

/** Reads one attribute. Made once for a name, since names are few. */
export type ReadAttribute = (stream: HttpStream) => string | undefined;

/**
 * The reader for `name`: a path such as `id`, `info.remote.ip`, `info.status`, `requestHeaders.x-name`, `requestHeaders.:path`, `filterState.key`.
 * @throws TypeError where `reads` does not cover it
 */
export function attributeReader(name: string, reads: readonly StreamAttribute[]): ReadAttribute {
  const [first = "", second = ""] = name.split(".");
  const map = HEADER_MAPS.find((each) => each === first);
  if (map !== undefined) {
    held(name, map, reads);
    return headerReader(map, name.slice(map.length + 1));
  }
  if (first === "filterState") {
    held(name, name, reads);
    const key = name.slice("filterState.".length);
    return (stream) => textOf(stream.filterState.get(key));
  }
  const base = first === "id" ? "id" : `${first}.${second}`;
  if (first !== "id" && (first !== "info" || GROUPS.includes(base)))
    throw new TypeError(`"${name}" is no attribute of a stream`);
  held(name, COVERED[base] ?? base, reads);
  const path = name.split(".");
  return (stream) => textOf(path.reduce<unknown>(step, stream));
}

function held(name: string, declared: string, reads: readonly string[]): void {
  if (!reads.includes(declared))
    throw new TypeError(`it reads "${name}", and its description does not list "${declared}" under reads`);
}

function step(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

const PROPERTIES: Readonly<Record<string, string>> = {
  ":method": "method",
  ":path": "path",
  ":authority": "authority",
  ":scheme": "scheme",
  ":status": "status",
};

function headerReader(map: (typeof HEADER_MAPS)[number], name: string): ReadAttribute {
  const property = PROPERTIES[name];
  if (property !== undefined) return (stream) => textOf(step(stream[map], property));
  return (stream) => stream[map]?.getAll(name)[0];
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null || typeof value === "function") return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}
