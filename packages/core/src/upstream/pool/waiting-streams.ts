/** Hot path. Streams that wait for a connection, in their order. One that gives up stays in place, marked `over`, until it is its turn or most have. */
import type { PooledStream } from "./upstream-stream.ts";

export class WaitingStreams {
  /** Of those that still wait. */
  count: number;
  #streams: PooledStream[];
  #head: number;

  constructor() {
    this.count = 0;
    this.#streams = [];
    this.#head = 0;
  }

  push(stream: PooledStream): void {
    this.#streams.push(stream);
    this.count++;
  }

  /** One of them, which is over already, has given up. */
  gaveUp(): void {
    this.count--;
    this.#compact();
  }

  /** Takes the one that waits longest; null: none does. */
  shift(): PooledStream | null {
    while (this.#head < this.#streams.length) {
      const stream = this.#streams[this.#head++]!;
      if (stream.over) continue;
      this.count--;
      this.#compact();
      return stream;
    }
    this.#streams = [];
    this.#head = 0;
    return null;
  }

  #compact(): void {
    if (this.#streams.length <= 2 * this.count + 64) return;
    this.#streams = this.#streams.slice(this.#head).filter((stream) => !stream.over);
    this.#head = 0;
  }
}
