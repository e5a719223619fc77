/** What one filter holds in one direction: made only when a filter stops or awaits. */
import type { HeaderMap } from "../headers/header-map.ts";
import type { FilterSlot } from "./filter-chain.ts";

/** The filter is still called with what comes. */
export const HOLD_OWN = 0;
/** No hook runs until `resume()`; the body is kept up to the limit. */
export const HOLD_BUFFER = 1;
/** No hook runs until `resume()`; the source is paused. */
export const HOLD_ALL = 2;
/** A promise is open. */
export const HOLD_PROMISE = 3;
/** The filter has ended the message itself: what still comes is dropped. */
export const HOLD_DEAD = 4;
/** Nothing stops the filter any more: what it holds is on its way, then the hold is gone. */
export const HOLD_PASSING = 5;

export interface Chunk {
  data: Uint8Array;
  end: boolean;
}

export class Hold {
  readonly slot: FilterSlot;
  kind: number = HOLD_OWN;
  /** Of the hook whose promise is open. */
  phase = 0;
  /** Since when the filter stops its direction, on a stream that is watched; -1: it does not, or nobody watches. */
  heldSinceMs = -1;
  /** Over `limit` the stream is answered; else its source is paused. */
  fails = false;
  limit: number;
  headersHeld = false;
  headersEnd = false;
  /** Went through the filter's data hook already. */
  seen: Chunk[] = [];
  /** Did not; the first `taken` of them are gone. */
  unseen: Chunk[] = [];
  taken = 0;
  bytes = 0;
  trailers: HeaderMap | null = null;
  trailersSeen = false;
  /** The chunk whose hook is awaited. */
  inFlight: Chunk | null = null;
  addedTrailers: HeaderMap | null = null;
  injected: Chunk[] | null = null;
  /** This hold is one of the pauses of its flow. */
  pausing = false;
  /** Distinguishes promises: a late one is ignored. */
  turn = 0;
  /** The whole body is here. */
  complete = false;
  /** What `body()` gave, and what settles it. */
  body: Promise<Uint8Array> | null = null;
  onBody: { resolve(body: Uint8Array): void; reject(error: Error): void } | null = null;

  constructor(slot: FilterSlot, limit: number) {
    this.slot = slot;
    this.limit = limit;
  }

  /** Whether the end of the message is among what is held. */
  get holdsEnd(): boolean {
    return (
      this.trailers !== null ||
      (this.headersHeld && this.headersEnd) ||
      this.inFlight?.end === true ||
      this.unseen.at(-1)?.end === true ||
      this.seen.at(-1)?.end === true
    );
  }

  /** The next chunk that the filter has not seen; null where there is none. */
  take(): Chunk | null {
    const { unseen } = this;
    if (this.taken === unseen.length) return null;
    const chunk = unseen[this.taken++]!;
    if (this.taken === unseen.length) {
      unseen.length = 0;
      this.taken = 0;
    }
    this.bytes -= chunk.data.length;
    return chunk;
  }
}
