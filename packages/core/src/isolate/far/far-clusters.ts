/** Clusters in the filter's thread: `request()` alone, carried out by the worker. Whether a cluster exists is known when a request is sent. */
import type {
  Clusters,
  Cluster,
  Headers,
  ResponseHeaders,
  UpstreamBody,
  UpstreamRequestInit,
  UpstreamResponse,
} from "@sluice/sdk";
import { UpstreamError } from "@sluice/sdk";
import { HeaderMap, ResponseHeaderMap } from "../../http/headers/header-map.ts";
import { fromFarError, type ToFar, toFarError, type UpstreamAsk, type UpstreamFailure } from "../protocol.ts";
import { readResponse, readTrailers } from "../sections.ts";
import type { Outbox } from "./outbox.ts";
import { refusingPrototype } from "./refusals.ts";

const DEFAULT_LIMIT = 1024 * 1024;

type Answer = Extract<ToFar, readonly [kind: "answer" | "answerData" | "answerTrailers" | "pull", ...rest: unknown[]]>;

export class FarClusters implements Clusters {
  readonly #outbox: Outbox;
  readonly #open = new Map<number, FarRequest>();
  #next = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
    outbox.onAskRefused = (request, error) => this.#open.get(request)?.refused(error);
  }

  get(name: string): Cluster {
    const cluster = Object.create(noCluster) as Cluster;
    const request = (init: UpstreamRequestInit): Promise<UpstreamResponse> => this.#request(name, init);
    return Object.assign(cluster, { name, request });
  }

  #request(cluster: string, init: UpstreamRequestInit): Promise<UpstreamResponse> {
    const number = this.#next++;
    const request = new FarRequest(number, cluster, init, this.#outbox, () => this.#open.delete(number));
    this.#open.set(number, request);
    return request.send(init);
  }

  take(entry: Answer): void {
    this.#open.get(entry[1])?.take(entry);
  }
}

const noCluster = refusingPrototype("cluster");

/** One request and its response. */
class FarRequest implements UpstreamBody {
  readonly #number: number;
  readonly #cluster: string;
  readonly #outbox: Outbox;
  readonly #chunks: AsyncIterator<Uint8Array> | null;
  readonly #forget: () => void;
  readonly #signals: readonly AbortSignal[];
  readonly #head = Promise.withResolvers<UpstreamResponse>();
  readonly #trailers = Promise.withResolvers<Headers>();
  #waiting: PromiseWithResolvers<IteratorResult<Uint8Array>> | null = null;
  /** What whoever still reads is told. */
  #failure: Error | null = null;
  #isRead = false;
  #isOver = false;

  constructor(number: number, cluster: string, init: UpstreamRequestInit, outbox: Outbox, forget: () => void) {
    this.#number = number;
    this.#cluster = cluster;
    this.#outbox = outbox;
    this.#forget = forget;
    const { body } = init;
    const isStream = typeof body === "object" && !(body instanceof Uint8Array);
    this.#chunks = isStream ? body[Symbol.asyncIterator]() : null;
    this.#signals = [init.signal, init.stream?.signal].filter((signal) => signal !== undefined);
    this.#trailers.promise.catch(() => {});
  }

  send(init: UpstreamRequestInit): Promise<UpstreamResponse> {
    for (const signal of this.#signals) {
      if (signal.aborted) {
        this.#end(new UpstreamError(this.#cluster, "cancelled"));
        return this.#head.promise;
      }
      signal.addEventListener("abort", this.#onAbort);
    }
    this.#outbox.add(["ask", this.#number, askOf(this.#cluster, init, this.#chunks !== null)]);
    return this.#head.promise;
  }

  take(entry: Answer): void {
    const [kind, , value, failure] = entry;
    if (kind === "pull") void this.#sendBody();
    else if (failure !== null && failure !== undefined) this.#end(errorOf(this.#cluster, failure));
    else if (kind === "answer") this.#answered(value as Extract<Answer, readonly ["answer", ...unknown[]]>[2]);
    else if (kind === "answerData") this.#data(value as Uint8Array | null);
    else {
      this.#trailers.resolve(new HeaderMap(readTrailers(value as string)));
      this.#over();
    }
  }

  /** It could not be asked for. */
  refused(error: Error): void {
    this.#end(error);
  }

  async #sendBody(): Promise<void> {
    try {
      const { done, value } = await this.#chunks!.next();
      if (done !== true && !(value instanceof Uint8Array))
        throw new TypeError("the request's body gave something else than bytes");
      this.#outbox.add(["askData", this.#number, done === true ? null : this.#outbox.copyOf(value), null]);
    } catch (error) {
      this.#outbox.add(["askData", this.#number, null, toFarError(error)]);
    }
  }

  #answered(head: Extract<Answer, readonly ["answer", ...unknown[]]>[2]): void {
    const { status, fields } = readResponse(head!.section);
    const headers: ResponseHeaders = new ResponseHeaderMap(status, fields);
    const trailers = this.#trailers.promise;
    this.#head.resolve({ status, headers, body: this, trailers, host: head!.host, cancel: () => this.#cancel() });
  }

  #data(data: Uint8Array | null): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(data === null ? { done: true, value: undefined } : { done: false, value: data });
  }

  readonly #onAbort = (): void => this.#cancel();

  #cancel(error: Error = new UpstreamError(this.#cluster, "cancelled")): void {
    if (this.#isOver) return;
    this.#outbox.add(["cancel", this.#number]);
    this.#end(error);
  }

  #end(error: Error): void {
    this.#failure = error;
    this.#head.reject(error);
    this.#trailers.reject(error);
    this.#waiting?.reject(error);
    this.#waiting = null;
    this.#over();
  }

  #over(): void {
    this.#isOver = true;
    this.#forget();
    for (const signal of this.#signals) signal.removeEventListener("abort", this.#onAbort);
  }

  // ---- the response's body ----------------------------------------------------------------------------------------------------------------

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    if (this.#isRead) throw new TypeError("the body of a response can be read once");
    this.#isRead = true;
    return {
      next: () => this.#nextChunk(),
      return: () => {
        this.#cancel();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #nextChunk(): Promise<IteratorResult<Uint8Array>> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    this.#waiting = Promise.withResolvers<IteratorResult<Uint8Array>>();
    this.#outbox.add(["pullAnswer", this.#number]);
    return this.#waiting.promise;
  }

  async bytes(limit: number = DEFAULT_LIMIT): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this) {
      size += chunk.length;
      if (size > limit) {
        const error = new UpstreamError(this.#cluster, "too_large", `the body is larger than ${limit} bytes`);
        this.#cancel(error);
        throw error;
      }
      chunks.push(chunk);
    }
    return new Uint8Array(Buffer.concat(chunks, size));
  }

  async text(limit?: number): Promise<string> {
    return new TextDecoder().decode(await this.bytes(limit));
  }

  async json(limit?: number): Promise<unknown> {
    return JSON.parse(await this.text(limit)) as unknown;
  }
}

function askOf(cluster: string, init: UpstreamRequestInit, streams: boolean): UpstreamAsk {
  const { method = null, path, authority = null, headers = [], body, timeoutMs = null } = init;
  const list: [string, string][] = [];
  if (Symbol.iterator in headers) for (const [name, value] of headers) list.push([name, value]);
  else
    for (const [name, value] of Object.entries(headers))
      for (const each of typeof value === "string" ? [value] : (value as readonly string[])) list.push([name, each]);
  const whole = streams || body === undefined ? null : (body as string | Uint8Array);
  return { cluster, method, path, authority, headers: list, body: whole, streams, timeoutMs };
}

function errorOf(cluster: string, failure: UpstreamFailure): Error {
  if (failure.reason === null) return fromFarError(failure);
  return new UpstreamError(cluster, failure.reason, failure.detail);
}
