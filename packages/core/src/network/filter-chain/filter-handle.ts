/** A network filter's own view of one connection: the same object in every hook, inert after the end. */
import type {
  ConnectionInfo,
  DynamicMetadata,
  FilterState,
  NetworkConnection,
  NetworkDirection,
  StreamInfo,
  Timer,
  WatermarkListener,
} from "@sluice/sdk";
import type { ChainConnection } from "./chain-connection.ts";
import type { Flow } from "./flow.ts";

/** How long a peer may leave its side open after ours is flushed and closed: Envoy's delayed_close_timeout. */
const DELAYED_CLOSE_MS = 1000;

export class FilterHandle implements NetworkConnection {
  state: unknown = undefined;
  readonly read: DirectionHandle;
  readonly write: DirectionHandle;
  readonly #chained: ChainConnection;
  readonly #afterWrite: number;
  #timers: Set<Timer> | null = null;

  constructor(chained: ChainConnection, filter: number) {
    this.#chained = chained;
    const place = chained.chain.places[filter]!;
    this.#afterWrite = place.afterWrite;
    this.read = new DirectionHandle(chained, chained.read, filter, place.read, place.afterRead);
    this.write = new DirectionHandle(chained, chained.write, filter, place.write, place.afterWrite);
  }

  get connection(): ConnectionInfo {
    return this.#chained.connection.info;
  }

  get info(): StreamInfo {
    return this.#chained.facts;
  }

  get metadata(): DynamicMetadata {
    return this.#chained.facts.metadata;
  }

  get filterState(): FilterState {
    return this.#chained.facts.filterState;
  }

  get signal(): AbortSignal {
    return this.#chained.signal;
  }

  send(data: Uint8Array, end: boolean): void {
    this.write.inject(data, end);
  }

  close(kind: "flush" | "now" | "abort" = "flush", details = ""): void {
    if (kind === "flush") this.#chained.closeFlush(this.#afterWrite, DELAYED_CLOSE_MS, details);
    else this.#chained.close(kind, details);
  }

  setTimer(callback: (connection: NetworkConnection) => void, ms: number): Timer {
    const chained = this.#chained;
    if (chained.isOver) return ENDED;
    const timers = (this.#timers ??= new Set());
    const timer = chained.chain.environment.timers.setTimer(() => {
      timers.delete(owned);
      chained.runTimer(this, callback);
    }, ms);
    const owned: Timer = {
      cancel: () => {
        timers.delete(owned);
        timer.cancel();
      },
    };
    timers.add(owned);
    return owned;
  }

  logAccess(why: "upstream_connected" | "periodic"): void {
    const chained = this.#chained;
    if (!chained.isOver) chained.logAccess(why === "periodic" ? "TcpPeriodic" : "TcpUpstreamConnected");
  }

  /** For the engine: the connection is over. */
  cancelTimers(): void {
    if (this.#timers === null) return;
    for (const timer of this.#timers) timer.cancel();
    this.#timers = null;
  }
}

const ENDED: Timer = { cancel() {} };

class DirectionHandle implements NetworkDirection {
  readonly #chained: ChainConnection;
  readonly #flow: Flow;
  readonly #filter: number;
  readonly #stage: number;
  readonly #after: number;
  #pauses = 0;
  #watcher: WatermarkListener | null = null;

  constructor(chained: ChainConnection, flow: Flow, filter: number, stage: number, after: number) {
    this.#chained = chained;
    this.#flow = flow;
    this.#filter = filter;
    this.#stage = stage;
    this.#after = after;
  }

  resume(): void {
    if (this.#chained.isOver) return;
    this.#refuseInsideHook("resume() inside a hook of its direction: return Continue");
    if (this.#flow === this.#chained.read && this.#chained.resumeOpening(this.#filter)) return;
    if (this.#stage !== -1) this.#flow.release(this.#stage);
  }

  inject(data: Uint8Array, end: boolean): void {
    if (this.#chained.isOver) return;
    this.#refuseInsideHook("inject() inside a hook of its direction: return the bytes");
    if (data.length !== 0 || end) this.#flow.push(this.#after, data, end);
  }

  pause(): void {
    if (this.#chained.isOver) return;
    this.#pauses++;
    this.#flow.pressure.raise();
  }

  unpause(): void {
    if (this.#chained.isOver) return;
    if (this.#pauses === 0) throw new TypeError("unpause() without a pause() of this filter");
    this.#pauses--;
    this.#flow.pressure.lower();
  }

  get aboveWatermark(): boolean {
    return this.#flow.pressure.isHigh;
  }

  watch(watcher: WatermarkListener | null): void {
    const { pressure } = this.#flow;
    if (this.#watcher !== null) pressure.unwatch(this.#watcher);
    this.#watcher = this.#chained.isOver ? null : watcher;
    if (this.#watcher !== null) pressure.watch(this.#watcher);
  }

  #refuseInsideHook(message: string): void {
    if (this.#stage !== -1 && this.#flow.stage(this.#stage).isRunning) throw new TypeError(message);
  }
}
