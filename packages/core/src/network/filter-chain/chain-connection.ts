/**
 * Hot path (docs/extending/hot-path-rules.md). One connection in a network filter chain: opens the filters in order, runs bytes through both flows, joins
 * the socket's watermarks with what filters pause, and ends everything once. What a filter breaks costs its connection and nothing else.
 */
import type { NetworkConnection, NetworkDataVerdict, NetworkVerdict, Timer } from "@sluice/sdk";
import type { LogType } from "../../access-log/log-type.ts";
import type { Connection, ConnectionEvents } from "../connection.ts";
import { ChainTail } from "./chain-tail.ts";
import { ConnectionFacts, type EarlierData } from "./connection-facts.ts";
import { FilterHandle } from "./filter-handle.ts";
import { Flow, type FlowOwner, Stage } from "./flow.ts";
import type { NetworkChain } from "./network-chain.ts";
import { Pressure } from "./pressure.ts";
import type { Drainable } from "./terminal.ts";

const NO_BYTES = new Uint8Array(0);
const STOP = 1;
/** How long write filters may hold what stands between a connection and its orderly close. */
const HELD_CLOSE_MS = 30_000;

export class ChainConnection implements ConnectionEvents, FlowOwner, Drainable {
  readonly chain: NetworkChain;
  readonly connection: Connection;
  readonly facts: ConnectionFacts;
  readonly read: Flow;
  readonly write: Flow;
  /** Nothing runs any more but `onClose`. */
  isOver = false;
  readonly #handles: FilterHandle[] = [];
  /** Filters that are open: their `onNewConnection` has let go. */
  #opened = 0;
  /** Filters whose `onNewConnection` was called: those get `onClose`. */
  #begun = 0;
  /** `onNewConnection` of the next filter said `Stop`, or has an open promise. */
  #openingStopped = false;
  #openingAwaits = false;
  #tail: ChainTail | null = null;
  /** An orderly close is on its way through the write filters. */
  #isClosing = false;
  #closeTimeoutMs = 0;
  #closeTimer: Timer | null = null;
  #abort: AbortController | null = null;

  constructor(chain: NetworkChain, connection: Connection, earlier: EarlierData | null = null) {
    this.chain = chain;
    this.connection = connection;
    const { clock } = chain.environment;
    this.facts = new ConnectionFacts(connection, clock.turnNow(), clock.wallNow(), earlier);
    const onError = (error: unknown): void => this.faulted(error);
    const limit = chain.bufferLimitBytes;
    const stages = (filters: readonly number[]): Stage[] => filters.map((filter) => new Stage(filter));
    this.read = new Flow(this, "onData", stages(chain.readers), new Pressure(connection, onError), limit, false);
    this.write = new Flow(this, "onWrite", stages(chain.writers), new Pressure(null, onError), limit, true);
    for (let i = 0; i < chain.filters.length; i++) this.#handles.push(new FilterHandle(this, i));
  }

  start(): void {
    this.connection.setEvents(this);
    for (let i = 0; i < this.#handles.length && !this.isOver; i++) {
      const { newState } = this.chain.filters[i]!;
      if (newState === null) continue;
      try {
        this.#handles[i]!.state = newState();
      } catch (error) {
        this.filterFailed(i, "newState", error);
      }
    }
    this.#open();
  }

  // ---- opening ------------------------------------------------------------------------------------------------------------------------------

  #open(): void {
    const { filters } = this.chain;
    while (this.#opened < filters.length && !this.isOver) {
      const verdict = this.#begin(this.#opened);
      if (this.isOver) return;
      if (verdict === STOP) {
        this.#openingStopped = true;
        this.read.pressure.raise();
        this.read.openFirst(this.#opened);
        return;
      }
      if (typeof verdict === "object") {
        this.#openingAwaits = true;
        this.read.pressure.raise();
        this.read.openFirst(this.#opened);
        return;
      }
      this.#opened++;
    }
    if (this.isOver) return;
    const { terminal } = this.chain;
    if (terminal !== null) {
      this.#tail = new ChainTail(this);
      this.#tail.drainable = terminal.onConnection(this.#tail, { filterState: this.facts.filterState });
    }
    this.read.openAll();
  }

  #begin(index: number): NetworkVerdict | Promise<NetworkVerdict> {
    const { filter, heartbeatId } = this.chain.filters[index]!;
    this.#begun = index + 1;
    if (filter.onNewConnection === undefined) return undefined;
    this.chain.environment.heartbeat.enter(heartbeatId);
    try {
      const verdict = filter.onNewConnection(this.#handles[index]!);
      if (isPromise(verdict)) this.#awaitOpening(index, verdict);
      else this.#checkOpening(index, verdict);
      return verdict;
    } catch (error) {
      this.filterFailed(index, "onNewConnection", error);
      return undefined;
    }
  }

  #awaitOpening(index: number, promise: Promise<NetworkVerdict>): void {
    Promise.resolve(promise)
      .then(
        (verdict) => {
          if (this.isOver) return;
          this.#openingAwaits = false;
          this.#checkOpening(index, verdict);
          if (this.isOver) return;
          if (verdict === STOP) this.#openingStopped = true;
          else this.#opening();
        },
        (error: unknown) => {
          if (!this.isOver) this.filterFailed(index, "onNewConnection", error);
        },
      )
      .catch((error: unknown) => this.faulted(error));
  }

  #checkOpening(index: number, verdict: NetworkVerdict): void {
    if (verdict === undefined || verdict === 0 || verdict === STOP) return;
    const error = new TypeError(
      "returned what is no verdict, expected nothing, Continue, Stop, or a promise of one of them",
    );
    this.filterFailed(index, "onNewConnection", error);
  }

  /** The filter that held up the opening lets go. */
  #opening(): void {
    this.#opened++;
    this.#open();
    if (!this.isOver) this.read.pressure.lower();
  }

  /** From `resume()`: true where this filter's `onNewConnection` had stopped, or is not done. */
  resumeOpening(filter: number): boolean {
    if (filter !== this.#opened || filter >= this.#begun) return false;
    if (!this.#openingStopped && !this.#openingAwaits) {
      throw new TypeError("resume() inside onNewConnection: return Continue");
    }
    // While its promise is open only that decides.
    if (this.#openingStopped) {
      this.#openingStopped = false;
      this.#opening();
    }
    return true;
  }

  // ---- from the connection ------------------------------------------------------------------------------------------------------------------

  onData(data: Uint8Array): void {
    this.read.push(0, data, false);
  }

  onEnd(): void {
    this.read.push(0, NO_BYTES, true);
  }

  onWriteHigh(): void {
    this.write.pressure.raise();
  }

  onWriteLow(): void {
    this.write.pressure.lower();
  }

  onDrained(): void {
    this.#tail?.checkDrained();
  }

  onClose(error: string): void {
    const { facts, chain } = this;
    facts.endMs = chain.environment.clock.turnNow();
    this.#finish();
    this.#tail?.events.onClose(error);
    for (let i = 0; i < this.#begun; i++) {
      const { filter, heartbeatId } = chain.filters[i]!;
      if (filter.onClose === undefined) continue;
      chain.environment.heartbeat.enter(heartbeatId);
      try {
        filter.onClose(this.#handles[i]!);
      } catch (thrown) {
        chain.filterFailed(i, "onClose", thrown);
      }
    }
    this.logAccess("TcpConnectionEnd");
  }

  // ---- from the flows -----------------------------------------------------------------------------------------------------------------------

  callHook(
    flow: Flow,
    filter: number,
    data: Uint8Array,
    end: boolean,
  ): NetworkDataVerdict | Promise<NetworkDataVerdict> {
    const slot = this.chain.filters[filter]!;
    this.chain.environment.heartbeat.enter(slot.heartbeatId);
    return flow === this.read
      ? slot.filter.onData!(data, end, this.#handles[filter]!)
      : slot.filter.onWrite!(data, end, this.#handles[filter]!);
  }

  sink(flow: Flow, data: Uint8Array, end: boolean): void {
    if (flow === this.write) {
      if (data.length !== 0) this.connection.write(data);
      if (end && this.#isClosing) this.#closeFlushed();
      else if (end) this.connection.end();
      this.#tail?.checkDrained();
      return;
    }
    const tail = this.#tail;
    if (tail === null) return;
    if (data.length !== 0) tail.events.onData(data);
    if (end && !this.isOver) tail.events.onEnd();
  }

  filterFailed(filter: number, hook: string, error: unknown): void {
    this.chain.filterFailed(filter, hook, error);
    this.close("abort", "network_filter_error");
  }

  faulted(error: unknown): void {
    this.chain.environment.log.write("error", "network", "a network filter chain failed", {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    this.close("abort", "internal_error");
  }

  // ---- from the handles ---------------------------------------------------------------------------------------------------------------------

  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.isOver) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  /** Closes at once; what waits is dropped. */
  close(kind: "now" | "abort", details: string): void {
    if (this.isOver) return;
    this.facts.terminated(details);
    this.#finish();
    this.connection.destroy(kind === "abort");
  }

  /**
   * Closes after everything that was written before stage `from` of the write flow has left, what filters hold included: the end goes through the flow
   * like any other bytes. No read hook runs any more.
   */
  closeFlush(from: number, timeoutMs: number, details: string): void {
    if (this.isOver || this.#isClosing) return;
    this.facts.terminated(details);
    this.#isClosing = true;
    this.#closeTimeoutMs = timeoutMs;
    this.read.close();
    this.write.push(from, NO_BYTES, true);
    if (this.isOver) return;
    if (this.write.hasSunkEnd) this.#closeFlushed();
    else this.#closeTimer = this.chain.environment.timers.setTimer(() => this.#closeFlushed(), HELD_CLOSE_MS);
  }

  #closeFlushed(): void {
    if (this.isOver) return;
    this.#finish();
    this.connection.closeAfterFlush(this.#closeTimeoutMs);
  }

  runTimer(handle: FilterHandle, callback: (connection: NetworkConnection) => void): void {
    if (this.isOver) return;
    const filter = this.#handles.indexOf(handle);
    this.chain.environment.heartbeat.enter(this.chain.filters[filter]!.heartbeatId);
    try {
      callback(handle);
    } catch (error) {
      this.filterFailed(filter, "a timer", error);
    }
  }

  logAccess(type: LogType): void {
    this.facts.logType = type;
    for (const logger of this.chain.loggers) logger.log(this.facts);
  }

  // ---- from the chain's tail, and from a draining listener ------------------------------------------------------------------------------------

  /** The terminal ends the connection at once. */
  finishFromTail(): void {
    this.#finish();
  }

  drain(): void {
    this.#tail?.drainable?.drain();
  }

  closeIfIdle(): void {
    this.#tail?.drainable?.closeIfIdle();
  }

  #finish(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.read.close();
    this.write.close();
    this.read.pressure.end();
    this.write.pressure.end();
    this.#closeTimer?.cancel();
    for (const handle of this.#handles) handle.cancelTimers();
    this.#abort?.abort();
  }
}

function isPromise(value: unknown): value is Promise<NetworkVerdict> {
  return typeof value === "object" && typeof (value as { then?: unknown } | null)?.then === "function";
}
