/** Hot path for routes with retries. One attempt of a request: what comes of it goes to whoever decides about it. */
import type {
  Headers,
  RequestHeaders,
  ResetReason,
  ResponseHeaders,
  UpstreamHost,
  UpstreamStream,
  UpstreamStreamEvents,
} from "@sluice/sdk";
import type { RetriedUpstream } from "./retried-upstream.ts";

export class Attempt implements UpstreamStreamEvents {
  upstream: UpstreamStream;
  /** Sent with it; of its own. null: not yet. */
  headers: RequestHeaders | null;
  host: UpstreamHost | null;
  /** Something of the request may have reached the upstream. */
  isDelivered: boolean;
  /** Another one was begun beside it, or is about to. */
  isFollowed: boolean;
  /** When it has taken too long, or was silent for too long; 0: never. */
  deadlineMs: number;
  idleDeadlineMs: number;
  readonly #request: RetriedUpstream;

  constructor(request: RetriedUpstream) {
    // Nothing fires before it is opened.
    this.upstream = NONE;
    this.headers = null;
    this.host = null;
    this.isDelivered = false;
    this.isFollowed = false;
    this.deadlineMs = 0;
    this.idleDeadlineMs = 0;
    this.#request = request;
  }

  onUpstreamReady(host: UpstreamHost, localAddress: string): void {
    this.host = host;
    this.isDelivered = true;
    this.#request.ready(this, host, localAddress);
  }

  onUpstreamInformational(headers: ResponseHeaders): void {
    this.#request.informational(this, headers);
  }

  onUpstreamHeaders(headers: ResponseHeaders, end: boolean): void {
    this.#request.answered(this, headers, end);
  }

  onUpstreamData(data: Uint8Array, end: boolean): void {
    this.#request.dataCame(this, data, end);
  }

  onUpstreamTrailers(trailers: Headers): void {
    this.#request.trailersCame(trailers);
  }

  onUpstreamReset(reason: ResetReason, detail: string, host: UpstreamHost | null, code = -1): void {
    if (host !== null) this.host = host;
    this.#request.failed(this, reason, detail, code);
  }

  onUpstreamWriteHigh(): void {
    this.#request.pressed(this, true);
  }

  onUpstreamWriteLow(): void {
    this.#request.pressed(this, false);
  }
}

const NONE: UpstreamStream = {
  sendHeaders() {},
  sendData() {},
  sendTrailers() {},
  reset() {},
  pause() {},
  unpause() {},
  aboveWatermark: false,
};
