/** Chunks that wait in a network filter chain: a linked list, since most chains never hold any. */
import { retainReadBuffer } from "../connection.ts";

/** Below this a held chunk is copied, so that it does not keep a whole read buffer alive. */
const COPY_BELOW = 16_384;

export class Chunk {
  readonly data: Uint8Array;
  readonly end: boolean;
  next: Chunk | null = null;

  constructor(data: Uint8Array, end: boolean) {
    this.data = data;
    this.end = end;
  }
}

export class ChunkQueue {
  bytes = 0;
  #first: Chunk | null = null;
  #last: Chunk | null = null;

  get isEmpty(): boolean {
    return this.#first === null;
  }

  /** Keeps bytes that are valid for this turn only. */
  keep(data: Uint8Array, end: boolean): void {
    if (data.length >= COPY_BELOW) retainReadBuffer();
    this.add(new Chunk(data.length < COPY_BELOW ? Uint8Array.prototype.slice.call(data) : data, end));
  }

  /** Takes a chunk that is kept already. */
  add(chunk: Chunk): void {
    chunk.next = null;
    if (this.#last === null) this.#first = chunk;
    else this.#last.next = chunk;
    this.#last = chunk;
    this.bytes += chunk.data.length;
  }

  take(): Chunk | null {
    const chunk = this.#first;
    if (chunk === null) return null;
    this.#first = chunk.next;
    if (this.#first === null) this.#last = null;
    this.bytes -= chunk.data.length;
    return chunk;
  }

  clear(): void {
    this.#first = null;
    this.#last = null;
    this.bytes = 0;
  }
}
