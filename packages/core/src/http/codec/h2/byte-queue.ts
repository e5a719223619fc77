/** Bytes of one stream that wait: for the peer's window on their way out, for a paused engine on their way in. A linked list, since most streams never hold any. */
import { retainReadBuffer } from "../../../network/connection.ts";

/** Below this a held piece is copied, so that it does not keep a whole read buffer alive. */
const COPY_BELOW = 16_384;

class Piece {
  readonly data: Uint8Array;
  next: Piece | null;

  constructor(data: Uint8Array) {
    this.data = data;
    this.next = null;
  }
}

export class ByteQueue {
  bytes: number;
  #first: Piece | null;
  #last: Piece | null;
  /** What of the first piece was taken. */
  #at: number;

  constructor() {
    this.bytes = 0;
    this.#first = null;
    this.#last = null;
    this.#at = 0;
  }

  /** Keeps what stands in `data` from `from` on, which is valid for this turn only. */
  keep(data: Uint8Array, from: number): void {
    const length = data.length - from;
    if (length === 0) return;
    let kept: Uint8Array;
    if (length < COPY_BELOW) {
      kept = Uint8Array.prototype.slice.call(data, from);
    } else {
      retainReadBuffer();
      kept = from === 0 ? data : data.subarray(from);
    }
    const piece = new Piece(kept);
    if (this.#last === null) this.#first = piece;
    else this.#last.next = piece;
    this.#last = piece;
    this.bytes += length;
  }

  /** The first piece, from `offset` on; null where nothing waits. */
  get head(): Uint8Array | null {
    return this.#first === null ? null : this.#first.data;
  }

  get offset(): number {
    return this.#at;
  }

  /** Takes `count` bytes of the first piece. */
  take(count: number): void {
    const first = this.#first!;
    this.bytes -= count;
    this.#at += count;
    if (this.#at < first.data.length) return;
    this.#at = 0;
    this.#first = first.next;
    if (this.#first === null) this.#last = null;
  }

  /** Returns how many bytes were dropped. */
  clear(): number {
    const { bytes } = this;
    if (this.#first === null) return 0;
    this.bytes = 0;
    this.#first = null;
    this.#last = null;
    this.#at = 0;
    return bytes;
  }
}

/** Of every stream that has nothing waiting, as most never have. Nothing is kept in it. */
export const NO_BYTES = new ByteQueue();
