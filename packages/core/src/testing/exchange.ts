/** One request and its response, frame by frame: the test plays the client, and (unless a filter ends the chain) the upstream. */
import { HOLD_PROMISE } from "../http/chain/hold.ts";
import type { RequestDecoder } from "../http/codec/codec.ts";
import type { HttpStream } from "../http/manager/http-stream.ts";
import type { ServerConnection } from "../http/manager/server-connection.ts";
import { ClientEnd, ResponseRecord, type TestResponse } from "./client-end.ts";
import {
  type BytesInput,
  type HeadersInput,
  type TestRequest,
  bytesOf,
  chunksOf,
  lend,
  requestMap,
  trailersMap,
} from "./messages.ts";
import type { UpstreamEnd } from "./upstream-end.ts";

export class HttpExchange {
  /** What the client has got so far. */
  readonly response: TestResponse;
  /** The stream as the engine has it; for the kit. */
  readonly stream: HttpStream;
  /** For the kit. */
  overwritesBuffers = true;
  readonly record: ResponseRecord;
  readonly #client: ClientEnd;
  readonly #decoder: RequestDecoder;
  readonly #upstreamOf: (stream: HttpStream) => UpstreamEnd | null;
  #sent: "nothing" | "headers" | "end" = "nothing";
  #isSlow = false;
  #waiting: (() => void) | null = null;

  /** For the kit; tests call `open()` of a harness. */
  constructor(server: ServerConnection, upstreamOf: (stream: HttpStream) => UpstreamEnd | null) {
    const record = new ResponseRecord(
      () => this.stream,
      () => {
        const upstream = upstreamOf(this.stream);
        return upstream === null || upstream.frames.length === 0 ? null : upstream.request;
      },
    );
    this.response = record;
    this.record = record;
    this.#upstreamOf = upstreamOf;
    this.#client = new ClientEnd(record, () => this.#wake());
    this.#decoder = server.onStream(this.#client);
    this.stream = this.#decoder as HttpStream;
  }

  /** The upstream's end. @throws Error while nothing has come there */
  get upstream(): UpstreamEnd {
    const upstream = this.#upstreamOf(this.stream);
    if (upstream === null) throw new Error("nothing has come to the upstream yet");
    return upstream;
  }

  /** Whether the proxy has stopped reading the request: a filter holds it, or the upstream is slow. */
  get requestPaused(): boolean {
    return this.#client.requestPaused;
  }

  /** Whether the exchange is over, for better or worse. */
  get over(): boolean {
    return this.stream.over;
  }

  /** The request's headers. `end`: nothing follows them. */
  headers(request: TestRequest = {}, end = true): this {
    if (this.#sent !== "nothing") throw new Error("the request's headers were sent before");
    this.#sent = end ? "end" : "headers";
    this.#decoder.onRequestHeaders(requestMap(request), end);
    return this;
  }

  /** One data frame, in a buffer that is overwritten when the call returns, as a socket's is. */
  data(data: BytesInput, end = false): this {
    this.#expectOpen("data");
    if (end) this.#sent = "end";
    const bytes = bytesOf(data);
    lend(bytes, this.overwritesBuffers, (lent) => this.#decoder.onRequestData(lent, end));
    return this;
  }

  trailers(trailers: HeadersInput): this {
    this.#expectOpen("trailers");
    this.#sent = "end";
    this.#decoder.onRequestTrailers(trailersMap(trailers));
    return this;
  }

  /** The client goes away. */
  abort(): this {
    this.#decoder.onRequestReset("connection_termination", "downstream_remote_disconnect");
    this.#wake();
    return this;
  }

  /** The client's socket is full. */
  clientSlow(): this {
    if (!this.#isSlow && !this.over) {
      this.#isSlow = true;
      this.#decoder.onResponseWriteHigh();
    }
    return this;
  }

  /** It has room again. */
  clientFast(): this {
    if (this.#isSlow && !this.over) {
      this.#isSlow = false;
      this.#decoder.onResponseWriteLow();
    }
    return this;
  }

  /** For the kit: whether a hook's promise is open. */
  get awaitsPromise(): boolean {
    const { requestFlow, responseFlow } = this.stream;
    return [requestFlow, responseFlow].some(({ holds }) => holds?.some(({ kind }) => kind === HOLD_PROMISE));
  }

  /** For the kit: sends a whole request, waiting where it is asked to. */
  async send(request: TestRequest): Promise<void> {
    const chunks = chunksOf(request);
    const { trailers } = request;
    const isBare = chunks.length === 0 && trailers === undefined;
    const method = request.method ?? (chunks.length === 0 ? "GET" : "POST");
    this.headers({ ...request, method }, isBare);
    for (const [i, chunk] of chunks.entries()) {
      await this.#writable();
      if (this.over) return;
      this.data(chunk, trailers === undefined && i === chunks.length - 1);
    }
    if (trailers === undefined) return;
    await this.#writable();
    if (!this.over) this.trailers(trailers);
  }

  async #writable(): Promise<void> {
    while (this.requestPaused && !this.over) await new Promise<void>((resolve) => (this.#waiting = resolve));
  }

  /** A mistake in a test would otherwise prove something about a client that there is not. */
  #expectOpen(what: string): void {
    if (this.#sent === "nothing") throw new Error(`${what} before the request's headers`);
    if (this.#sent === "end") throw new Error(`${what} after the end of the request`);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.();
  }
}
