/** A request as it came to the router, kept while it may have to be sent again: its headers, and its body up to a limit. */
import type { Headers, RequestHeaders, UpstreamStream } from "@sluice/sdk";

const EMPTY = Buffer.alloc(0);

export class KeptRequest {
  readonly headers: RequestHeaders;
  trailers: Headers | null;
  /** The body was too long to be kept. */
  isLost: boolean;
  readonly #limit: number;
  /** One block, since a client may send its body byte by byte. */
  #block: Buffer;
  #length: number;

  /** `limit`: bytes of the body. */
  constructor(headers: RequestHeaders, limit: number) {
    this.headers = headers;
    this.trailers = null;
    this.isLost = false;
    this.#limit = limit;
    this.#block = EMPTY;
    this.#length = 0;
  }

  get body(): Uint8Array[] {
    return this.#length === 0 ? [] : [this.#block.subarray(0, this.#length)];
  }

  /** `isWhole`: whether the request has ended. */
  sendTo(upstream: UpstreamStream, headers: RequestHeaders, isWhole: boolean): void {
    const { body, trailers } = this;
    const endsWithBody = isWhole && trailers === null;
    upstream.sendHeaders(headers, endsWithBody && body.length === 0);
    for (const [i, part] of body.entries()) upstream.sendData(part, endsWithBody && i === body.length - 1);
    if (trailers !== null) upstream.sendTrailers(trailers);
  }

  /** true: this chunk is the one that is too much. */
  data(data: Uint8Array): boolean {
    if (this.isLost || data.length === 0) return false;
    const before = this.#length;
    const length = before + data.length;
    if (length > this.#limit) {
      this.isLost = true;
      this.#block = EMPTY;
      this.#length = 0;
      return true;
    }
    if (length > this.#block.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#limit, Math.max(length, 2 * before)));
      grown.set(this.#block.subarray(0, before));
      this.#block = grown;
    }
    this.#block.set(data, before);
    this.#length = length;
    return false;
  }
}
