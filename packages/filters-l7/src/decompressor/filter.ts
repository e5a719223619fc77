/** Hot path. Decompresses requests and responses whose outermost coding is the library's. */
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
import type { Decoder } from "../shared/compression/decoders.ts";
import {
  addAcceptedCoding,
  forbidsTransform,
  forgetBytes,
  removeLastCoding,
  weakenEtag,
} from "../shared/compression/header-words.ts";
import { featureFlag } from "../shared/feature-flag.ts";
import type { DecompressorSettings, DirectionSettings } from "./config.ts";
import { DecompressedBody } from "./decompressed-body.ts";
import { type DirectionLimits, requestLimits, responseLimits } from "./limits.ts";
import { decompressorStats, type DirectionStats } from "./stats.ts";

export class DecompressorState {
  request: DecompressedBody | null;
  response: DecompressedBody | null;

  constructor() {
    this.request = null;
    this.response = null;
  }
}

type Stream = HttpStream<DecompressorState>;

/** What one direction goes by. */
class Way {
  readonly settings: DirectionSettings;
  readonly enabled: RuntimeValue<boolean>;
  readonly limits: DirectionLimits;
  readonly stats: DirectionStats;

  constructor(
    settings: DirectionSettings,
    enabled: RuntimeValue<boolean>,
    limits: DirectionLimits,
    stats: DirectionStats,
  ) {
    this.settings = settings;
    this.enabled = enabled;
    this.limits = limits;
    this.stats = stats;
  }

  /** Takes the coding off the headers of a message that is to be decompressed; counts either way. */
  takes(headers: RequestHeaders | ResponseHeaders, { coding }: Decoder): boolean {
    const takes =
      this.enabled.value &&
      // Parts of an encoded representation are no encoded part.
      !headers.has("content-range") &&
      (this.settings.ignoresNoTransform || !forbidsTransform(headers)) &&
      removeLastCoding(headers, coding);
    if (takes) {
      this.stats.decompressed.inc();
      forgetBytes(headers);
    } else this.stats.notDecompressed.inc();
    return takes;
  }
}

export class DecompressorFilter implements HttpFilter<DecompressorState> {
  readonly #decoder: Decoder;
  readonly #advertisesCoding: boolean;
  readonly #request: Way;
  readonly #response: Way;

  constructor({ library, request, response, advertisesCoding }: DecompressorSettings, context: FilterContext) {
    const { name, codec } = library;
    const { runtime } = context;
    this.#decoder = codec;
    this.#advertisesCoding = advertisesCoding;
    this.#request = new Way(
      request,
      featureFlag(runtime, request.enabled),
      requestLimits(context),
      decompressorStats(context, name, codec, "request"),
    );
    this.#response = new Way(
      response,
      featureFlag(runtime, response.enabled),
      responseLimits(context),
      decompressorStats(context, name, codec, "response"),
    );
  }

  onRequestHeaders(headers: RequestHeaders, end: boolean, stream: Stream): Verdict {
    if (this.#advertisesCoding && this.#response.enabled.value) addAcceptedCoding(headers, this.#decoder.coding);
    if (end || headers.upgrade !== "" || headers.method === "CONNECT") return Continue;
    const { limits, stats } = this.#request;
    if (this.#request.takes(headers, this.#decoder))
      stream.state.request = new DecompressedBody(this.#decoder, stream, stream.request, limits, stats);
    return Continue;
  }

  onRequestData(data: Uint8Array, end: boolean, stream: Stream): DataVerdict | Promise<DataVerdict> {
    return stream.state.request === null ? Continue : stream.state.request.data(data, end);
  }

  onRequestTrailers(_trailers: unknown, stream: Stream): Verdict | Promise<Verdict> {
    return stream.state.request === null ? Continue : stream.state.request.trailers();
  }

  onResponseHeaders(headers: ResponseHeaders, end: boolean, stream: Stream): Verdict {
    const { status } = headers;
    if (end || status === 101 || status === 206 || stream.requestHeaders.method === "CONNECT") return Continue;
    const { limits, stats } = this.#response;
    if (!this.#response.takes(headers, this.#decoder)) return Continue;
    weakenEtag(headers);
    stream.state.response = new DecompressedBody(this.#decoder, stream, stream.response, limits, stats);
    return Continue;
  }

  onResponseData(data: Uint8Array, end: boolean, stream: Stream): DataVerdict | Promise<DataVerdict> {
    return stream.state.response === null ? Continue : stream.state.response.data(data, end);
  }

  onResponseTrailers(_trailers: unknown, stream: Stream): Verdict | Promise<Verdict> {
    return stream.state.response === null ? Continue : stream.state.response.trailers();
  }

  onDestroy(stream: Stream): void {
    stream.state.request?.destroy();
    stream.state.response?.destroy();
  }
}
