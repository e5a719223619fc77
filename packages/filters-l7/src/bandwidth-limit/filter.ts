/** Hot path. Lets bodies go on only so fast, all streams of all workers together. A source is paused while its bytes wait. */
import {
  Continue,
  type Clock,
  type DataVerdict,
  type FilterContext,
  type Headers,
  type HttpFilter,
  type HttpStream,
  type RequestHeaders,
  type ResponseHeaders,
  type RuntimeValue,
} from "@sluice/sdk";
import { featureFlag } from "../shared/feature-flag.ts";
import type { BandwidthLimitSettings } from "./config.ts";
import { SharedBytes } from "./shared-bytes.ts";
import { TransferStats } from "./stats.ts";
import { Transfer } from "./transfer.ts";

export class BandwidthLimitState {
  /** null: that direction is not limited. */
  request: Transfer | null;
  response: Transfer | null;
  limit: Limit | null;

  constructor() {
    this.request = null;
    this.response = null;
    this.limit = null;
  }
}

type Stream = HttpStream<BandwidthLimitState, BandwidthLimitSettings>;

/** What one configuration limits: both directions draw on the same bytes, as in Envoy. */
class Limit {
  readonly settings: BandwidthLimitSettings;
  readonly enabled: RuntimeValue<boolean>;
  readonly request: TransferStats;
  readonly response: TransferStats;
  /** null: nothing is limited. */
  readonly bytes: SharedBytes | null;
  readonly #clock: Clock;

  constructor(settings: BandwidthLimitSettings, context: FilterContext, owner: BandwidthLimitSettings | undefined) {
    this.settings = settings;
    this.enabled = featureFlag(context.runtime, settings.enabled);
    this.request = new TransferStats(context.rootStats, settings.statPrefix, "request");
    this.response = new TransferStats(context.rootStats, settings.statPrefix, "response");
    this.bytes = settings.limitKbps === 0 ? null : new SharedBytes(settings, context, owner);
    this.#clock = context.clock;
  }

  begin(isLimited: boolean, stats: TransferStats): Transfer | null {
    if (!isLimited || this.bytes === null || !this.enabled.value) return null;
    return new Transfer(this.bytes, stats, this.#clock);
  }
}

export class BandwidthLimitFilter implements HttpFilter<BandwidthLimitState, BandwidthLimitSettings> {
  readonly #context: FilterContext;
  readonly #own: Limit;
  /** Made when a route is taken for the first time. */
  readonly #ofRoutes = new WeakMap<BandwidthLimitSettings, Limit>();

  constructor(settings: BandwidthLimitSettings, context: FilterContext) {
    this.#context = context;
    this.#own = new Limit(settings, context, undefined);
  }

  onRequestHeaders(_headers: RequestHeaders, _end: boolean, stream: Stream): void {
    const limit = this.#limitOf(stream);
    stream.state.limit = limit;
    stream.state.request = limit.begin(limit.settings.limitsRequests, limit.request);
  }

  onRequestData(data: Uint8Array, end: boolean, stream: Stream): DataVerdict | Promise<DataVerdict> {
    const transfer = stream.state.request;
    if (transfer === null) return Continue;
    if (!transfer.passes(data.length)) return paceRequest(transfer, data, end, stream);
    if (end) transfer.finish();
    return Continue;
  }

  onRequestTrailers(_trailers: Headers, { state }: Stream): void {
    state.request?.finish();
  }

  onResponseHeaders(_headers: ResponseHeaders, _end: boolean, stream: Stream): void {
    const limit = (stream.state.limit ??= this.#limitOf(stream));
    stream.state.response = limit.begin(limit.settings.limitsResponses, limit.response);
  }

  onResponseData(data: Uint8Array, end: boolean, stream: Stream): DataVerdict | Promise<DataVerdict> {
    const transfer = stream.state.response;
    if (transfer === null) return Continue;
    if (!transfer.passes(data.length)) return paceResponse(transfer, data, end, stream);
    if (end) {
      transfer.finish();
      if (saysDelays(stream.state)) addDelays(stream.state, stream.response.addTrailers());
    }
    return Continue;
  }

  onResponseTrailers(trailers: Headers, { state }: Stream): void {
    state.response?.finish();
    if (state.response !== null && saysDelays(state)) addDelays(state, trailers);
  }

  onDestroy({ state }: Stream): void {
    state.request?.abandon();
    state.response?.abandon();
  }

  #limitOf({ routeConfig }: Stream): Limit {
    if (routeConfig === undefined) return this.#own;
    let limit = this.#ofRoutes.get(routeConfig);
    if (limit === undefined)
      this.#ofRoutes.set(routeConfig, (limit = new Limit(routeConfig, this.#context, routeConfig)));
    return limit;
  }
}

async function paceRequest(transfer: Transfer, data: Uint8Array, end: boolean, stream: Stream): Promise<Uint8Array> {
  const rest = await transfer.pace(data, stream.request, waitOf(stream));
  if (end) transfer.finish();
  return rest;
}

async function paceResponse(transfer: Transfer, data: Uint8Array, end: boolean, stream: Stream): Promise<Uint8Array> {
  // Only inside the hook; what takes its time here has something to say.
  const trailers = end && stream.state.limit!.settings.trailerPrefix !== null ? stream.response.addTrailers() : null;
  const rest = await transfer.pace(data, stream.response, waitOf(stream));
  if (end) transfer.finish();
  if (trailers !== null) addDelays(stream.state, trailers);
  return rest;
}

/** Resolves after so long; never where the stream ends before. */
function waitOf(stream: Stream): (ms: number) => Promise<void> {
  return (ms) => new Promise((resolve) => void stream.setTimer(() => resolve(), ms));
}

function saysDelays({ limit, request, response }: BandwidthLimitState): boolean {
  if (limit!.settings.trailerPrefix === null) return false;
  return (request !== null && request.durationMs >= 1) || response!.durationMs >= 1;
}

function addDelays({ limit, request, response }: BandwidthLimitState, trailers: Headers): void {
  const prefix = limit!.settings.trailerPrefix!;
  if (request !== null) addDelay(`${prefix}bandwidth-request`, request, trailers);
  addDelay(`${prefix}bandwidth-response`, response!, trailers);
}

function addDelay(name: string, { durationMs, delayMs }: Transfer, trailers: Headers): void {
  if (durationMs >= 1) trailers.set(`${name}-delay-ms`, String(Math.floor(durationMs)));
  if (delayMs >= 1) trailers.set(`${name}-filter-delay-ms`, String(Math.floor(delayMs)));
}
