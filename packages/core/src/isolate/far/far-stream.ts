/**
 * The handle of an isolated filter: what a stream is in the filter's thread. It has what can cross; the rest throws a sentence that names it. Inert after the
 * stream's end, as every handle.
 */
import type {
  Direction,
  DynamicMetadata,
  FilterState,
  Headers,
  LocalReplyOptions,
  RequestHeaders,
  ResponseFlag,
  ResponseHeaders,
  Route,
  StreamInfo,
  Timer,
} from "@sluice/sdk";
import { type FromFar, REQUEST_TRAILERS, RESPONSE_TRAILERS, type Snapshot } from "../protocol.ts";
import type { FarCall } from "./far-call.ts";
import { FarDirection } from "./far-direction.ts";
import type { FarFilter } from "./far-filter.ts";
import { FarRequestHeaders, FarResponseHeaders, FarTrailers } from "./far-headers.ts";
import { FarInfo } from "./far-info.ts";
import { FarFilterState, FarMetadata } from "./far-stream-data.ts";
import type { Outbox } from "./outbox.ts";
import { refusingPrototype, undeclared } from "./refusals.ts";

const NO_CONFIGS: readonly never[] = [];

export class FarStream {
  readonly filter: FarFilter;
  readonly number: number;
  readonly outbox: Outbox;
  state: unknown;
  isOver: boolean;
  /** The hook whose code is running before its first await. */
  onStack: FarCall | null;
  /** The open hook of each direction. */
  readonly calls: [FarCall | null, FarCall | null];
  readonly info: StreamInfo;
  readonly metadata: DynamicMetadata;
  readonly filterState: FilterState;
  readonly request: Direction;
  readonly response: Direction;
  #snapshot: Snapshot;
  #abort: AbortController | null;
  #timers: Map<number, (stream: FarStream) => void> | null;

  constructor(filter: FarFilter, number: number, snapshot: Snapshot) {
    this.filter = filter;
    this.number = number;
    this.outbox = filter.outbox;
    this.state = undefined;
    this.isOver = false;
    this.onStack = null;
    this.calls = [null, null];
    this.info = new FarInfo(this);
    this.metadata = new FarMetadata(this);
    this.filterState = new FarFilterState(this);
    this.request = new FarDirection(this, 0);
    this.response = new FarDirection(this, 1);
    this.#snapshot = snapshot;
    this.#abort = null;
    this.#timers = null;
  }

  // ---- what a filter reads ----------------------------------------------------------------------------------------------------------------

  get routeConfigs(): readonly unknown[] {
    const number = this.#snapshot[1];
    return number === -1 ? NO_CONFIGS : this.filter.routeConfigs(number);
  }

  get routeConfig(): unknown {
    return this.routeConfigs.at(-1);
  }

  get requestSeen(): boolean {
    return this.#snapshot[0];
  }

  get id(): string {
    return this.attribute("id", "stream.id") as string;
  }

  get route(): Route | undefined {
    throw new TypeError("stream.route cannot be had outside of inline (runtime: worker)");
  }

  get requestHeaders(): RequestHeaders {
    const known = this.attribute("requestHeaders", "stream.requestHeaders") as string | null;
    const call = this.calls[0];
    if (call?.map instanceof FarRequestHeaders) return this.filter.shownRequest(call.map);
    if (call === null) return this.filter.shownRequest(new FarRequestHeaders(known!, null));
    call.headers ??= new FarRequestHeaders(known!, call);
    return this.filter.shownRequest(call.headers as FarRequestHeaders);
  }

  get responseHeaders(): ResponseHeaders | undefined {
    const known = this.attribute("responseHeaders", "stream.responseHeaders") as string | null;
    const call = this.calls[1];
    if (call?.map instanceof FarResponseHeaders) return this.filter.shownResponse(call.map);
    if (known === null) return undefined;
    if (call === null) return this.filter.shownResponse(new FarResponseHeaders(known, null, "response"));
    call.headers ??= new FarResponseHeaders(known, call, "response");
    return this.filter.shownResponse(call.headers as FarResponseHeaders);
  }

  get requestTrailers(): Headers | undefined {
    return this.#trailers("requestTrailers", REQUEST_TRAILERS, this.calls[0]);
  }

  get responseTrailers(): Headers | undefined {
    return this.#trailers("responseTrailers", RESPONSE_TRAILERS, this.calls[1]);
  }

  #trailers(name: string, hook: number, call: FarCall | null): Headers | undefined {
    const known = this.attribute(name, `stream.${name}`) as string | null;
    if (call !== null && call.hook === hook) return this.filter.shownTrailers(call.map as FarTrailers);
    return known === null ? undefined : new FarTrailers(known, null);
  }

  /** What the filter declared in `reads`. @throws TypeError where it did not. */
  attribute(name: string, what: string): unknown {
    const at = this.filter.attributes.get(name);
    if (at === undefined) throw undeclared(what, name);
    return this.#snapshot[2]![at];
  }

  // ---- what a filter asks for -------------------------------------------------------------------------------------------------------------

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.isOver) this.#abort.abort();
    return this.#abort.signal;
  }

  reply(options: LocalReplyOptions): void {
    this.command(["reply", this.number, options]);
  }

  reset(details?: string, flag?: ResponseFlag): void {
    this.command(["reset", this.number, details, flag]);
  }

  toCluster(): never {
    throw new TypeError("stream.toCluster() cannot be had outside of inline (runtime: worker)");
  }

  clearRouteCache(): void {
    this.command(["clearRouteCache", this.number]);
  }

  resetIdleTimer(): void {
    this.command(["resetIdleTimer", this.number]);
  }

  setTimer(callback: (stream: FarStream) => void, ms: number): Timer {
    const number = this.nextNumber();
    if (this.isOver) return { cancel() {} };
    // -1 would cancel it.
    const delayMs = Math.max(0, ms);
    (this.#timers ??= new Map()).set(number, callback);
    this.command(["setTimer", this.number, number, delayMs]);
    return {
      cancel: () => {
        if (this.#timers?.delete(number) === true) this.command(["setTimer", this.number, number, -1]);
      },
    };
  }

  /** Everything that a filter asks of its stream. Changes that an open hook has made come first, as they would inline. */
  command(entry: FromFar): void {
    if (this.isOver) return;
    for (const call of this.calls) {
      const edits = call === null ? null : call.takeEdits();
      if (edits !== null) this.outbox.add(["edits", call!.number, edits]);
    }
    this.outbox.add(entry);
  }

  nextNumber(): number {
    return this.filter.nextNumber();
  }

  // ---- what the worker says ---------------------------------------------------------------------------------------------------------------

  renew(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    (this.metadata as FarMetadata).renewed();
    (this.filterState as FarFilterState).renewed();
  }

  timerFired(number: number): void {
    const callback = this.#timers?.get(number);
    this.#timers?.delete(number);
    callback?.(this);
  }

  end(): void {
    this.isOver = true;
    this.#timers = null;
    (this.request as FarDirection).end();
    (this.response as FarDirection).end();
    this.#abort?.abort();
  }
}

Object.setPrototypeOf(FarStream.prototype, refusingPrototype("stream"));
