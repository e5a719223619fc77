/** Hot path. Streams that wait for a connection, in their order. One that gives up stays in place, marked `over`, until it is its turn or most have. */
import type { StreamCarrier } from "./pool.ts";
import type { PooledStream } from "./upstream-stream.ts";

/** So many that wait are looked at for one that does not avoid a connection. */
const MOST_PASSED_OVER = 16;

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

  /** The same for a connection: streams that its server refused are left for another one. */
  shiftFor(connection: StreamCarrier): PooledStream | null {
    const streams = this.#streams;
    let at = this.#head;
    for (let passed = 0; at < streams.length; at++) {
      const stream = streams[at]!;
      if (stream.over) continue;
      if (stream.avoids !== connection) break;
      if (++passed === MOST_PASSED_OVER) return null;
    }
    if (at === streams.length) return null;
    // Those before it keep their order, one place further on.
    const found = streams[at]!;
    streams.copyWithin(this.#head + 1, this.#head, at);
    this.#head++;
    this.count--;
    this.#compact();
    return found;
  }

  /** Nobody avoids this connection any more. */
  forgive(connection: StreamCarrier): void {
    const streams = this.#streams;
    for (let i = this.#head; i < streams.length; i++) if (streams[i]!.avoids === connection) streams[i]!.avoids = null;
  }

  #compact(): void {
    if (this.#streams.length <= 2 * this.count + 64) return;
    this.#streams = this.#streams.slice(this.#head).filter((stream) => !stream.over);
    this.#head = 0;
  }
}
