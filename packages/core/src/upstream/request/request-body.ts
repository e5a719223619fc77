/** The body of a request that a filter sends: at once, or from an iterable, which is read only as fast as the upstream takes it. */
import type { UpstreamRequestInit, UpstreamStream } from "@sluice/sdk";

const NOTHING = new Uint8Array(0);

export interface BodyFailure {
  bodyFailed(cause: unknown): void;
}

export class RequestBody {
  /** Bytes; -1: none, so that the head is the end; null: not known. */
  readonly length: number | null;
  /** Whether all of it was handed over. */
  ended: boolean;
  readonly #bytes: Uint8Array | null;
  readonly #source: AsyncIterable<Uint8Array> | null;
  #iterator: AsyncIterator<Uint8Array> | null = null;
  #stopped = false;
  #wake: (() => void) | null = null;

  /** @throws TypeError for a body of another kind. */
  constructor(body: UpstreamRequestInit["body"]) {
    this.#source = null;
    this.#bytes = null;
    this.ended = false;
    if (body === undefined || ((typeof body === "string" || body instanceof Uint8Array) && body.length === 0)) {
      this.length = -1;
      this.ended = true;
    } else if (typeof body === "string") {
      this.#bytes = Buffer.from(body);
      this.length = this.#bytes.length;
    } else if (body instanceof Uint8Array) {
      this.#bytes = body;
      this.length = body.length;
    } else if (typeof body === "object" && body !== null && Symbol.asyncIterator in body) {
      this.#source = body;
      this.length = null;
    } else {
      throw new TypeError("body is not legal, expected a string, bytes, or an async iterable of bytes");
    }
  }

  send(stream: UpstreamStream, call: BodyFailure): void {
    if (this.#stopped) return;
    if (this.#bytes !== null) {
      this.ended = true;
      stream.sendData(this.#bytes, true);
      return;
    }
    this.#pump(stream).catch((error: unknown) => call.bodyFailed(error));
  }

  /** The upstream takes more. */
  goOn(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  /** Nobody wants the rest. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.goOn();
    // A source that waits for something hears of it when that has come.
    const iterator = this.#iterator;
    this.#iterator = null;
    if (!this.ended && iterator !== null) void letGo(iterator).catch(() => {});
  }

  async #pump(stream: UpstreamStream): Promise<void> {
    const iterator = this.#source![Symbol.asyncIterator]();
    this.#iterator = iterator;
    for (;;) {
      const { done, value } = await iterator.next();
      if (this.#stopped) return;
      if (done === true) {
        this.ended = true;
        stream.sendData(NOTHING, true);
        return;
      }
      if (!(value instanceof Uint8Array)) throw new TypeError("the request's body gave something else than bytes");
      if (value.length === 0) continue;
      stream.sendData(value, false);
      if (stream.aboveWatermark) await new Promise<void>((resolve) => (this.#wake = resolve));
      if (this.#stopped) return;
    }
  }
}

/** Async, so that what `return` throws is nobody's affair either. */
async function letGo(iterator: AsyncIterator<Uint8Array>): Promise<void> {
  await iterator.return?.();
}
