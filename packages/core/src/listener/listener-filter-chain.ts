/** The listener filters of one listener in one thread: made once with its configuration, shared by all its connections, gone after the last of them. */
import type { Counter, Gauge, ListenerFilter } from "@sluice/sdk";
import type { ChainEnvironment } from "../network/filter-chain/network-chain.ts";

/** A filter as the engine runs it. */
export interface ListenerFilterSlot {
  readonly name: string;
  readonly filter: ListenerFilter;
  /** null: its connections have no state. */
  readonly newState: (() => unknown) | null;
  readonly maxPeekBytes: number;
  /** For the worker's heartbeat. */
  readonly heartbeatId: number;
  /** Hooks that threw, and connections whose filter asked for more bytes than it may. */
  readonly errors: Counter;
}

/** Of connections that are not with their filter chain yet, under Envoy's names in `listener.<address>.`. */
export interface PreConnectionStats {
  /** downstream_pre_cx_active */
  readonly active: Gauge;
  /** downstream_pre_cx_timeout */
  readonly timeouts: Counter;
  /** downstream_listener_filter_error: a filter failed. */
  readonly errors: Counter;
  /** downstream_listener_filter_remote_close: the client left. */
  readonly remoteCloses: Counter;
}

export interface ListenerFilterChainParts {
  readonly filters: readonly ListenerFilterSlot[];
  /** For all filters of a connection together; 0: none. */
  readonly timeoutMs: number;
  /** After the time-out the connection goes on with what is known; else it is closed. */
  readonly continueOnTimeout: boolean;
  readonly stats: PreConnectionStats;
  readonly environment: ChainEnvironment;
  readonly onReleased: () => void;
}

export class ListenerFilterChain {
  readonly filters: readonly ListenerFilterSlot[];
  readonly timeoutMs: number;
  readonly continueOnTimeout: boolean;
  readonly stats: PreConnectionStats;
  readonly environment: ChainEnvironment;
  /** Whether a filter wants to hear of the end of connections that went on. */
  hasCloseHooks = false;
  readonly #onReleased: () => void;
  #lastErrorMs = Number.NEGATIVE_INFINITY;

  constructor(parts: ListenerFilterChainParts) {
    this.filters = parts.filters;
    this.timeoutMs = parts.timeoutMs;
    this.continueOnTimeout = parts.continueOnTimeout;
    this.stats = parts.stats;
    this.environment = parts.environment;
    this.#onReleased = parts.onReleased;
  }

  /** All its filters are made. MUST be called before the first connection. */
  seal(): this {
    this.hasCloseHooks = this.filters.some(({ filter }) => filter.onClose !== undefined);
    return this;
  }

  /** A hook threw: counted, named, once a second at most in the log. */
  filterFailed(filter: number, hook: string, error: unknown): void {
    const slot = this.filters[filter]!;
    slot.errors.inc();
    const now = this.environment.clock.now();
    if (now - this.#lastErrorMs < 1000) return;
    this.#lastErrorMs = now;
    this.environment.log.write("error", "listener", `filter ${slot.name} failed in ${hook}`, {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }

  /** No connection uses it any more, or ever did. */
  async dispose(): Promise<void> {
    for (const [index, { filter }] of this.filters.entries()) {
      try {
        await filter.dispose?.();
      } catch (error) {
        this.filterFailed(index, "dispose", error);
      }
    }
    this.#onReleased();
  }
}
