/** Hot path of isolated filters. The filter in its thread: runs hooks as messages ask for them, and tells what came of them. */
import type { DataVerdict, HttpFilter, RequestHeaders, ResponseHeaders, Headers, Verdict } from "@sluice/sdk";
import { Continue } from "@sluice/sdk";
import { readOnlyRequest, readOnlyResponse, readOnlyTrailers } from "../../http/chain/read-only-headers.ts";
import { judge } from "../../registry/schema.ts";
import type { AnyHttpFilterDefinition } from "../../registry/registry.ts";
import type { Json } from "../../config/model.ts";
import {
  ASKED,
  type CallEntry,
  directionOf,
  type FarStart,
  INFORMATIONAL,
  NO_HOOK,
  REQUEST_DATA,
  REQUEST_HEADERS,
  REQUEST_TRAILERS,
  RESPONSE_DATA,
  RESPONSE_HEADERS,
  RESPONSE_TRAILERS,
  type Snapshot,
  type ToFar,
  type ToFarMessage,
  toFarError,
} from "../protocol.ts";
import { trailersSection } from "../sections.ts";
import { FarCall } from "./far-call.ts";
import type { FarContext, Levels } from "./far-context.ts";
import type { FarDirection } from "./far-direction.ts";
import type { FarRequestHeaders, FarResponseHeaders, FarTrailers } from "./far-headers.ts";
import { FarStream } from "./far-stream.ts";
import type { Outbox } from "./outbox.ts";

export type FarHooks = HttpFilter<unknown, unknown, FarStream>;

export class FarFilter {
  readonly outbox: Outbox;
  /** The attributes that snapshots carry, by name. */
  readonly attributes: ReadonlyMap<string, number>;
  readonly #definition: AnyHttpFilterDefinition;
  readonly #hooks: FarHooks;
  readonly #context: FarContext;
  readonly #levels: Levels;
  readonly #streams = new Map<number, FarStream>();
  readonly #routes = new Map<number, readonly Json[]>();
  readonly #judged = new Map<number, readonly unknown[]>();
  readonly #readOnly: boolean;
  #nextNumber = 0;

  constructor(
    start: FarStart,
    definition: AnyHttpFilterDefinition,
    hooks: FarHooks,
    context: FarContext,
    levels: Levels,
    outbox: Outbox,
  ) {
    this.outbox = outbox;
    this.attributes = new Map(start.attributes.map((name, at) => [name, at]));
    this.#definition = definition;
    this.#hooks = hooks;
    this.#context = context;
    this.#levels = levels;
    this.#readOnly = definition.mutatesHeaders === false;
  }

  receive(message: ToFarMessage): void {
    this.outbox.received();
    this.#levels.bits = message[0];
    for (let i = 1; i < message.length; i++) this.#take(message[i] as ToFar);
  }

  nextNumber(): number {
    return this.#nextNumber++;
  }

  /** Of a route, as the filter's schema makes them. */
  routeConfigs(number: number): readonly unknown[] {
    let configs = this.#judged.get(number);
    if (configs === undefined) {
      configs = this.#routes.get(number)!.map((json) => this.#routeConfig(json));
      this.#judged.set(number, configs);
    }
    return configs;
  }

  /** Maps as the filter sees them: those of one that declares `mutatesHeaders: false` refuse changes. */
  shownRequest(map: FarRequestHeaders): RequestHeaders {
    return this.#readOnly ? readOnlyRequest(map) : map;
  }

  shownResponse(map: FarResponseHeaders): ResponseHeaders {
    return this.#readOnly ? readOnlyResponse(map) : map;
  }

  shownTrailers(map: FarTrailers): Headers {
    return this.#readOnly ? readOnlyTrailers(map) : map;
  }

  #take(entry: ToFar): void {
    switch (entry[0]) {
      case "call":
        return this.#call(entry);
      case "destroy":
        return this.#destroy(entry[1], entry[2]);
      case "complete":
        return this.#tell(entry[1], "onStreamComplete", entry[2], (stream) =>
          this.#hooks.onStreamComplete?.(stream.info, stream),
        );
      case "localReply":
        return this.#tell(entry[1], "onLocalReply", entry[3], (stream) => this.#hooks.onLocalReply?.(entry[2], stream));
      case "timer":
        return this.#tell(entry[1], "timer", entry[3], (stream) => stream.timerFired(entry[2]));
      case "watermark":
        return this.#tell(entry[1], "watch", null, (stream) =>
          (entry[2] === 0 ? (stream.request as FarDirection) : (stream.response as FarDirection)).watermark(entry[3]),
        );
      case "body":
        return this.#body(entry);
      case "contextTimer":
        return this.#contextTimer(entry[1]);
      case "routes":
        this.#routes.set(entry[1], entry[2]);
        return undefined;
      case "dispose":
        void this.#dispose();
        return undefined;
      default:
        return this.#context.requests.take(entry);
    }
  }

  #stream(number: number, snapshot: Snapshot): FarStream {
    let stream = this.#streams.get(number);
    if (stream === undefined) {
      stream = new FarStream(this, number, snapshot);
      this.#streams.set(number, stream);
      const { newState } = this.#definition;
      if (newState !== undefined) stream.state = newState();
    } else stream.renew(snapshot);
    return stream;
  }

  // ---- hooks that answer ------------------------------------------------------------------------------------------------------------------

  #call([, number, callNumber, hook, end, section, data, snapshot]: CallEntry): void {
    this.outbox.begin(hook, number);
    const call = new FarCall(callNumber, hook, end, section);
    let stream: FarStream;
    let verdict: DataVerdict | Promise<DataVerdict>;
    try {
      stream = this.#stream(number, snapshot);
    } catch (error) {
      this.outbox.add(["failure", callNumber, toFarError(error)]);
      return;
    }
    const direction = directionOf(hook);
    if (hook !== INFORMATIONAL) stream.calls[direction] = call;
    stream.onStack = call;
    try {
      verdict = this.#run(call, data, stream);
    } catch (error) {
      stream.onStack = null;
      this.#failed(stream, call, error);
      return;
    }
    stream.onStack = null;
    if (typeof verdict === "object" && verdict !== null && "then" in verdict) {
      Promise.resolve(verdict).then(
        (settled) => this.#settled(stream, call, settled),
        (error: unknown) => this.#failed(stream, call, error),
      );
    } else this.#settled(stream, call, verdict);
  }

  #run(call: FarCall, data: Uint8Array | null, stream: FarStream): DataVerdict | Promise<DataVerdict> {
    const hooks = this.#hooks;
    const { map, end } = call;
    switch (call.hook) {
      case REQUEST_HEADERS:
        return hooks.onRequestHeaders!(this.shownRequest(map as FarRequestHeaders), end, stream);
      case REQUEST_DATA:
        return hooks.onRequestData!(data!, end, stream);
      case REQUEST_TRAILERS:
        return hooks.onRequestTrailers!(this.shownTrailers(map as FarTrailers), stream);
      case INFORMATIONAL:
        return hooks.onInformational!(this.shownResponse(map as FarResponseHeaders), stream);
      case RESPONSE_HEADERS:
        return hooks.onResponseHeaders!(this.shownResponse(map as FarResponseHeaders), end, stream);
      case RESPONSE_DATA:
        return hooks.onResponseData!(data!, end, stream);
      case RESPONSE_TRAILERS:
        return hooks.onResponseTrailers!(this.shownTrailers(map as FarTrailers), stream);
      default:
        throw new TypeError(`hook ${call.hook} is not known`);
    }
  }

  #settled(stream: FarStream, call: FarCall, verdict: DataVerdict): void {
    this.#leave(stream, call);
    const trailers = call.trailers === null ? null : trailersSection(call.trailers);
    const isData = verdict instanceof Uint8Array;
    if (!isData && !isVerdict(verdict)) {
      const message = `${ASKED[call.hook]!} returned what is not a verdict`;
      this.outbox.add(["failure", call.number, toFarError(new TypeError(message))]);
      return;
    }
    const data = isData ? this.outbox.copyOf(verdict) : null;
    const rest: Verdict = isData ? undefined : (verdict ?? Continue);
    this.outbox.add(["outcome", call.number, rest, data, call.takeEdits(), trailers]);
  }

  #failed(stream: FarStream, call: FarCall, error: unknown): void {
    this.#leave(stream, call);
    this.outbox.add(["failure", call.number, toFarError(error)]);
  }

  #leave(stream: FarStream, call: FarCall): void {
    const direction = directionOf(call.hook);
    if (stream.calls[direction] === call) stream.calls[direction] = null;
  }

  // ---- hooks and callbacks that are told --------------------------------------------------------------------------------------------------

  #tell(number: number, where: string, snapshot: Snapshot | null, run: (stream: FarStream) => unknown): void {
    this.outbox.begin(NO_HOOK, number);
    try {
      const stream = snapshot === null ? this.#streams.get(number) : this.#stream(number, snapshot);
      if (stream !== undefined) run(stream);
    } catch (error) {
      this.outbox.add(["error", number, where, toFarError(error)]);
    }
  }

  #body([, number, body, data, error]: Extract<ToFar, readonly [kind: "body", ...rest: unknown[]]>): void {
    const stream = this.#streams.get(number);
    if (stream === undefined) return;
    this.outbox.begin(NO_HOOK, number);
    if (!(stream.request as FarDirection).bodyCame(body, data, error))
      (stream.response as FarDirection).bodyCame(body, data, error);
  }

  #contextTimer(number: number): void {
    this.outbox.begin(NO_HOOK, -1);
    try {
      this.#context.timerFired(number);
    } catch (error) {
      this.#context.stats.counter("errors").inc();
      this.#context.logger.error("a timer of the filter failed", { error });
    }
  }

  #destroy(number: number, isLost: boolean): void {
    const stream = this.#streams.get(number);
    if (stream === undefined) return;
    this.#streams.delete(number);
    this.outbox.begin(NO_HOOK, number);
    try {
      if (!isLost) this.#hooks.onDestroy?.(stream);
    } catch (error) {
      this.#context.stats.counter("errors").inc();
      this.#context.logger.error("the filter failed in onDestroy", { error });
    }
    stream.end();
  }

  async #dispose(): Promise<void> {
    this.outbox.begin(NO_HOOK, -1);
    try {
      await this.#hooks.dispose?.();
      this.outbox.add(["disposed", null]);
    } catch (error) {
      this.outbox.add(["disposed", toFarError(error)]);
    }
  }

  #routeConfig(json: Json): unknown {
    const verdict = judge(this.#definition.routeConfig, json);
    // The worker has run the same schema.
    if (!verdict.ok) throw new TypeError(`a route's configuration: ${verdict.issues[0]?.message ?? "refused"}`);
    return verdict.value;
  }
}

function isVerdict(verdict: unknown): boolean {
  if (verdict === undefined || typeof verdict === "number") return true;
  return typeof verdict === "object" && verdict !== null && "kind" in verdict && verdict.kind === "sluice.reply";
}
