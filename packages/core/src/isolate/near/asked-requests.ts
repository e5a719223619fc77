/** Requests that an isolated filter sends to clusters, carried out where the clusters are. Bodies move piece by piece, each when the other side has asked for it. */
import type { UpstreamRequestInit, UpstreamResponse } from "@sluice/sdk";
import { UpstreamError } from "@sluice/sdk";
import type { HeaderMap, ResponseHeaderMap } from "../../http/headers/header-map.ts";
import { type FarError, fromFarError, toFarError, type UpstreamAsk, type UpstreamFailure } from "../protocol.ts";
import { responseSection, trailersSection } from "../sections.ts";
import type { FilterThread } from "./filter-thread.ts";

/** One that is open. */
interface Asked {
  readonly abort: AbortController;
  readonly body: PulledBody;
  response: UpstreamResponse | null;
  chunks: AsyncIterator<Uint8Array> | null;
}

export class AskedRequests {
  readonly #thread: FilterThread;
  readonly #open = new Map<number, Asked>();

  constructor(thread: FilterThread) {
    this.#thread = thread;
  }

  ask(number: number, ask: UpstreamAsk): void {
    const asked: Asked = {
      abort: new AbortController(),
      body: new PulledBody(() => this.#thread.post(["pull", number])),
      response: null,
      chunks: null,
    };
    this.#open.set(number, asked);
    void this.#send(number, asked, ask);
  }

  async #send(number: number, asked: Asked, ask: UpstreamAsk): Promise<void> {
    try {
      const response = await this.#cluster(ask.cluster).request(initOf(ask, asked));
      asked.response = response;
      asked.chunks = response.body[Symbol.asyncIterator]();
      const { address, hostname, cluster } = response.host;
      const head = {
        section: responseSection(response.headers as ResponseHeaderMap),
        host: { address, hostname, cluster },
      };
      this.#thread.post(["answer", number, head, null]);
    } catch (error) {
      this.#open.delete(number);
      this.#thread.post(["answer", number, null, failureOf(error)]);
    }
  }

  #cluster(name: string): { request(init: UpstreamRequestInit): Promise<UpstreamResponse> } {
    const cluster = this.#thread.filter.context.clusters.get(name);
    if (cluster === undefined) throw new UpstreamError(name, "no_healthy_upstream", "there is no such cluster");
    return cluster;
  }

  /** A piece of the request's body; null: its end. */
  bodyData(number: number, data: Uint8Array | null, error: FarError | null): void {
    this.#open.get(number)?.body.push(data, error);
  }

  /** The filter reads on. */
  pull(number: number): void {
    const asked = this.#open.get(number);
    if (asked !== undefined) void this.#next(number, asked);
  }

  async #next(number: number, { chunks, response }: Asked): Promise<void> {
    const thread = this.#thread;
    try {
      const { done, value } = await chunks!.next();
      if (done !== true) {
        const copy = new Uint8Array(value);
        thread.transfer(copy.buffer);
        thread.post(["answerData", number, copy, null]);
        return;
      }
      thread.post(["answerData", number, null, null]);
      thread.post(["answerTrailers", number, trailersSection((await response!.trailers) as HeaderMap), null]);
    } catch (error) {
      thread.post(["answerData", number, null, failureOf(error)]);
      thread.post(["answerTrailers", number, null, failureOf(error)]);
    }
    this.#open.delete(number);
  }

  cancel(number: number): void {
    const asked = this.#open.get(number);
    this.#open.delete(number);
    asked?.abort.abort();
  }

  /** The thread is gone, and with it whoever waits. */
  end(): void {
    for (const { abort } of this.#open.values()) abort.abort();
    this.#open.clear();
  }
}

function initOf(ask: UpstreamAsk, { abort, body }: Asked): UpstreamRequestInit {
  return {
    path: ask.path,
    headers: ask.headers,
    signal: abort.signal,
    ...(ask.method !== null && { method: ask.method }),
    ...(ask.authority !== null && { authority: ask.authority }),
    ...(ask.timeoutMs !== null && { timeoutMs: ask.timeoutMs }),
    ...(ask.body !== null && { body: ask.body }),
    ...(ask.streams && { body }),
  };
}

function failureOf(error: unknown): UpstreamFailure {
  const { reason, detail } = error instanceof UpstreamError ? error : { reason: null, detail: "" };
  return { ...toFarError(error), reason, detail };
}

/** The request's body, as the upstream takes it. */
class PulledBody implements AsyncIterable<Uint8Array> {
  readonly #pull: () => void;
  #waiting: { resolve(result: IteratorResult<Uint8Array>): void; reject(error: Error): void } | null = null;

  constructor(pull: () => void) {
    this.#pull = pull;
  }

  push(data: Uint8Array | null, error: FarError | null): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (error !== null) waiting?.reject(fromFarError(error));
    else if (data === null) waiting?.resolve({ done: true, value: undefined });
    else waiting?.resolve({ done: false, value: data });
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: () =>
        new Promise((resolve, reject) => {
          this.#waiting = { resolve, reject };
          this.#pull();
        }),
      return: () => Promise.resolve({ done: true, value: undefined }),
    };
  }
}
