/** The body of a response to a filter's own request: what has come waits in a queue of bounded size, and whoever reads empties it. */
import { UpstreamError, type UpstreamBody } from "@sluice/sdk";

/** Above it the response is paused, at half of it it goes on. */
const QUEUE_BYTES = 64 * 1024;
const DEFAULT_LIMIT = 1024 * 1024;

/** What a body asks of its call. */
export interface BodySource {
  readonly clusterName: string;
  pauseResponse(): void;
  resumeResponse(): void;
  /** The body is larger than its reader takes. */
  giveUp(error: Error): void;
  cancel(why: string): void;
}

export class ResponseBody implements UpstreamBody {
  readonly #source: BodySource;
  readonly #queue: Uint8Array[] = [];
  #queued = 0;
  #paused = false;
  #ended = false;
  #error: Error | null = null;
  #isRead = false;
  #wake: (() => void) | null = null;
  /** `content-length`, -1 where there is none. */
  readonly #length: number;

  constructor(source: BodySource, length: number) {
    this.#source = source;
    this.#length = length;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    this.#claim();
    try {
      for (;;) {
        const chunk = this.#queue.shift();
        if (chunk !== undefined) {
          this.#took(chunk.length);
          yield chunk;
        } else if (this.#error !== null) throw this.#error;
        else if (this.#ended) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      if (!this.#ended) this.#source.cancel("the reader of the body left");
      this.#queue.length = 0;
    }
  }

  async bytes(limit = DEFAULT_LIMIT): Promise<Uint8Array> {
    if (this.#length > limit && !this.#isRead) {
      this.#claim();
      throw this.#tooLarge(limit);
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this) {
      size += chunk.length;
      if (size > limit) throw this.#tooLarge(limit);
      chunks.push(chunk);
    }
    if (chunks.length === 1) return chunks[0]!;
    const whole = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  async text(limit?: number): Promise<string> {
    return new TextDecoder().decode(await this.bytes(limit));
  }

  async json(limit?: number): Promise<unknown> {
    return JSON.parse(await this.text(limit));
  }

  // ---- from the call ------------------------------------------------------------------------------------------------------------------------

  /** Copies: the bytes are the engine's when this returns. */
  push(data: Uint8Array): void {
    if (data.length === 0) return;
    this.#queue.push(Uint8Array.from(data));
    this.#queued += data.length;
    if (this.#queued > QUEUE_BYTES && !this.#paused) {
      this.#paused = true;
      this.#source.pauseResponse();
    }
    this.#rouse();
  }

  end(): void {
    this.#ended = true;
    this.#rouse();
  }

  /** `drop`: what has come is not to be read any more. */
  fail(error: Error, drop: boolean): void {
    if (this.#ended || this.#error !== null) return;
    this.#error = error;
    if (drop) this.#queue.length = 0;
    this.#rouse();
  }

  #claim(): void {
    if (this.#isRead) throw new TypeError("the body has been read already");
    this.#isRead = true;
  }

  #took(bytes: number): void {
    this.#queued -= bytes;
    if (this.#paused && this.#queued <= QUEUE_BYTES / 2) {
      this.#paused = false;
      this.#source.resumeResponse();
    }
  }

  #rouse(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  #tooLarge(limit: number): Error {
    const error = new UpstreamError(this.#source.clusterName, "too_large", `the body is larger than ${limit} bytes`);
    this.#source.giveUp(error);
    return error;
  }
}
