/**
 * One request that a filter sends itself: a promise in front, the events of an upstream stream behind. It ends once: complete, failed, or cancelled by a signal,
 * its time-out, or the end of the filter; then nothing holds it any more.
 */
import {
  type Headers,
  type ResetReason,
  type ResponseHeaders,
  type Timer,
  UpstreamError,
  type UpstreamErrorReason,
  type UpstreamHost,
  type UpstreamRequestInit,
  type UpstreamResponse,
  type UpstreamStream,
  type UpstreamStreamEvents,
} from "@sluice/sdk";
import { HeaderMap } from "../../http/headers/header-map.ts";
import type { Timers } from "../../timing/clock.ts";
import type { UpstreamCluster } from "../cluster-source.ts";
import type { OpenCall, OpenCalls } from "./open-calls.ts";
import { RequestBody } from "./request-body.ts";
import { requestHead } from "./request-head.ts";
import { type BodySource, ResponseBody } from "./response-body.ts";

const DEFAULT_TIMEOUT_MS = 15_000;
/** A connection that stood when it was picked and is gone: nowhere known. */
const NO_HOST: UpstreamHost = { address: "", hostname: "", cluster: "" };

/** Rejects with an UpstreamError, or a TypeError for a request that is not legal. */
export async function sendRequest(
  cluster: UpstreamCluster,
  init: UpstreamRequestInit,
  timers: Timers,
  calls: OpenCalls,
): Promise<UpstreamResponse> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = init;
  if (!(timeoutMs >= 0)) throw new TypeError(`timeoutMs is ${timeoutMs}, expected milliseconds, or 0 for none`);
  const body = new RequestBody(init.body);
  const head = requestHead(init, cluster.name, body.length);
  const call = new UpstreamCall(cluster, calls);
  if (init.signal?.aborted === true || init.stream?.signal.aborted === true || calls.released) {
    throw new UpstreamError(cluster.name, "cancelled", "before it began");
  }
  const stream = cluster.openStream(call, { protocol: "", headers: head, client: null });
  if (typeof stream === "string") throw new UpstreamError(cluster.name, stream);
  calls.add(call);
  call.watch(
    init.signal,
    init.stream?.signal,
    timeoutMs === 0 ? null : timers.setTimer(() => call.expire(), timeoutMs),
  );
  call.begin(stream, body);
  stream.sendHeaders(head, body.length === -1);
  if (body.length !== -1) body.send(stream, call);
  return call.response;
}

class UpstreamCall implements UpstreamStreamEvents, BodySource, OpenCall {
  readonly clusterName: string;
  readonly #calls: OpenCalls;
  readonly #response = Promise.withResolvers<UpstreamResponse>();
  #stream: UpstreamStream | null = null;
  #requestBody: RequestBody | null = null;
  #body: ResponseBody | null = null;
  #host: UpstreamHost = NO_HOST;
  #trailers: Headers | null = null;
  #trailersAsked: PromiseWithResolvers<Headers> | null = null;
  #timer: Timer | null = null;
  #signals: AbortSignal[] = [];
  #error: UpstreamError | null = null;
  #over = false;

  constructor(cluster: UpstreamCluster, calls: OpenCalls) {
    this.clusterName = cluster.name;
    this.#calls = calls;
  }

  get response(): Promise<UpstreamResponse> {
    return this.#response.promise;
  }

  watch(signal: AbortSignal | undefined, streamSignal: AbortSignal | undefined, timer: Timer | null): void {
    this.#timer = timer;
    for (const each of [signal, streamSignal]) {
      if (each === undefined) continue;
      each.addEventListener("abort", this.#onAbort);
      this.#signals.push(each);
    }
  }

  begin(stream: UpstreamStream, body: RequestBody): void {
    this.#stream = stream;
    this.#requestBody = body;
  }

  // ---- its ends -----------------------------------------------------------------------------------------------------------------------------

  cancel(why: string): void {
    this.#fail("cancelled", why, true);
  }

  expire(): void {
    this.#fail("timeout", "", true);
  }

  giveUp(error: UpstreamError): void {
    this.#end(error, true);
  }

  /** The iterable that makes the request's body failed. */
  bodyFailed(cause: unknown): void {
    this.#end(new UpstreamError(this.clusterName, "local_reset", "the request's body failed", { cause }), true);
  }

  // ---- from the upstream --------------------------------------------------------------------------------------------------------------------

  onUpstreamReady(host: UpstreamHost): void {
    this.#host = host;
  }

  onUpstreamInformational(): void {}

  onUpstreamHeaders(headers: ResponseHeaders, end: boolean): void {
    const length = Number(headers.get("content-length") ?? -1);
    const body = new ResponseBody(this, end ? 0 : length);
    this.#body = body;
    this.#response.resolve(new CallResponse(this, headers, body, this.#host));
    if (end) this.#complete(null);
  }

  onUpstreamData(data: Uint8Array, end: boolean): void {
    this.#body?.push(data);
    if (end) this.#complete(null);
  }

  onUpstreamTrailers(trailers: Headers): void {
    this.#complete(trailers);
  }

  onUpstreamReset(reason: ResetReason, detail: string): void {
    this.#stream = null;
    this.#fail(reason, detail, false);
  }

  onUpstreamWriteHigh(): void {}

  onUpstreamWriteLow(): void {
    this.#requestBody?.goOn();
  }

  // ---- from the response --------------------------------------------------------------------------------------------------------------------

  pauseResponse(): void {
    this.#stream?.pause();
  }

  resumeResponse(): void {
    this.#stream?.unpause();
  }

  get trailers(): Promise<Headers> {
    if (this.#trailersAsked === null) {
      const asked = Promise.withResolvers<Headers>();
      asked.promise.catch(() => {});
      this.#trailersAsked = asked;
      if (this.#trailers !== null) asked.resolve(this.#trailers);
      else if (this.#error !== null) asked.reject(this.#error);
    }
    return this.#trailersAsked.promise;
  }

  /** The response is complete. What of the request is not sent yet nobody wants to have. */
  #complete(trailers: Headers | null): void {
    if (this.#over) return;
    this.#trailers = trailers ?? new HeaderMap();
    this.#trailersAsked?.resolve(this.#trailers);
    this.#body?.end();
    this.#release(this.#requestBody?.ended === false);
  }

  #fail(reason: UpstreamErrorReason, detail: string, drop: boolean): void {
    if (!this.#over) this.#end(new UpstreamError(this.clusterName, reason, detail), drop);
  }

  #end(error: UpstreamError, drop: boolean): void {
    if (this.#over) return;
    this.#error = error;
    this.#response.reject(error);
    this.#trailersAsked?.reject(error);
    this.#body?.fail(error, drop);
    this.#release(true);
  }

  #release(reset: boolean): void {
    this.#over = true;
    this.#calls.delete(this);
    this.#timer?.cancel();
    for (const signal of this.#signals) signal.removeEventListener("abort", this.#onAbort);
    this.#signals = [];
    const stream = this.#stream;
    this.#stream = null;
    this.#requestBody?.stop();
    if (reset) stream?.reset();
  }

  readonly #onAbort = (): void => this.cancel("by its signal");
}

class CallResponse implements UpstreamResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly body: ResponseBody;
  readonly host: UpstreamHost;
  readonly #call: UpstreamCall;

  constructor(call: UpstreamCall, headers: ResponseHeaders, body: ResponseBody, host: UpstreamHost) {
    this.#call = call;
    this.status = headers.status;
    this.headers = headers;
    this.body = body;
    this.host = host;
  }

  get trailers(): Promise<Headers> {
    return this.#call.trailers;
  }

  cancel(): void {
    this.#call.cancel("by the filter");
  }
}
