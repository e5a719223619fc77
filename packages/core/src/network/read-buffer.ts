/**
 * Hot path (docs/extending/hot-path-rules.md). Reused read buffers through Node's `onread`, one per connection. They are not shared between connections:
 * the kernel reads into the buffer that was handed over after the connection's previous read, so a buffer that one connection's bytes still occupy could
 * not be taken away from the others in time. A buffer starts small, grows where reads fill it, and shrinks again after a run of small reads.
 */
import type { OnReadOpts } from "node:net";

export interface ReadBufferSizes {
  readonly minBytes: number;
  readonly maxBytes: number;
}

export const DEFAULT_READ_BUFFER: ReadBufferSizes = { minBytes: 16 * 1024, maxBytes: 128 * 1024 };

/** The side of a connection that reads into buffers of its own; found on the socket under {@link READER}. */
export interface BufferReader {
  /** `count` bytes were read into `buffer`; returns the buffer for the next read. */
  readInto(buffer: Uint8Array, count: number): Uint8Array;
}

export const READER = Symbol("sluice.reader");

/** Handed to the socket right after its callback returned, or while it is created: Node asks the generator without saying for whom. */
let next: Uint8Array = new Uint8Array(0);

/** The `onread` option of every socket that reads this way. {@link allocateReadBuffer} MUST be called right before such a socket is made. */
export const ONREAD: OnReadOpts = {
  buffer: () => next,
  callback(this: unknown, count, buffer) {
    next = (this as { [READER]: BufferReader })[READER].readInto(buffer, count);
    return true;
  },
};

export function allocateReadBuffer(bytes: number): void {
  // Not from Buffer's pool: whoever keeps a view of it shall keep nothing else.
  next = Buffer.allocUnsafeSlow(bytes);
}

const SMALL_READS_BEFORE_SHRINKING = 64;

/** What the next read goes into, per connection. */
export class ReadBufferPolicy {
  readonly #sizes: ReadBufferSizes;
  #smallReads = 0;

  constructor(sizes: ReadBufferSizes) {
    this.#sizes = sizes;
  }

  after(buffer: Uint8Array, count: number, isRetained: boolean): Uint8Array {
    const { minBytes, maxBytes } = this.#sizes;
    const size = buffer.length;
    if (count === size && size < maxBytes) {
      this.#smallReads = 0;
      return Buffer.allocUnsafeSlow(maxBytes);
    }
    if (size > minBytes) {
      if (count > minBytes) this.#smallReads = 0;
      else if (++this.#smallReads >= SMALL_READS_BEFORE_SHRINKING) {
        this.#smallReads = 0;
        return Buffer.allocUnsafeSlow(minBytes);
      }
    }
    return isRetained ? Buffer.allocUnsafeSlow(size) : buffer;
  }
}
