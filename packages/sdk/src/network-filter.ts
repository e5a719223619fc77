/** Network (L4) filters: hooks on a connection's bytes, the handle, and `defineNetworkFilter`. */
import type { FilterContext, Timer } from "./context.ts";
import type { SchemaOutput } from "./schema.ts";
import type { DynamicMetadata, FilterState, WatermarkListener } from "./http-filter.ts";
import type { ConnectionInfo, StreamInfo } from "./stream-info.ts";
import type { Continue, Stop } from "./verdict.ts";
import { type DefinitionBase, type Schemas, defined } from "./definition.ts";

/** `Stop` holds (at `onNewConnection`: everything; at a data hook: the chunk, and this filter gets the next one) until `resume()` or a later `Continue`. */
// oxlint-disable-next-line typescript/no-invalid-void-type -- a hook that returns nothing continues
export type NetworkVerdict = void | Continue | Stop;
/** A verdict, or bytes that take the place of this chunk (empty: consumed). */
export type NetworkDataVerdict = NetworkVerdict | Uint8Array;

/** One direction of a connection from one filter's place: `read` is what the client sends, `write` what goes to it. */
export interface NetworkDirection {
  /** Ends a `Stop` of this filter. Harmless where nothing is held. MUST NOT be called inside a hook of this direction. */
  resume(): void;
  /** Sends bytes to the next filter (or to the socket), past what this filter holds. MUST NOT be called inside a hook of this direction: return the bytes. */
  inject(data: Uint8Array, end: boolean): void;
  /** Counted: as many `unpause` as `pause`. */
  pause(): void;
  unpause(): void;
  readonly aboveWatermark: boolean;
  watch(listener: WatermarkListener | null): void;
}

export interface NetworkConnection<State = unknown> {
  state: State;
  readonly connection: ConnectionInfo;
  readonly info: StreamInfo;
  readonly metadata: DynamicMetadata;
  readonly filterState: FilterState;
  readonly signal: AbortSignal;
  readonly read: NetworkDirection;
  readonly write: NetworkDirection;
  /** Sends bytes to the client through the write filters before this one; `end` closes the write side. For terminal filters. */
  send(data: Uint8Array, end: boolean): void;
  /** `flush` (the default): write what is waiting, then close. `now`: drop it. `abort`: with a TCP reset. */
  close(kind?: "flush" | "now" | "abort", details?: string): void;
  setTimer(callback: (connection: NetworkConnection<State>) => void, ms: number): Timer;
  /** Writes to the access logs of the chain now, besides the line at the connection's end; `%ACCESS_LOG_TYPE%` tells `why`. */
  logAccess(why: "upstream_connected" | "periodic"): void;
}

/**
 * Hooks of a network filter, all optional; made once per filter chain and thread. Read hooks run in configuration order, write hooks in reverse.
 * `end` is the half-close of that direction. A promise holds its direction; bytes are valid until the hook returns or its promise settles.
 */
export interface NetworkFilter<State = unknown> {
  onNewConnection?(connection: NetworkConnection<State>): NetworkVerdict | Promise<NetworkVerdict>;
  onData?(
    data: Uint8Array,
    end: boolean,
    connection: NetworkConnection<State>,
  ): NetworkDataVerdict | Promise<NetworkDataVerdict>;
  onWrite?(
    data: Uint8Array,
    end: boolean,
    connection: NetworkConnection<State>,
  ): NetworkDataVerdict | Promise<NetworkDataVerdict>;
  /** The connection is gone; the last call, after it the handle is inert. */
  onClose?(connection: NetworkConnection<State>): void;
  dispose?(): void | Promise<void>;
}

export interface NetworkFilterDefinition<ConfigSchema = unknown, State = unknown>
  extends DefinitionBase,
    Schemas<ConfigSchema, undefined> {
  /** Consumes the bytes. Exactly one per chain, last. @default false */
  readonly terminal?: boolean;
  /** Makes `connection.state`, once per connection, before the filter's first hook of it. */
  readonly newState?: () => State;
  /** Makes the hooks, once per filter chain and thread. May be async. What it throws refuses the configuration. */
  readonly create: (
    config: SchemaOutput<ConfigSchema>,
    context: FilterContext,
  ) => NetworkFilter<NoInfer<State>> | Promise<NetworkFilter<NoInfer<State>>>;
}

/** Defines a network filter. @throws DefinitionError */
export function defineNetworkFilter<ConfigSchema, State = undefined>(
  definition: NetworkFilterDefinition<ConfigSchema, State>,
): NetworkFilterDefinition<ConfigSchema, State> {
  return defined("network", definition);
}

/** The names of the hooks, for checks at load. */
export const NETWORK_FILTER_HOOKS = [
  "onNewConnection",
  "onData",
  "onWrite",
  "onClose",
  "dispose",
] as const satisfies readonly (keyof NetworkFilter)[];
