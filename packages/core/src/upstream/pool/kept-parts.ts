/**
 * Hot path: docs/extending/hot-path-rules.md. The part of an upstream stream that keeps what is sent: until there is a connection, and from then on as long as its server may
 * promise not to have served it (HTTP/2), up to a limit.
 */
import type { RequestEncoder } from "../../http/codec/codec.ts";
import type { HeaderMap, RequestHeaderMap } from "../../http/headers/header-map.ts";

/** Bytes of a body that are kept for another server. */
const MAX_KEPT = 16 * 1024;
const NOTHING = new Uint8Array(0);

export class KeptParts {
  /** No event fires any more, no call does anything. */
  over: boolean;
  /** Whether what is sent is kept besides. */
  keeps: boolean;
  /** What waits, or is kept: headers (null: nothing), body, trailers. */
  headers: RequestHeaderMap | null;
  headersEnd: boolean;
  chunks: Uint8Array[] | null;
  chunksEnd: boolean;
  chunkBytes: number;
  trailers: HeaderMap | null;

  constructor() {
    this.over = false;
    this.keeps = false;
    this.headers = null;
    this.headersEnd = false;
    this.chunks = null;
    this.chunksEnd = false;
    this.chunkBytes = 0;
    this.trailers = null;
  }

  /** Whether another server could get what was sent until now. */
  protected get isRepeatable(): boolean {
    return this.chunkBytes <= MAX_KEPT;
  }

  protected addChunk(data: Uint8Array, end: boolean): void {
    if (data.length !== 0) {
      this.chunkBytes += data.length;
      // Small ones share a slab.
      const copy = Buffer.allocUnsafe(data.length);
      copy.set(data);
      if (this.chunks === null) this.chunks = [copy];
      else this.chunks.push(copy);
    }
    this.chunksEnd = end;
  }

  protected keep(data: Uint8Array, end: boolean): void {
    if (this.chunkBytes + data.length <= MAX_KEPT) this.addChunk(data, end);
    else this.forget();
  }

  /** It will not be sent again. */
  protected forget(): void {
    this.keeps = false;
    this.headers = null;
    this.chunks = null;
    this.trailers = null;
  }

  protected sendKept(encoder: RequestEncoder): void {
    const { chunks, chunksEnd, headersEnd, trailers } = this;
    encoder.sendHeaders(this.headers!, headersEnd);
    if (chunks !== null) {
      const last = chunks.length - 1;
      for (let i = 0; i <= last && !this.over; i++) encoder.sendData(chunks[i]!, chunksEnd && i === last);
    } else if (chunksEnd && !headersEnd) encoder.sendData(NOTHING, true);
    if (trailers !== null && !this.over) encoder.sendTrailers(trailers);
  }
}
