/** Hot path. Sends what a stream has kept: of a request that waited for a connection, or that goes to another server. */
import type { RequestEncoder } from "../../http/codec/codec.ts";
import type { PooledStream } from "./upstream-stream.ts";

const NOTHING = new Uint8Array(0);

export function sendKept(stream: PooledStream, encoder: RequestEncoder): void {
  const { chunks, chunksEnd, headersEnd, trailers } = stream;
  encoder.sendHeaders(stream.headers!, headersEnd);
  if (chunks !== null) {
    const last = chunks.length - 1;
    for (let i = 0; i <= last && !stream.over; i++) encoder.sendData(chunks[i]!, chunksEnd && i === last);
  } else if (chunksEnd && !headersEnd) encoder.sendData(NOTHING, true);
  if (trailers !== null && !stream.over) encoder.sendTrailers(trailers);
}
