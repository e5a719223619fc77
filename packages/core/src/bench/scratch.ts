/** Where the bench copies the bytes that it sends, as a socket reads into its buffer: under the ownership rule of read buffers. */
import { readBuffer } from "../network/connection.ts";

const SIZE = 64 * 1024;

/** A filter that changes bytes in place does not change the next request's; a buffer that somebody kept is left to him. */
export class Scratch {
  #bytes = new Uint8Array(SIZE);

  copy(chunk: Uint8Array): Uint8Array {
    if (readBuffer.retained || this.#bytes.length < chunk.length) {
      readBuffer.retained = false;
      this.#bytes = new Uint8Array(Math.max(SIZE, chunk.length));
    }
    this.#bytes.set(chunk);
    return this.#bytes.subarray(0, chunk.length);
  }
}
