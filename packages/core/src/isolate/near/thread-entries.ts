/**
 * What a filter's thread says, carried out: outcomes of hooks, and what filters ask of their streams in between, in the order in which they did. A command that the engine
 * refuses is the filter's failure, as it would have thrown inline.
 */
import type { Counter, DataVerdict, Direction, Gauge, Histogram, Timer } from "@sluice/sdk";
import { PHASE_TRAILERS } from "../../http/chain/hold-list.ts";
import { HeaderMap } from "../../http/headers/header-map.ts";
import {
  ASKED,
  directionOf,
  type DirectionNumber,
  fromFarError,
  type FromFar,
  type FromFarMessage,
  type ToFar,
  toFarError,
} from "../protocol.ts";
import { applyEdits, readTrailers } from "../sections.ts";
import { AskedRequests } from "./asked-requests.ts";
import type { FilterThread } from "./filter-thread.ts";
import type { OpenCall, RemoteStream } from "./remote-stream.ts";

type Entry<Kind extends FromFar[0]> = Extract<FromFar, readonly [kind: Kind, ...rest: unknown[]]>;

/** How a thread came up: the names of its filter's hooks, or why there are none. */
export interface Ready {
  readonly hooks: readonly string[];
  readonly refusal: string | null;
}

export class ThreadEntries {
  readonly ready: Promise<Ready>;
  readonly disposed: Promise<void>;
  readonly #thread: FilterThread;
  readonly #metrics = new Map<number, Counter | Gauge | Histogram>();
  /** By how much the thread has raised its gauges, by their number. */
  readonly #raised = new Map<number, number>();
  readonly #timers = new Map<number, Timer>();
  readonly #requests: AskedRequests;
  #onReady!: (ready: Ready) => void;
  #onDisposed!: () => void;
  #metricProblem: string | null = null;

  constructor(thread: FilterThread) {
    this.#thread = thread;
    this.#requests = new AskedRequests(thread);
    this.ready = new Promise((resolve) => {
      this.#onReady = resolve;
    });
    this.disposed = new Promise((resolve) => {
      this.#onDisposed = resolve;
    });
  }

  /** Nothing that a thread says ends its worker, or keeps what else it says from being heard. */
  receive(message: FromFarMessage): void {
    for (let i = 0; i < message.length; i++) {
      try {
        this.#take(message[i]!);
      } catch (error) {
        this.#notDone(message[i]!, error as Error);
      }
    }
  }

  #take(entry: FromFar): void {
    switch (entry[0]) {
      case "outcome":
        return this.#outcome(entry);
      case "counts":
        return this.#counts(entry[1]);
      case "failure":
        return this.#failure(entry);
      case "edits":
        return this.#edits(entry[1], entry[2]);
      case "ready":
        return this.#onReady({ hooks: entry[1], refusal: this.#metricProblem });
      case "refused":
        return this.#onReady({ hooks: [], refusal: entry[1] });
      case "disposed":
        if (entry[1] !== null) this.#log("the filter failed in dispose", fromFarError(entry[1]));
        return this.#onDisposed();
      case "metric":
        return this.#metric(entry);
      case "measure":
        return this.#measure(entry);
      case "log":
        return this.#thread.filter.context.logger[entry[1]](entry[2], entry[3]);
      case "rejection":
        this.#thread.filter.stats.unhandledRejections.inc();
        return this.#log("a promise was rejected and nobody handled it", fromFarError(entry[1]));
      case "setTimer":
        return this.#setTimer(entry);
      case "ask":
        return this.#requests.ask(entry[1], entry[2]);
      case "askData":
        return this.#requests.bodyData(entry[1], entry[2], entry[3]);
      case "pullAnswer":
        return this.#requests.pull(entry[1]);
      case "cancel":
        return this.#requests.cancel(entry[1]);
      default:
        return this.#command(entry);
    }
  }

  /** As what a callback of a stream threw; elsewhere it is told and counted. */
  #notDone(entry: FromFar, error: Error): void {
    const { streams, filter } = this.#thread;
    const stream = entry[0] === "setTimer" ? streams.get(entry[1]) : undefined;
    if (stream !== undefined) return stream.fail(stream.openHook("setTimer"), error);
    filter.context.stats.counter("errors").inc();
    this.#log(`what the filter's thread asks for (${entry[0]}) cannot be done`, error);
  }

  /** An entry that could not cross. */
  notSent(entry: ToFar, error: Error): void {
    const why = new Error(`what the filter reads cannot be cloned: ${error.message}`);
    if (entry[0] === "call") this.#thread.open.get(entry[2])?.stream.fail(ASKED[entry[3]]!, why);
    else this.#log("the filter's thread could not be told", why);
  }

  /** The thread is gone. */
  end(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    // Whoever would have lowered them is gone.
    for (const [number, amount] of this.#raised) (this.#metrics.get(number) as Gauge).dec(amount);
    this.#raised.clear();
    this.#requests.end();
  }

  // ---- hooks ------------------------------------------------------------------------------------------------------------------------------

  #outcome([, number, verdict, data, edits, trailers]: Entry<"outcome">): void {
    const call = this.#close(number);
    if (call === undefined) return;
    const { stream } = call;
    const direction = directionOf(call.hook);
    const flow = stream.flow(direction);
    if (flow.inert) return call.resolve(undefined);
    stream.settled(call.hook, verdict);
    if (edits !== null && !this.#apply(call, edits)) return;
    if (trailers !== null) {
      const hold = flow.findHold(stream.handle!.slot.slot);
      if (hold !== null) hold.addedTrailers = new HeaderMap(readTrailers(trailers));
    }
    call.resolve((data ?? verdict) as DataVerdict);
  }

  #failure([, number, error]: Entry<"failure">): void {
    this.#close(number)?.reject(fromFarError(error));
  }

  #close(number: number): OpenCall | undefined {
    const { open } = this.#thread;
    const call = open.get(number);
    if (call === undefined) return undefined;
    open.delete(number);
    const { calls } = call.stream;
    calls.splice(calls.indexOf(call), 1);
    return call;
  }

  #edits(number: number, edits: readonly string[]): void {
    const call = this.#thread.open.get(number);
    if (call !== undefined && !call.stream.flow(directionOf(call.hook)).inert) this.#apply(call, edits);
  }

  #apply(call: OpenCall, edits: readonly string[]): boolean {
    const { stream } = call.stream.handle!;
    try {
      applyEdits(
        { request: stream.requestHeaders, response: stream.responseHeaders ?? undefined, own: call.headers },
        edits,
      );
      return true;
    } catch (error) {
      call.reject(error as Error);
      return false;
    }
  }

  // ---- what a filter asks of a stream -----------------------------------------------------------------------------------------------------

  #command(entry: FromFar): void {
    const stream = this.#thread.streams.get(entry[1] as number);
    if (stream === undefined) return;
    try {
      if (entry[0] === "error") stream.fail(entry[2], fromFarError(entry[3]));
      else this.#perform(stream, entry);
    } catch (error) {
      stream.fail(stream.openHook("timer"), error as Error);
    }
  }

  #perform(stream: RemoteStream, entry: FromFar): void {
    const handle = stream.handle!;
    switch (entry[0]) {
      case "resume":
        stream.held[entry[2]] = false;
        return view(stream, entry[2]).resume();
      case "inject":
        return this.#inject(stream, entry);
      case "askBody":
        return this.#askBody(stream, entry);
      case "replaceBody":
        return view(stream, entry[2]).replaceBody(entry[3]);
      case "pause":
        return pause(stream, entry[2], entry[3]);
      case "watch":
        return this.#watch(stream, entry[2], entry[3]);
      case "bufferLimit":
        view(stream, entry[2]).bufferLimit = entry[3];
        return undefined;
      case "reply":
        return handle.reply(entry[2]);
      case "reset":
        return handle.reset(entry[2], entry[3]);
      case "clearRouteCache":
        return handle.clearRouteCache();
      case "resetIdleTimer":
        return handle.resetIdleTimer();
      case "flag":
        return handle.info.addFlag(entry[2]);
      case "details":
        return handle.info.setDetails(entry[2]);
      case "metadata":
        return handle.metadata.set(entry[2], entry[3]);
      case "filterState":
        return handle.filterState.set(entry[2], entry[3], { readOnly: entry[4], life: entry[5] });
      default:
        throw new TypeError(`the filter's thread says "${entry[0]}", which is not known here`);
    }
  }

  #inject(stream: RemoteStream, [, , direction, data, end, call]: Entry<"inject">): void {
    if (call === -1) return view(stream, direction).inject(data, end);
    const flow = stream.flow(direction);
    const hold = flow.findHold(stream.handle!.slot.slot);
    if (hold === null) return;
    if (hold.phase === PHASE_TRAILERS) flow.injectAhead(hold, data, end);
    // What a headers hook injects before its first await follows the headers, whatever its verdict.
    else if (hold.headersHeld) (hold.injected ??= []).push({ data, end });
  }

  #askBody(stream: RemoteStream, [, number, direction, body, limit]: Entry<"askBody">): void {
    const thread = this.#thread;
    const { filter } = thread;
    // It waits for its peer, not for the filter.
    const waiting = stream.calls.filter(({ hook }) => directionOf(hook) === direction);
    for (const call of waiting) call.deadlineMs = Number.POSITIVE_INFINITY;
    const goOn = (): void => {
      for (const call of waiting) call.deadlineMs = filter.host.clock.now() + filter.options.maxHeldTimeMs;
    };
    view(stream, direction)
      .body(limit)
      .then(
        (data) => {
          goOn();
          const copy = new Uint8Array(data);
          thread.transfer(copy.buffer);
          thread.post(["body", number, body, copy, null]);
        },
        (error: unknown) => {
          goOn();
          thread.post(["body", number, body, null, toFarError(error)]);
        },
      );
  }

  #watch(stream: RemoteStream, direction: DirectionNumber, isOn: boolean): void {
    const thread = this.#thread;
    const { number } = stream;
    const tell = (isAbove: boolean) => () => thread.post(["watermark", number, direction, isAbove]);
    view(stream, direction).watch(isOn ? { onAboveHighWatermark: tell(true), onBelowLowWatermark: tell(false) } : null);
  }

  #setTimer([, number, timer, ms]: Entry<"setTimer">): void {
    if (number === -1) {
      this.#timers.get(timer)?.cancel();
      this.#timers.delete(timer);
      if (ms === -1) return;
      const { context } = this.#thread.filter;
      const fire = (): void => {
        this.#timers.delete(timer);
        this.#thread.post(["contextTimer", timer]);
      };
      this.#timers.set(timer, context.setTimer(fire, ms));
      return;
    }
    const stream = this.#thread.streams.get(number);
    if (ms === -1) stream?.cancelTimer(timer);
    else stream?.setTimer(timer, ms);
  }

  // ---- statistics -------------------------------------------------------------------------------------------------------------------------

  #metric([, number, kind, isRoot, name, bounds]: Entry<"metric">): void {
    const { context } = this.#thread.filter;
    const stats = isRoot ? context.rootStats : context.stats;
    try {
      if (kind === "histogram") this.#metrics.set(number, stats.histogram(name, bounds ?? undefined));
      else this.#metrics.set(number, kind === "counter" ? stats.counter(name) : stats.gauge(name));
    } catch (error) {
      this.#metricProblem ??= (error as Error).message;
      this.#log("a metric of the filter cannot be had", error as Error);
    }
  }

  #counts(pairs: readonly number[]): void {
    for (let i = 0; i < pairs.length; i += 2) (this.#metrics.get(pairs[i]!) as Counter | undefined)?.inc(pairs[i + 1]!);
  }

  #measure([, number, operation, value]: Entry<"measure">): void {
    const metric = this.#metrics.get(number);
    if (metric === undefined) return;
    if (operation === "record") return (metric as Histogram).record(value);
    (metric as Gauge)[operation](value);
    if (operation === "set") this.#raised.delete(number);
    else this.#raised.set(number, (this.#raised.get(number) ?? 0) + (operation === "inc" ? value : -value));
  }

  #log(message: string, error: Error): void {
    this.#thread.filter.context.logger.error(message, { error: error.stack ?? error.message });
  }
}

function view(stream: RemoteStream, direction: DirectionNumber): Direction {
  const { request, response } = stream.handle!;
  return direction === 0 ? request : response;
}

function pause(stream: RemoteStream, direction: DirectionNumber, isPause: boolean): void {
  const at = view(stream, direction);
  if (isPause) {
    stream.pauses[direction]++;
    at.pause();
  } else if (stream.pauses[direction] > 0) {
    stream.pauses[direction]--;
    at.unpause();
  }
}
