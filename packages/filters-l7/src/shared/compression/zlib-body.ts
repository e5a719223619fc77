/**
 * Hot path. A zlib stream of node:zlib driven chunk by chunk: its work is done in libuv's threads, so that a large body never holds the event loop.
 * What comes out goes to one listener; who writes waits for `onTaken` before the next chunk, so that one chunk is in work at a time.
 */
import type { Transform } from "node:stream";
import type { Zlib } from "node:zlib";

/** What the create functions of node:zlib return. */
export type ZlibStream = Transform & Pick<Zlib, "bytesWritten">;

export interface ZlibListener {
  onBytes(bytes: Uint8Array): void;
  /** The chunk has been worked in. Not called for the one that ends the stream. */
  onTaken(): void;
  /** Nothing comes any more. `unread`: bytes of what was written that stand behind the end of the compressed data. */
  onEnd(unread: number): void;
  onFailed(error: Error): void;
}

const OWNER: unique symbol = Symbol("sluice.zlib-body");

interface Owned {
  [OWNER]: ZlibBody;
}

export class ZlibBody {
  readonly #stream: ZlibStream;
  readonly #taken: (error?: Error | null) => void;
  /** null: destroyed, nobody is told anything. */
  listener: ZlibListener | null;
  written: number;

  constructor(stream: ZlibStream, listener: ZlibListener) {
    this.#stream = stream;
    this.listener = listener;
    this.written = 0;
    this.#taken = (error) => {
      if (error === undefined || error === null) this.listener?.onTaken();
    };
    (stream as unknown as Owned)[OWNER] = this;
    stream.on("data", onData).on("end", onEnd).on("error", onError);
  }

  /** The bytes MUST NOT change before `onTaken` or `onEnd`. */
  write(chunk: Uint8Array, end: boolean): void {
    this.written += chunk.length;
    if (end) this.#stream.end(chunk);
    else this.#stream.write(chunk, this.#taken);
  }

  /** Bytes that the stream has read of what was written. */
  get read(): number {
    return this.#stream.bytesWritten;
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** Frees the memory of the library at once. */
  destroy(): void {
    this.listener = null;
    this.#stream.destroy();
  }
}

function onData(this: unknown, bytes: Uint8Array): void {
  (this as Owned)[OWNER].listener?.onBytes(bytes);
}

function onEnd(this: unknown): void {
  const body = (this as Owned)[OWNER];
  body.listener?.onEnd(body.written - body.read);
}

function onError(this: unknown, error: Error): void {
  (this as Owned)[OWNER].listener?.onFailed(error);
}
