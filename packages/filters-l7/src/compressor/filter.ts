/**
 * Hot path. Compresses responses for clients that take it, and requests where the configuration says so. Several compressors in one chain agree on one coding: each
 * finds those before it through the stream's filter state.
 */
import {
  Continue,
  type DataVerdict,
  type FilterContext,
  type HttpFilter,
  type HttpStream,
  type RequestHeaders,
  type ResponseHeaders,
  type RuntimeValue,
  type Verdict,
} from "@sluice/sdk";
import {
  forbidsTransform,
  forgetBytes,
  hasToken,
  removeStrongEtag,
  weakenEtag,
} from "../shared/compression/header-words.ts";
import { featureFlag } from "../shared/feature-flag.ts";
import { type Choice, chooseCoding, parseAcceptEncoding } from "./accept-encoding.ts";
import { CompressedBody } from "./compressed-body.ts";
import type { CompressorRouteSettings, CompressorSettings, DirectionSettings, ResponseSettings } from "./config.ts";
import { CompressorStats, type DirectionStats } from "./stats.ts";

/** Where the last compressor of the chain whose request hook ran is found. */
const LAST_COMPRESSOR = "sluice.compressor.last";

export class CompressorState {
  /** The compressor that this state belongs to; null: it has no part in this stream's responses. */
  compressor: CompressorFilter | null;
  /** The one in front of it in the chain. */
  previous: CompressorState | null;
  /** null: the client sent none. */
  acceptEncoding: string | null;
  /** Which coding the compressors of the chain have agreed on. */
  choice: Choice | null;
  request: CompressedBody | null;
  response: CompressedBody | null;

  constructor() {
    this.compressor = null;
    this.previous = null;
    this.acceptEncoding = null;
    this.choice = null;
    this.request = null;
    this.response = null;
  }
}

type Stream = HttpStream<CompressorState, CompressorRouteSettings>;

export class CompressorFilter implements HttpFilter<CompressorState, CompressorRouteSettings> {
  readonly settings: CompressorSettings;
  readonly coding: string;
  readonly isPreferred: boolean;
  readonly #stats: CompressorStats;
  readonly #requestEnabled: RuntimeValue<boolean> | null;
  readonly #responseEnabled: RuntimeValue<boolean>;

  constructor(settings: CompressorSettings, context: FilterContext) {
    const { request, response, library } = settings;
    this.settings = settings;
    this.coding = library.codec.coding;
    this.isPreferred = settings.isPreferred;
    this.#stats = new CompressorStats(context, settings);
    this.#requestEnabled = request === null ? null : featureFlag(context.runtime, request.enabled);
    this.#responseEnabled = featureFlag(context.runtime, response.enabled);
  }

  onRequestHeaders(headers: RequestHeaders, end: boolean, stream: Stream): Verdict {
    const route = stream.routeConfig;
    if (route?.compressesResponses ?? this.#responseEnabled.value) this.#join(headers, stream, route);
    if (this.#requestEnabled !== null) this.#startRequest(headers, end, stream.state);
    return Continue;
  }

  #join(headers: RequestHeaders, stream: Stream, route: CompressorRouteSettings | undefined): void {
    const { state } = stream;
    const { filterState } = stream;
    state.compressor = this;
    state.acceptEncoding = headers.get("accept-encoding") ?? null;
    state.previous = (filterState.get(LAST_COMPRESSOR) as CompressorState | undefined) ?? null;
    // One that stands further out has seen what this one's neighbour has taken away.
    state.acceptEncoding ??= state.previous === null ? null : state.previous.acceptEncoding;
    filterState.set(LAST_COMPRESSOR, state);
    if (route?.removesAcceptEncoding ?? this.settings.response.removesAcceptEncoding) headers.delete("accept-encoding");
  }

  #startRequest(headers: RequestHeaders, end: boolean, state: CompressorState): void {
    const { request: settings, library } = this.settings;
    const stats = this.#stats.request!;
    const isWanted =
      !end &&
      this.#requestEnabled!.value &&
      headers.upgrade === "" &&
      headers.method !== "CONNECT" &&
      isLargeEnough(headers, settings!, stats) &&
      hasType(headers, settings!) &&
      !headers.has("content-encoding") &&
      !headers.has("content-range") &&
      !forbidsTransform(headers);
    if (!isWanted) {
      stats.notCompressed.inc();
      return;
    }
    stats.compressed.inc();
    state.request = new CompressedBody(library.codec, stats, lengthOf(headers));
    forgetBytes(headers);
    headers.set("content-encoding", this.coding);
  }

  onRequestData(data: Uint8Array, end: boolean, stream: Stream): DataVerdict | Promise<DataVerdict> {
    return stream.state.request === null ? Continue : stream.state.request.data(data, end);
  }

  onRequestTrailers(_trailers: unknown, stream: Stream): Verdict | Promise<Verdict> {
    return stream.state.request === null ? Continue : stream.state.request.trailers(stream.request);
  }

  onResponseHeaders(headers: ResponseHeaders, end: boolean, stream: Stream): Verdict {
    const { state } = stream;
    const { response: stats } = this.#stats;
    const { response: settings, library } = this.settings;
    const isCandidate =
      state.compressor !== null && !isTunnel(headers, stream) && isLargeEnough(headers, settings, stats);
    // Whether the client takes it is counted even where the content is none to compress, as in Envoy.
    const isAccepted = isCandidate && !end && this.#isChosen(headers, state);
    const isCompressible = isCandidate && this.canCompress(headers) && this.#hasRightEtag(headers, settings);
    if (isAccepted && isCompressible) {
      stats.compressed.inc();
      if (settings.etags === "weaken") weakenEtag(headers);
      else removeStrongEtag(headers);
      state.response = new CompressedBody(library.codec, stats, lengthOf(headers));
      forgetBytes(headers);
      headers.set("content-encoding", this.coding);
    } else stats.notCompressed.inc();
    // What was not compressed for this client may be for another, and caches have to know.
    if (isCompressible) addVary(headers);
    return Continue;
  }

  /** Whether the content is one to compress, whoever asks. */
  canCompress(headers: ResponseHeaders): boolean {
    const { response: settings } = this.settings;
    const { status } = headers;
    return (
      // Parts of a representation are parts of its encoded form.
      status !== 206 &&
      !headers.has("content-range") &&
      !settings.uncompressibleStatuses.has(status) &&
      hasType(headers, settings) &&
      !headers.has("content-encoding") &&
      !forbidsTransform(headers)
    );
  }

  #hasRightEtag(headers: ResponseHeaders, { etags }: ResponseSettings): boolean {
    if (etags !== "skip" || !headers.has("etag")) return true;
    this.#stats.notCompressedEtag.inc();
    return false;
  }

  #isChosen(headers: ResponseHeaders, state: CompressorState): boolean {
    const stats = this.#stats;
    if (state.acceptEncoding === null) {
      stats.noAcceptHeader.inc();
      return false;
    }
    const { coding, kind } = (state.choice ??= choose(headers, state));
    const isThis = coding === this.coding;
    if (kind === "coding") (isThis ? stats.used : stats.overshadowed).inc();
    else if (kind === "identity") stats.identity.inc();
    else if (kind === "wildcard") stats.wildcard.inc();
    else stats.notValid.inc();
    return isThis;
  }

  onResponseData(data: Uint8Array, end: boolean, stream: Stream): DataVerdict | Promise<DataVerdict> {
    return stream.state.response === null ? Continue : stream.state.response.data(data, end);
  }

  onResponseTrailers(_trailers: unknown, stream: Stream): Verdict | Promise<Verdict> {
    return stream.state.response === null ? Continue : stream.state.response.trailers(stream.response);
  }

  onDestroy(stream: Stream): void {
    stream.state.request?.destroy();
    stream.state.response?.destroy();
  }
}

/** Decides for this compressor and for all in front of it, which come after it on the way of the response. */
function choose(headers: ResponseHeaders, state: CompressorState): Choice {
  const offers: CompressorFilter[] = [];
  for (let each: CompressorState | null = state; each !== null; each = each.previous)
    if (each.compressor!.canCompress(headers)) offers.push(each.compressor!);
  const choice = chooseCoding(parseAcceptEncoding(state.acceptEncoding!), offers.reverse());
  for (let each: CompressorState | null = state; each !== null; each = each.previous) each.choice = choice;
  return choice;
}

function isTunnel(headers: ResponseHeaders, { requestHeaders }: Stream): boolean {
  return headers.status === 101 || requestHeaders.upgrade !== "" || requestHeaders.method === "CONNECT";
}

type MessageHeaders = RequestHeaders | ResponseHeaders;

/** -1: it is not said. */
function lengthOf(headers: MessageHeaders): number {
  const length = headers.get("content-length");
  return length === undefined ? -1 : Number(length);
}

/** A length that is not said is large enough. */
function isLargeEnough(
  headers: MessageHeaders,
  { minBytes }: DirectionSettings,
  { tooSmall }: DirectionStats,
): boolean {
  const length = headers.get("content-length");
  if (length === undefined || Number(length) >= minBytes) return true;
  tooSmall.inc();
  return false;
}

/** Content of no type may be any. */
function hasType(headers: MessageHeaders, { contentTypes }: DirectionSettings): boolean {
  const type = headers.get("content-type");
  if (type === undefined) return true;
  const semicolon = type.indexOf(";");
  return contentTypes.has((semicolon === -1 ? type : type.slice(0, semicolon)).trim().toLowerCase());
}

function addVary(headers: ResponseHeaders): void {
  const vary = headers.get("vary");
  if (vary === undefined) headers.set("vary", "Accept-Encoding");
  else if (!hasToken(vary, "accept-encoding") && !hasToken(vary, "*")) headers.set("vary", `${vary}, Accept-Encoding`);
}
