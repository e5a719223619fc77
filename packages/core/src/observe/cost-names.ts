/**
 * Names of what is measured of filters, as the threads' stores and main's read-out both make them. They begin with `#`, so that `/stats` leaves them out:
 * `/filters` and Prometheus show them with labels.
 */

/** HTTP hooks in the order of a stream's life. */
export const MEASURED_HOOKS = [
  "onRequestHeaders",
  "onRequestData",
  "onRequestTrailers",
  "onInformational",
  "onLocalReply",
  "onResponseHeaders",
  "onResponseData",
  "onResponseTrailers",
  "onStreamComplete",
  "onDestroy",
] as const;
export type MeasuredHook = (typeof MEASURED_HOOKS)[number];

/** What a hook may answer; `replace`: a data hook's bytes, `async`: a promise, `error`: it threw, or answered what is no verdict. */
export const COUNTED_VERDICTS = [
  "continue",
  "stop",
  "buffer",
  "watermark",
  "replace",
  "reply",
  "async",
  "error",
] as const;
export type CountedVerdict = (typeof COUNTED_VERDICTS)[number];

export const DIRECTIONS = ["request", "response"] as const;
export type MeasuredDirection = (typeof DIRECTIONS)[number];

/** Upper bounds of the time that one hook call takes, microseconds. */
export const HOOK_US_BOUNDS: readonly number[] = [
  0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 16_384, 65_536, 262_144, 1_048_576,
];
/** Upper bounds of the time for which a filter holds a direction, milliseconds. */
export const HELD_MS_BOUNDS: readonly number[] = [
  0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000,
];

const PREFIX = "#filter.";

/** Metrics of one chain; `chainKey` is `<listener>/<filter chain>`. */
export function chainPrefix(chainKey: string): string {
  return `${PREFIX}${encoded(chainKey)}.`;
}

/** Streams of the chain that were measured. */
export const SAMPLED = "sampled";

/** Prefixes of the filters of a chain, by slot; of several with one name the later ones carry their number. */
export function filterPrefixes(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return `filter.${encoded(name)}${count === 1 ? "" : `~${count}`}.`;
  });
}

/** Without dots, which part the name. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(".", "%2E");
}
