/**
 * Hot path. The body of one message on its way through an encoder. A body that comes whole and small is compressed at once; any other chunk by chunk in another
 * thread, while a promise holds the direction: what is kept is one chunk and what came of it.
 */
import type { Counter, DataVerdict, Direction, Verdict } from "@sluice/sdk";
import type { Encoder } from "../shared/compression/encoders.ts";
import { EMPTY, Pieces } from "../shared/compression/pieces.ts";
import { ZlibBody, type ZlibListener } from "../shared/compression/zlib-body.ts";

interface ByteCounters {
  readonly uncompressedBytes: Counter;
  readonly compressedBytes: Counter;
}

export class CompressedBody implements ZlibListener {
  readonly #encoder: Encoder;
  readonly #counters: ByteCounters;
  /** What `content-length` said; -1: nothing. */
  readonly #length: number;
  readonly #pieces: Pieces;
  /** null: nothing has been compressed chunk by chunk. */
  #zlib: ZlibBody | null;
  #settle: ((bytes: Uint8Array) => void) | null;
  #refuse: ((error: Error) => void) | null;
  #isDone: boolean;

  constructor(encoder: Encoder, counters: ByteCounters, length: number) {
    this.#encoder = encoder;
    this.#counters = counters;
    this.#length = length;
    this.#pieces = new Pieces();
    this.#zlib = null;
    this.#settle = null;
    this.#refuse = null;
    this.#isDone = false;
  }

  data(chunk: Uint8Array, end: boolean): DataVerdict | Promise<DataVerdict> {
    if (this.#isDone) return afterWhole(chunk);
    this.#counters.uncompressedBytes.inc(chunk.length);
    // In HTTP/2 the end often comes by itself, behind the whole body.
    const isWhole = end || chunk.length === this.#length;
    if (isWhole && this.#zlib === null && chunk.length <= this.#encoder.wholeLimit) {
      this.#isDone = true;
      const whole = this.#encoder.whole(chunk);
      this.#counters.compressedBytes.inc(whole.length);
      return whole;
    }
    if (chunk.length === 0 && !end) return EMPTY;
    return this.#pass(chunk, end);
  }

  /** The message ends with trailers: what is left of the body goes first. */
  trailers(direction: Direction): Verdict | Promise<Verdict> {
    return this.#isDone ? undefined : this.#finish(direction);
  }

  async #finish(direction: Direction): Promise<void> {
    const rest = await this.#pass(EMPTY, true);
    direction.inject(rest, false);
  }

  #pass(chunk: Uint8Array, end: boolean): Promise<Uint8Array> {
    this.#zlib ??= new ZlibBody(this.#encoder.stream(), this);
    if (end) this.#isDone = true;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    this.#settle = resolve;
    this.#refuse = reject;
    this.#zlib.write(chunk, end);
    return promise;
  }

  onBytes(bytes: Uint8Array): void {
    this.#pieces.add(bytes);
  }

  onTaken(): void {
    const bytes = this.#pieces.take();
    this.#counters.compressedBytes.inc(bytes.length);
    this.#settle?.(bytes);
  }

  onEnd(): void {
    this.onTaken();
    this.destroy();
  }

  onFailed(error: Error): void {
    this.#refuse?.(error);
    this.destroy();
  }

  destroy(): void {
    this.#settle = null;
    this.#refuse = null;
    this.#zlib?.destroy();
  }
}

/** Behind a whole body only its end may come. @throws Error where a filter has made it longer than it says */
function afterWhole(chunk: Uint8Array): Uint8Array {
  if (chunk.length !== 0) throw new Error("the body is longer than its content-length");
  return chunk;
}
