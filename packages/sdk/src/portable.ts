/**
 * What a filter may use when it runs outside of its worker's own code: in a thread of its own (`runtime: worker`) or as a WebAssembly component.
 *
 * A portable filter uses header, trailer and body hooks, verdicts and replies, its own state, the commands of `stream.request` and `stream.response`,
 * timers, `info.addFlag` and `info.setDetails`, values of metadata and filter state that can be cloned, and of its context statistics, logger, clock, random,
 * timers and `clusters.get(name).request()`. Of the stream it sees the attributes that it declares in `reads`, as they were when the hook was called.
 * Reading anything else throws a sentence that names it.
 */

/** Attributes that stand alone, by the name of the property that shows them. */
export const STREAM_ATTRIBUTES = [
  "id",
  /** Outside of a hook of the request it is a copy, which may be read alone; the same for the response. */
  "requestHeaders",
  "requestTrailers",
  "responseHeaders",
  "responseTrailers",
  /** `info.connection`: peer, local address and TLS. */
  "info.connection",
  /** `info.remote`: the client behind trusted proxies. */
  "info.remote",
  "info.protocol",
  /** `info.startTimeMs`, `startMs`, `requestEndMs`, `responseStartMs`, `endMs`. */
  "info.times",
  /** `info.bytesReceived`, `bytesSent`. */
  "info.bytes",
  /** `info.status`, `details`, `flags`, `hasFlag()`. */
  "info.response",
  /** `info.upstreamHost`, `upstreamAttempts`, `upstreamClusterName`, `upstreamFailure`, `upstreamLocalAddress`: to be read. */
  "info.upstream",
] as const;

/**
 * An attribute of a stream that a filter declares in `reads`: one of {@link STREAM_ATTRIBUTES}, `metadata.<namespace>`, `filterState.<key>`.
 * What a filter `requires` of other filters' metadata is declared by that. Always there: `state`, `routeConfig`, `routeConfigs`, `requestSeen`.
 */
export type StreamAttribute = (typeof STREAM_ATTRIBUTES)[number] | `metadata.${string}` | `filterState.${string}`;

/** Whether `name` is the name of an attribute. */
export function isStreamAttribute(name: string): name is StreamAttribute {
  return (
    (STREAM_ATTRIBUTES as readonly string[]).includes(name) ||
    (name.startsWith("metadata.") && name.length > "metadata.".length) ||
    (name.startsWith("filterState.") && name.length > "filterState.".length)
  );
}
