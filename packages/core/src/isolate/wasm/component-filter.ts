/**
 * Hot path: docs/extending/hot-path-rules.md. A component as the hooks of a filter: one instance for a chain and thread, one call at a time, synchronous. Whatever it throws takes the instance, and with
 * it the state of all its streams: each of them fails once, by `on_error`, and goes without the filter from then on; new streams get a fresh instance.
 */
import {
  Continue,
  type DataVerdict,
  type FilterContext,
  type Headers,
  type HttpFilter,
  type RequestHeaders,
  type ResponseHeaders,
  StopAndWatermark,
  type Verdict,
} from "@sluice/sdk";
import { Fields, applyEdits, replyOf } from "./apply-outcome.ts";
import { startRequest } from "./component-call.ts";
import { ComponentHost } from "./component-host.ts";
import { type ComponentStream, type DirectionState, OVER } from "./component-stream.ts";
import type { ComponentDescription } from "./description.ts";
import type { CallAnswer, DataHook, FieldsHook, GuestRequest, Outcome } from "./guest.ts";
import { LiveInstance, type MakeGuest, type Stream } from "./live-instance.ts";

/** Calls and timers that one stream may have open at a time in each direction. */
const MAX_OPEN = 16;

export class ComponentFilter {
  readonly #id: string;
  readonly #reads: readonly string[];
  readonly #context: FilterContext;
  readonly #host: ComponentHost;
  readonly #live: LiveInstance;
  readonly #fields = new Fields();
  /** Of the hook that runs: whether its calls and timers belong to the response. */
  #isResponse = false;
  /** Of calls and timers. */
  #lastNumber = 0;

  constructor(make: MakeGuest, description: ComponentDescription, config: string, context: FilterContext) {
    const { id, reads } = description;
    this.#id = id;
    this.#reads = reads;
    this.#context = context;
    this.#host = new ComponentHost(context, description, this);
    this.#live = new LiveInstance(id, config, make, this.#host, context.stats);
  }

  /**
   * Makes the first instance. Only hooks that the component has; beside them the stream's end, which is counted here.
   * @throws Error where the component fails or does not take its configuration
   */
  hooks(): HttpFilter<ComponentStream> {
    const live = this.#live;
    const guest = live.guest();
    const hooks: HttpFilter<ComponentStream> = {
      onDestroy: (stream) => live.end(stream),
      dispose: () => live.drop(),
    };
    if (guest.has("requestHeaders"))
      hooks.onRequestHeaders = (headers, end, stream) => this.#requestHeaders(headers, end, stream);
    if (guest.has("requestData"))
      hooks.onRequestData = (data, end, stream) => this.#data("requestData", data, end, stream);
    if (guest.has("requestTrailers"))
      hooks.onRequestTrailers = (trailers, stream) => this.#trailers("requestTrailers", trailers, stream);
    if (guest.has("informational"))
      hooks.onInformational = (headers, stream) => this.#responseHeaders("informational", headers, false, stream);
    if (guest.has("responseHeaders"))
      hooks.onResponseHeaders = (headers, end, stream) =>
        this.#responseHeaders("responseHeaders", headers, end, stream);
    if (guest.has("responseData"))
      hooks.onResponseData = (data, end, stream) => this.#data("responseData", data, end, stream);
    if (guest.has("responseTrailers"))
      hooks.onResponseTrailers = (trailers, stream) => this.#trailers("responseTrailers", trailers, stream);
    if (guest.has("localReply"))
      hooks.onLocalReply = ({ status, details = this.#id }, stream) =>
        live.tell(stream, (called, number) => called.localReply(number, status, details));
    if (guest.has("streamComplete"))
      hooks.onStreamComplete = (_info, stream) => live.tell(stream, (called, number) => called.streamComplete(number));
    return hooks;
  }

  startCall(request: GuestRequest): number {
    const stream = this.#host.stream as Stream;
    const direction = this.#open(stream);
    const isResponse = this.#isResponse;
    const call = this.#next();
    void startRequest(this.#context.clusters, request, stream).then((answer) =>
      this.#answered(stream, direction, isResponse, call, answer),
    );
    return call;
  }

  startTimer(ms: number): number {
    const stream = this.#host.stream as Stream;
    const direction = this.#open(stream);
    const isResponse = this.#isResponse;
    const timer = this.#next();
    stream.setTimer((same) => this.#answered(same, direction, isResponse, timer, null), ms);
    return timer;
  }

  #requestHeaders(headers: RequestHeaders, end: boolean, stream: Stream): Verdict | Promise<Verdict> {
    this.#fields.request(headers);
    return this.#section("requestHeaders", headers, end, stream, false);
  }

  #responseHeaders(
    hook: "responseHeaders" | "informational",
    headers: ResponseHeaders,
    end: boolean,
    stream: Stream,
  ): Verdict | Promise<Verdict> {
    this.#fields.response(headers);
    return this.#section(hook, headers, end, stream, true);
  }

  #trailers(
    hook: "requestTrailers" | "responseTrailers",
    trailers: Headers,
    stream: Stream,
  ): Verdict | Promise<Verdict> {
    this.#fields.trailers(trailers);
    return this.#section(hook, trailers, true, stream, hook === "responseTrailers");
  }

  #section(
    hook: FieldsHook,
    headers: Headers,
    end: boolean,
    stream: Stream,
    isResponse: boolean,
  ): Verdict | Promise<Verdict> {
    const guest = this.#live.enter(stream);
    if (guest === null) return Continue;
    const { texts, count } = this.#fields;
    this.#isResponse = isResponse;
    let outcome: Outcome;
    try {
      outcome = guest.fields(hook, stream.state.number, texts, count, end);
    } catch (error) {
      throw this.#live.fail(error, stream);
    }
    this.#live.leave();
    if (outcome.edits > 0) applyEdits(outcome, headers);
    return verdictOf(outcome, isResponse ? stream.state.response : stream.state.request, headers);
  }

  #data(hook: DataHook, data: Uint8Array, end: boolean, stream: Stream): DataVerdict | Promise<DataVerdict> {
    const guest = this.#live.enter(stream);
    if (guest === null) return Continue;
    const isResponse = hook === "responseData";
    this.#isResponse = isResponse;
    let outcome: Outcome;
    try {
      outcome = guest.data(hook, stream.state.number, data, end);
    } catch (error) {
      throw this.#live.fail(error, stream);
    }
    this.#live.leave();
    if (outcome.edits > 0) this.#editHeaders(outcome, stream, isResponse);
    if (outcome.data !== null && outcome.reply === null) return outcome.data;
    return verdictOf(outcome, isResponse ? stream.state.response : stream.state.request, null);
  }

  /** A call that has its response, or (with null) a timer that fired. */
  #answered(
    stream: Stream,
    direction: DirectionState,
    isResponse: boolean,
    number: number,
    answer: CallAnswer | null,
  ): void {
    if (stream.state.instance === OVER) return;
    direction.open--;
    const { hold } = direction;
    try {
      const guest = this.#live.enter(stream);
      if (guest === null) {
        // Its loss was told in the other direction; it goes without the filter.
        direction.hold = null;
        hold?.settle(Continue);
        return;
      }
      this.#isResponse = isResponse;
      let outcome: Outcome;
      try {
        const of = stream.state.number;
        outcome = answer === null ? guest.timer(of, number) : guest.callResponse(of, number, answer);
      } catch (error) {
        throw this.#live.fail(error, stream);
      }
      this.#live.leave();
      if (outcome.edits > 0) {
        if (hold?.headers) applyEdits(outcome, hold.headers);
        else this.#editHeaders(outcome, stream, isResponse);
      }
      this.#settle(outcome, stream, direction, isResponse);
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      direction.hold = null;
      if (hold !== null) return hold.fail(failure);
      this.#context.logger.error(failure.message);
      stream.reply({ status: 500, details: `${this.#id}_lost` });
    }
  }

  /** From a hook that was not given them: as everywhere, they have to be declared. */
  #editHeaders(outcome: Outcome, stream: Stream, isResponse: boolean): void {
    const name = isResponse ? "responseHeaders" : "requestHeaders";
    if (!this.#reads.includes(name))
      throw new TypeError(
        `${this.#id} changes the headers in another hook than theirs, and its description does not list "${name}" under reads`,
      );
    const headers = stream[name];
    if (headers !== undefined) applyEdits(outcome, headers);
  }

  #settle(outcome: Outcome, stream: Stream, direction: DirectionState, isResponse: boolean): void {
    const { hold } = direction;
    if (outcome.reply !== null) {
      const reply = replyOf(outcome.reply);
      direction.hold = null;
      if (hold === null) stream.reply(reply);
      else hold.settle(reply);
      return;
    }
    if (outcome.verdict === StopAndWatermark && direction.open > 0) return;
    direction.hold = null;
    if (hold !== null) hold.settle(outcome.verdict);
    else if (outcome.verdict === Continue) (isResponse ? stream.response : stream.request).resume();
  }

  #open(stream: Stream): DirectionState {
    const direction = this.#isResponse ? stream.state.response : stream.state.request;
    if (direction.open >= MAX_OPEN)
      throw new TypeError(`it waits for ${MAX_OPEN} calls and timers of one stream already`);
    direction.open++;
    return direction;
  }

  #next(): number {
    this.#lastNumber = (this.#lastNumber + 1) >>> 0;
    return this.#lastNumber;
  }
}

function verdictOf(outcome: Outcome, direction: DirectionState, headers: Headers | null): Verdict | Promise<Verdict> {
  if (outcome.reply !== null) return replyOf(outcome.reply);
  if (outcome.verdict !== StopAndWatermark || direction.open === 0) return outcome.verdict;
  // As a promise, so that what fails later is answered by `on_error` too.
  return new Promise<Verdict>((settle, fail) => {
    direction.hold = { headers, settle, fail };
  });
}
