/**
 * What is remembered of streams that are over (RFC 9113 section 5.1): how the last ones ended, since what a peer sent before it learned of a reset is no fault;
 * and which ids were passed over, since those were closed without ever being open. Of what was forgotten only the stream is refused, never the connection.
 */
export const Closed = {
  /** Open once, forgotten. */
  long: 0,
  /** END_STREAM from both sides. */
  ended: 1,
  /** We sent RST_STREAM: what still comes is passed over. */
  resetByUs: 2,
  resetByPeer: 3,
  /** An id below one that was opened, which was not used itself. */
  skipped: 4,
} as const;
export type Closed = (typeof Closed)[keyof typeof Closed];

const REMEMBERED = 64;
const GAPS = 8;

export class ClosedStreams {
  /** Made when the first stream ends. */
  #ids: Uint32Array | null;
  #ways: Uint8Array | null;
  #at: number;
  /** First and last id of each gap, in a ring; null until there is one. */
  #gaps: number[] | null;
  #gapAt: number;

  constructor() {
    this.#ids = null;
    this.#ways = null;
    this.#at = 0;
    this.#gaps = null;
    this.#gapAt = 0;
  }

  add(id: number, way: Closed): void {
    this.#ids ??= new Uint32Array(REMEMBERED);
    this.#ways ??= new Uint8Array(REMEMBERED);
    this.#ids[this.#at] = id;
    this.#ways[this.#at] = way;
    this.#at = (this.#at + 1) & (REMEMBERED - 1);
  }

  /** The ids between, of the peer's kind, are closed without a stream. */
  skip(first: number, last: number): void {
    const gaps = (this.#gaps ??= Array.from({ length: GAPS * 2 }, () => 0));
    gaps[this.#gapAt] = first;
    gaps[this.#gapAt + 1] = last;
    this.#gapAt = (this.#gapAt + 2) % gaps.length;
  }

  /** Of a stream that was opened or passed over, and is not open. */
  way(id: number): Closed {
    const ids = this.#ids;
    if (ids !== null) {
      // The latest first: a reset after both ends is the last word.
      for (let i = 1; i <= REMEMBERED; i++) {
        const at = (this.#at - i) & (REMEMBERED - 1);
        if (ids[at] === id) return this.#ways![at] as Closed;
      }
    }
    const gaps = this.#gaps;
    if (gaps !== null) {
      for (let i = 0; i < gaps.length; i += 2) if (id >= gaps[i]! && id <= gaps[i + 1]!) return Closed.skipped;
    }
    return Closed.long;
  }
}
