/** The network filters of one filter chain in one thread: made once with its configuration, shared by all connections, gone after the last of them. */
import type { Counter, NetworkFilter } from "@sluice/sdk";
import type { FormatContext } from "../../formatter/context.ts";
import type { Timers, TurnClock } from "../../timing/clock.ts";
import type { LogSink } from "../../worker/log.ts";
import type { Heartbeat } from "../../worker/services.ts";
import type { Connection } from "../connection.ts";
import type { ServerTls } from "../tls/server-tls.ts";
import { ChainConnection } from "./chain-connection.ts";
import type { EarlierData } from "./connection-facts.ts";
import type { Drainable, NetworkTerminal } from "./terminal.ts";

/** A filter as the engine runs it. */
export interface NetworkFilterSlot {
  readonly name: string;
  readonly filter: NetworkFilter;
  /** null: its connections have no state. */
  readonly newState: (() => unknown) | null;
  /** For the worker's heartbeat. */
  readonly heartbeatId: number;
  /** Hooks that threw. */
  readonly errors: Counter;
}

/** Writes the access log of a connection that is over. */
export interface ConnectionLogger {
  log(context: FormatContext): void;
  release(): void;
}

export interface ChainEnvironment {
  readonly clock: TurnClock;
  readonly timers: Timers;
  readonly log: LogSink;
  readonly heartbeat: Heartbeat;
}

export interface NetworkChainParts {
  readonly filters: readonly NetworkFilterSlot[];
  /** null: the last filter is terminal. */
  readonly terminal: NetworkTerminal | null;
  readonly tls: ServerTls | null;
  readonly bufferLimitBytes: number;
  readonly loggers: readonly ConnectionLogger[];
  readonly environment: ChainEnvironment;
  /** Called once, when the chain is released and its last connection is gone. */
  readonly onReleased: () => void;
}

const UNFILTERED = Object.freeze({ filterState: null });

/** Where a filter's stages stand in both directions: indices of flows. */
export interface FilterPlace {
  /** Own stage; -1: no such hook. */
  readonly read: number;
  readonly write: number;
  /** First stage after this filter. */
  readonly afterRead: number;
  readonly afterWrite: number;
}

export class NetworkChain {
  readonly filters: readonly NetworkFilterSlot[];
  readonly terminal: NetworkTerminal | null;
  readonly tls: ServerTls | null;
  readonly bufferLimitBytes: number;
  readonly environment: ChainEnvironment;
  readonly loggers: readonly ConnectionLogger[];
  /** Filters with `onData`, in order; filters with `onWrite`, in reverse. */
  readonly readers: readonly number[];
  readonly writers: readonly number[];
  readonly places: readonly FilterPlace[];
  readonly #onReleased: () => void;
  #lastErrorMs = Number.NEGATIVE_INFINITY;
  #connections = 0;
  #isReleased = false;
  #isDone = false;

  constructor(parts: NetworkChainParts) {
    const { filters } = parts;
    this.filters = filters;
    this.terminal = parts.terminal;
    this.tls = parts.tls;
    this.bufferLimitBytes = parts.bufferLimitBytes;
    this.environment = parts.environment;
    this.loggers = parts.loggers;
    this.#onReleased = parts.onReleased;
    const indices = filters.map((_, index) => index);
    const readers = indices.filter((index) => filters[index]!.filter.onData !== undefined);
    const writers = indices.filter((index) => filters[index]!.filter.onWrite !== undefined).reverse();
    this.readers = readers;
    this.writers = writers;
    this.places = indices.map((index) => ({
      read: readers.indexOf(index),
      write: writers.indexOf(index),
      afterRead: readers.filter((reader) => reader <= index).length,
      afterWrite: writers.filter((writer) => writer >= index).length,
    }));
  }

  /**
   * Runs a connection through the chain. The connection is counted from {@link connectionStarted} on, by its owner. `earlier`: what listener filters left.
   */
  accept(connection: Connection, earlier: EarlierData | null = null): Drainable | null {
    if (this.filters.length === 0 && this.terminal !== null)
      return this.terminal.onConnection(connection, earlier ?? UNFILTERED);
    const chained = new ChainConnection(this, connection, earlier);
    chained.start();
    return chained;
  }

  connectionStarted(): void {
    this.#connections++;
  }

  connectionEnded(): void {
    this.#connections--;
    this.#endIfDone();
  }

  /** No new connection takes it; its filters end when the last one is gone. Harmless when called twice. */
  release(): void {
    this.#isReleased = true;
    this.#endIfDone();
  }

  /** A hook threw: counted, named, once a second at most in the log. */
  filterFailed(filter: number, hook: string, error: unknown): void {
    const slot = this.filters[filter]!;
    slot.errors.inc();
    const now = this.environment.clock.now();
    if (now - this.#lastErrorMs < 1000) return;
    this.#lastErrorMs = now;
    this.environment.log.write("error", "network", `filter ${slot.name} failed in ${hook}`, {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }

  #endIfDone(): void {
    if (!this.#isReleased || this.#connections !== 0 || this.#isDone) return;
    this.#isDone = true;
    this.terminal?.retire();
    void this.#dispose();
  }

  async #dispose(): Promise<void> {
    for (const [index, { filter }] of this.filters.entries()) {
      try {
        await filter.dispose?.();
      } catch (error) {
        this.filterFailed(index, "dispose", error);
      }
    }
    for (const logger of this.loggers) logger.release();
    this.#onReleased();
  }
}
