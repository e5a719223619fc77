/** Listener filters: hooks on a connection that was just accepted, before its filter chain; the handle, and `defineListenerFilter`. */
import type { FilterContext, Timer } from "./context.ts";
import type { SchemaOutput } from "./schema.ts";
import type { DynamicMetadata, FilterState } from "./http-filter.ts";
import type { ConnectionInfo, ProxyTlv } from "./stream-info.ts";
import type { Continue, Stop } from "./verdict.ts";
import { type DefinitionBase, type Schemas, defined } from "./definition.ts";
import { DefinitionError } from "./errors.ts";

/** `Stop` at `onAccept`: hold the connection until `resume()`. At `onPeek`: call me again when more bytes are there (or `resume()`). */
// oxlint-disable-next-line typescript/no-invalid-void-type -- a hook that returns nothing continues
export type ListenerVerdict = void | Continue | Stop;

/** A listener filter's own view of one connection: the same object in every hook and across awaits; inert once the connection went on or is gone. */
export interface ListenerConnection<State = unknown> {
  state: State;
  /** What is known so far; it shows what this and earlier filters have set. */
  readonly connection: ConnectionInfo;
  /** Of the connection: its network filters and access logs see it. */
  readonly metadata: DynamicMetadata;
  /** Of the connection: network filters, and HTTP filters in all its streams, see it. */
  readonly filterState: FilterState;
  /** Aborted when the connection is gone, or closed by a filter or by `listener_filters_timeout`; made on first use. */
  readonly signal: AbortSignal;
  /**
   * How many bytes this filter wants to see of this connection: the definition's `maxPeekBytes` at first, at most that. 0, set in `onAccept`: none, and
   * `onPeek` is not called.
   * @throws TypeError where it is set to anything else
   */
  maxPeekBytes: number;
  /**
   * Takes the first `count` bytes out of the connection, when the hook has returned or its promise is settled: neither later filters nor the chain see them.
   * @throws RangeError where this filter has not seen as many, TypeError where it is not this filter's turn.
   */
  consume(count: number): void;
  /** Who the client is, in place of the socket's peer. @throws TypeError where `ip` is no IP address or `port` no port */
  setRemoteAddress(ip: string, port: number): void;
  /** Which address the client meant to reach. @throws TypeError as `setRemoteAddress` */
  setLocalAddress(ip: string, port: number): void;
  /** Server name that the client asks for. Kept in lower case. */
  setServerName(name: string): void;
  /** Application protocols that the client offers (ALPN), or the one that it speaks. */
  setApplicationProtocols(protocols: readonly string[]): void;
  /** `tls` or `raw_buffer`. */
  setTransportProtocol(protocol: string): void;
  /** What a PROXY protocol header told besides the addresses, for upstreams that are to know it. The bytes are copied. */
  setProxyTlvs(tlvs: readonly ProxyTlv[]): void;
  /**
   * Ends a `Stop` of this filter: after `onAccept` its `onPeek` has its turn, after `onPeek` the next filter. Harmless where nothing is held, or a promise is open.
   * MUST NOT be called inside a hook: return `Continue`.
   */
  resume(): void;
  /** Refuses the connection: closes it at once (`abort`: with a TCP reset). `details`: a stable word for the log. */
  close(kind?: "now" | "abort", details?: string): void;
  /** Calls back once after `ms` (coarse: up to 10 ms late) unless the connection has gone on or is gone. */
  setTimer(callback: (connection: ListenerConnection<State>) => void, ms: number): Timer;
}

/**
 * Hooks of a listener filter, all optional; made once per listener and thread. Filters run one after another in configuration order: the next one begins when
 * this one has let go. What nobody consumed goes to the filter chain, TLS handshake included, byte by byte as the client sent it.
 * A promise holds the connection; no hook runs while it is open. All of it together is bounded by the listener's `listener_filters_timeout`.
 * A filter that throws, or says `Stop` though it has seen `maxPeekBytes`, closes the connection.
 */
export interface ListenerFilter<State = unknown> {
  /** The connection was accepted and earlier filters let it go on. Nothing may have been sent yet, and a client may wait for the server to speak first. */
  onAccept?(connection: ListenerConnection<State>): ListenerVerdict | Promise<ListenerVerdict>;
  /**
   * The bytes that are there, from the first one that was not consumed, `maxPeekBytes` at most; called with the first of them, and after `Stop` with all of them
   * again when there are more. The bytes are to be read only, and valid until the hook returns or its promise settles. Not called with none.
   */
  onPeek?(data: Uint8Array, connection: ListenerConnection<State>): ListenerVerdict | Promise<ListenerVerdict>;
  /** The connection is gone, whether it got as far as its chain or not; for every filter whose turn had come. The last call. */
  onClose?(connection: ListenerConnection<State>): void;
  /** The end of the filter object itself: its listener's configuration is gone and no connection uses it. */
  dispose?(): void | Promise<void>;
}

export interface ListenerFilterDefinition<ConfigSchema = unknown, State = unknown>
  extends DefinitionBase,
    Schemas<ConfigSchema, undefined> {
  /** The most bytes that `onPeek` ever gets; at most 131072. @default 4096 */
  readonly maxPeekBytes?: number;
  /** Makes `connection.state`, once per connection, before the filter's first hook of it. */
  readonly newState?: () => State;
  /** Makes the hooks, once per listener and thread. May be async. What it throws refuses the configuration. */
  readonly create: (
    config: SchemaOutput<ConfigSchema>,
    context: FilterContext,
  ) => ListenerFilter<NoInfer<State>> | Promise<ListenerFilter<NoInfer<State>>>;
}

/** What `maxPeekBytes` is where a definition does not say, and the most that it can say. */
export const DEFAULT_PEEK_BYTES = 4096;
export const LARGEST_PEEK_BYTES = 131_072;

/** Defines a listener filter. @throws DefinitionError */
export function defineListenerFilter<ConfigSchema, State = undefined>(
  definition: ListenerFilterDefinition<ConfigSchema, State>,
): ListenerFilterDefinition<ConfigSchema, State> {
  const { id, maxPeekBytes = 0 } = definition;
  if (maxPeekBytes > LARGEST_PEEK_BYTES)
    throw new DefinitionError(`${id}: maxPeekBytes ${maxPeekBytes}: expected at most ${LARGEST_PEEK_BYTES}`);
  return defined("listener", definition);
}

/** The names of the hooks, for checks at load. */
export const LISTENER_FILTER_HOOKS = [
  "onAccept",
  "onPeek",
  "onClose",
  "dispose",
] as const satisfies readonly (keyof ListenerFilter)[];
