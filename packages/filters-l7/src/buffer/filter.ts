/** Hot path. Holds a request until it is whole, so that what follows sees its length and slow senders never reach the upstream. */
import {
  Continue,
  Stop,
  StopAndBuffer,
  reply,
  type DataVerdict,
  type HttpFilter,
  type HttpStream,
  type RequestHeaders,
  type Verdict,
} from "@sluice/sdk";
import type { BufferRouteSettings, BufferSettings } from "./config.ts";

export class BufferState {
  /** Headers of a request that is being held; null otherwise. */
  headers: RequestHeaders | null;
  bytes: number;

  constructor() {
    this.headers = null;
    this.bytes = 0;
  }
}

const TOO_LARGE = reply({ status: 413, body: "Payload Too Large", details: "request_payload_too_large" });

type Stream = HttpStream<BufferState, BufferRouteSettings>;

export class BufferFilter implements HttpFilter<BufferState, BufferRouteSettings> {
  readonly #settings: BufferSettings;

  constructor(settings: BufferSettings) {
    this.#settings = settings;
  }

  onRequestHeaders(headers: RequestHeaders, end: boolean, stream: Stream): Verdict {
    // A tunnel never ends, and must not be held.
    if (end || headers.upgrade !== "" || headers.method === "CONNECT") return Continue;
    const route = stream.routeConfig;
    const settings = route === undefined ? this.#settings : route.override;
    if (settings === null) return Continue;
    stream.request.bufferLimit = settings.maxRequestBytes;
    stream.state.headers = headers;
    return Stop;
  }

  onRequestData(data: Uint8Array, end: boolean, stream: Stream): DataVerdict {
    const { state } = stream;
    if (state.headers === null) return Continue;
    state.bytes += data.length;
    if (!end) return StopAndBuffer;
    // The last chunk is never held, so that the engine does not measure it.
    if (state.bytes > stream.request.bufferLimit) return TOO_LARGE;
    if (!state.headers.has("content-length")) state.headers.set("content-length", String(state.bytes));
    state.headers = null;
    return Continue;
  }

  /** With trailers the length stays unsaid: HTTP/1 carries trailers only in chunked bodies. */
  onRequestTrailers(): Verdict {
    return Continue;
  }
}
