/**
 * One connection in its listener's filters, from accept until all of them have let go: runs the hooks one filter after another, keeps the bytes that were read
 * and nobody consumed, and hands them on with the connection. Knows no socket: the bytes come from a {@link PeekSource}, which a {@link Connection} is too.
 */
import type { ListenerConnection, ListenerVerdict } from "@sluice/sdk";
import { StreamFilterState, StreamMetadata } from "../http/chain/stream-data.ts";
import { type ConnectionEvents, retainReadBuffer } from "../network/connection.ts";
import type { SocketInfo } from "../network/connection-info.ts";
import type { EarlierData } from "../network/filter-chain/connection-facts.ts";
import { TimerNode } from "../timing/clock.ts";
import type { ListenerFilterChain } from "./listener-filter-chain.ts";
import { ListenerFilterHandle } from "./listener-filter-handle.ts";
import { PeekBytes } from "./peek-bytes.ts";

const NO_BYTES = new Uint8Array(0);
const STOP = 1;
type MaybeLater = ListenerVerdict | Promise<ListenerVerdict>;

/** Where the bytes of a connection come from. */
export interface PeekSource {
  /** Not counted: at most one `pause` before an `unpause`. May take back what is held (`takeHeld`); it then comes again, by `onData`, within `unpause`. */
  pause(): void;
  unpause(): void;
  destroy(abort: boolean): void;
}

/** Who has the connection afterwards. */
export interface PeekSink {
  /** All filters have let go. `rest` are the bytes that nobody consumed; `hasEnded`: the client sends no more. */
  onFiltered(rest: Uint8Array, hasEnded: boolean): void;
}

/** What the run waits for. */
type Waiting = "nothing" | "bytes" | "resume" | "promise";

export class ListenerFilterRun extends TimerNode implements ConnectionEvents {
  readonly chain: ListenerFilterChain;
  readonly info: SocketInfo;
  /** The filters' time is over: the connection went on, or is being closed. */
  isOver = false;
  readonly #source: PeekSource;
  readonly #sink: PeekSink;
  readonly #handles: ListenerFilterHandle[] = [];
  /** The filter whose turn it is, and whether its `onAccept` is done. */
  #filter = 0;
  #isAccepted = false;
  #waiting: Waiting = "nothing";
  #isRunningHook = false;
  readonly #bytes = new PeekBytes();
  #hasEnded = false;
  /** Closed by this side, or gone. */
  #isClosed = false;
  #isGone = false;
  #abort: AbortController | null = null;
  #metadata: StreamMetadata | null = null;
  #filterState: StreamFilterState | null = null;

  constructor(chain: ListenerFilterChain, source: PeekSource, info: SocketInfo, sink: PeekSink) {
    super();
    this.chain = chain;
    this.info = info;
    this.#source = source;
    this.#sink = sink;
    for (let i = 0; i < chain.filters.length; i++) this.#handles.push(new ListenerFilterHandle(this, i));
  }

  start(): void {
    const { stats, timeoutMs, environment } = this.chain;
    stats.active.inc();
    if (timeoutMs !== 0) environment.timers.arm(this, timeoutMs);
    this.#advance();
  }

  get metadata(): StreamMetadata {
    return (this.#metadata ??= new StreamMetadata());
  }

  get filterState(): StreamFilterState {
    return (this.#filterState ??= new StreamFilterState(null));
  }

  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#isClosed) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  /** What filters left for those that come after; null: nothing. */
  get left(): EarlierData | null {
    if (this.#metadata === null && this.#filterState === null) return null;
    return { metadata: this.#metadata, filterState: this.#filterState };
  }

  /** Whether somebody waits for the end of the connection after it went on. */
  get awaitsClose(): boolean {
    return this.chain.hasCloseHooks || this.#abort !== null;
  }

  // ---- from the source ----------------------------------------------------------------------------------------------------------------------

  onData(data: Uint8Array): void {
    if (this.isOver) return;
    retainReadBuffer();
    this.#bytes.append(data);
    if (this.#waiting === "bytes") this.#advance();
  }

  onEnd(): void {
    if (this.isOver) return;
    this.#hasEnded = true;
    if (this.#waiting === "bytes") this.#left();
  }

  /** The connection is gone: also when it had gone on. Told by its owner, once. */
  onClose(): void {
    if (this.#isGone) return;
    if (!this.isOver) {
      this.chain.stats.remoteCloses.inc();
      this.#finish();
    }
    this.#isGone = true;
    this.#isClosed = true;
    this.#abort?.abort();
    const last = Math.min(this.#filter, this.#handles.length - 1);
    for (let i = 0; i <= last; i++) {
      const { filter, heartbeatId } = this.chain.filters[i]!;
      if (filter.onClose === undefined) continue;
      this.chain.environment.heartbeat.enter(heartbeatId);
      try {
        filter.onClose(this.#handles[i]!);
      } catch (error) {
        this.chain.filterFailed(i, "onClose", error);
      }
    }
  }

  onWriteHigh(): void {}
  onWriteLow(): void {}
  onDrained(): void {}

  /** The listener ends it. */
  end(): void {
    if (!this.isOver) this.#close(false);
  }

  /** For a source that keeps the bytes itself while it is paused. */
  takeHeld(): Uint8Array {
    return this.#bytes.take();
  }

  // ---- the filters, one after another -------------------------------------------------------------------------------------------------------

  #advance(): void {
    const { filters } = this.chain;
    this.#waiting = "nothing";
    while (!this.isOver) {
      if (this.#filter === filters.length) {
        this.#pass();
        return;
      }
      const verdict = this.#isAccepted ? this.#peek() : this.#accept();
      if (verdict === null || this.isOver) return;
      this.#apply(verdict);
      if (this.#waiting !== "nothing") return;
    }
  }

  #accept(): ListenerVerdict | null {
    const handle = this.#handles[this.#filter]!;
    const { filter, newState } = this.chain.filters[this.#filter]!;
    if (newState !== null) {
      try {
        handle.state = newState();
      } catch (error) {
        this.#failed("newState", error);
        return null;
      }
    }
    if (filter.onAccept === undefined) return undefined;
    return this.#call("onAccept", NO_BYTES);
  }

  /** null: it has not seen all that it wants, and there is no more; or it is not done. */
  #peek(): ListenerVerdict | null {
    const { filter } = this.chain.filters[this.#filter]!;
    const { maxPeekBytes } = this.#handles[this.#filter]!;
    if (filter.onPeek === undefined || maxPeekBytes === 0) return undefined;
    const data = this.#bytes.look(maxPeekBytes);
    if (data !== null) return this.#call("onPeek", data);
    if (this.#bytes.hasShown(maxPeekBytes))
      this.#failed("onPeek", new Error(`wants more than its ${maxPeekBytes} bytes`));
    else if (this.#hasEnded) this.#left();
    else this.#waiting = "bytes";
    return null;
  }

  /** null: it threw, or its promise is open. */
  #call(hook: "onAccept" | "onPeek", data: Uint8Array): ListenerVerdict | null {
    const { filter, heartbeatId } = this.chain.filters[this.#filter]!;
    const handle = this.#handles[this.#filter]!;
    this.chain.environment.heartbeat.enter(heartbeatId);
    let verdict: MaybeLater;
    this.#isRunningHook = true;
    try {
      verdict = hook === "onPeek" ? filter.onPeek!(data, handle) : filter.onAccept!(handle);
    } catch (error) {
      this.#failed(hook, error);
      return null;
    } finally {
      this.#isRunningHook = false;
    }
    if (!isPromise(verdict)) return this.#checked(hook, verdict);
    if (this.isOver) {
      // Nobody waits for it any more.
      verdict.then(undefined, () => {});
      return null;
    }
    this.#await(hook, verdict);
    return null;
  }

  #await(hook: "onAccept" | "onPeek", promise: Promise<ListenerVerdict>): void {
    this.#hold("promise");
    Promise.resolve(promise)
      .then(
        (settled) => {
          if (this.isOver) return;
          this.#letGo();
          const verdict = this.#checked(hook, settled);
          if (verdict === null) return;
          this.#apply(verdict);
          if (this.#waiting === "nothing") this.#advance();
        },
        (error: unknown) => {
          if (!this.isOver) this.#failed(hook, error);
        },
      )
      .catch((error: unknown) => this.#faulted(error));
  }

  #checked(hook: string, verdict: ListenerVerdict): ListenerVerdict | null {
    if (verdict === undefined || verdict === 0 || verdict === STOP) return verdict;
    const expected = "nothing, Continue, Stop, or a promise of one of them";
    this.#failed(hook, new TypeError(`returned what is no verdict, expected ${expected}`));
    return null;
  }

  #apply(verdict: ListenerVerdict): void {
    this.#bytes.settle();
    if (!this.#isAccepted) {
      this.#isAccepted = true;
      if (verdict === STOP) this.#hold("resume");
    } else if (verdict !== STOP) this.#next();
  }

  #next(): void {
    this.#bytes.turn();
    this.#filter++;
    this.#isAccepted = false;
  }

  /** Nothing is read until `#letGo`. */
  #hold(waiting: "resume" | "promise"): void {
    this.#waiting = waiting;
    this.#source.pause();
  }

  #letGo(): void {
    const held = this.#waiting;
    this.#waiting = "nothing";
    if (held === "resume" || held === "promise") this.#source.unpause();
  }

  // ---- from the handles ---------------------------------------------------------------------------------------------------------------------

  consume(filter: number, count: number): void {
    if (filter !== this.#filter) throw new TypeError("consume() out of turn");
    this.#bytes.consume(count);
  }

  resume(filter: number): void {
    if (filter !== this.#filter || this.#waiting === "promise") return;
    if (this.#isRunningHook) throw new TypeError("resume() inside a hook: return Continue");
    if (this.#waiting === "nothing") return;
    const isPeeking = this.#waiting === "bytes";
    this.#letGo();
    if (isPeeking) this.#next();
    this.#advance();
  }

  refuse(filter: number, isAbort: boolean, details: string): void {
    const { log } = this.chain.environment;
    if (log.enabled("debug"))
      log.write("debug", "listener", `filter ${this.chain.filters[filter]!.name} refused a connection`, {
        connection: this.info.id,
        details,
      });
    this.#close(isAbort);
  }

  runTimer(filter: number, callback: (connection: ListenerConnection) => void): void {
    if (this.isOver) return;
    this.chain.environment.heartbeat.enter(this.chain.filters[filter]!.heartbeatId);
    try {
      callback(this.#handles[filter]!);
    } catch (error) {
      this.#failed("a timer", error, filter);
    }
  }

  // ---- the end ------------------------------------------------------------------------------------------------------------------------------

  /** listener_filters_timeout */
  override onTimeout(): void {
    if (this.isOver) return;
    this.chain.stats.timeouts.inc();
    if (!this.chain.continueOnTimeout) {
      this.#close(false);
      return;
    }
    this.#letGo();
    this.#bytes.settle();
    this.#pass();
  }

  #pass(): void {
    this.#finish();
    this.#sink.onFiltered(this.#bytes.take(), this.#hasEnded);
  }

  /** The client said all that it will, and it was not enough. */
  #left(): void {
    this.chain.stats.remoteCloses.inc();
    this.#close(false);
  }

  #failed(hook: string, error: unknown, filter = this.#filter): void {
    this.chain.filterFailed(filter, hook, error);
    if (this.isOver) return;
    this.chain.stats.errors.inc();
    this.#close(true);
  }

  /** Our own mistake, in a promise's wake: it costs this connection. */
  #faulted(error: unknown): void {
    this.chain.environment.log.write("error", "listener", "listener filters failed", {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    if (!this.isOver) this.#close(true);
    else this.#source.destroy(true);
  }

  #close(isAbort: boolean): void {
    this.#finish();
    this.#bytes.take();
    this.#isClosed = true;
    this.#abort?.abort();
    this.#source.destroy(isAbort);
  }

  #finish(): void {
    this.isOver = true;
    const { stats, environment } = this.chain;
    stats.active.dec();
    environment.timers.cancel(this);
    for (const handle of this.#handles) handle.cancelTimers();
  }
}

function isPromise(value: unknown): value is Promise<ListenerVerdict> {
  return typeof value === "object" && typeof (value as { then?: unknown } | null)?.then === "function";
}
