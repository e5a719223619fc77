/**
 * Hot path. Codecs that hold back output register here. What one socket's turn wrote leaves at the end of that turn (`add`). What many sockets' turns write to one,
 * as the streams of an HTTP/2 connection do, leaves when the event loop has been through all of them (`addLate`): a write costs more than anything else.
 * Outside of a turn (timers, promises) both are flushed by setImmediate.
 */
export interface Flushable {
  /** Owned by the queue. */
  flushQueued: boolean;
  flush(): void;
}

/** Told of every turn, so that a clock needs to be read only once in it. */
export interface TurnListener {
  beginTurn(): void;
  endTurn(): void;
}

const NOBODY: TurnListener = { beginTurn() {}, endTurn() {} };

export interface FlushQueueOptions {
  /** `loop`: late items wait for the end of the event loop's round; `turn`: they are flushed with the others. @default "turn" */
  readonly late?: "loop" | "turn";
  /** Told what a flush by setImmediate threw; absent: it is thrown. */
  readonly onError?: (error: unknown) => void;
}

export class FlushQueue {
  readonly #items: Flushable[] = [];
  readonly #late: Flushable[] = [];
  readonly #turns: TurnListener;
  readonly #outlastsTurns: boolean;
  readonly #onError: ((error: unknown) => void) | null;
  #depth = 0;
  #scheduled = false;

  constructor(turns: TurnListener = NOBODY, { late = "turn", onError }: FlushQueueOptions = {}) {
    this.#turns = turns;
    this.#outlastsTurns = late === "loop";
    this.#onError = onError ?? null;
  }

  /** Before a socket's bytes are handled. */
  enter(): void {
    if (this.#depth++ === 0) this.#turns.beginTurn();
  }

  /** After them: what they caused is written. */
  leave(): void {
    if (--this.#depth !== 0) return;
    this.#turns.endTurn();
    if (this.#items.length !== 0) this.#runAll(this.#items);
  }

  /** Flushed at the end of the turn. */
  add(item: Flushable): void {
    if (item.flushQueued) return;
    item.flushQueued = true;
    this.#items.push(item);
    if (this.#depth === 0) this.#schedule();
  }

  /** Flushed at the end of the event loop's round. */
  addLate(item: Flushable): void {
    if (!this.#outlastsTurns) {
      this.add(item);
      return;
    }
    if (item.flushQueued) return;
    item.flushQueued = true;
    this.#late.push(item);
    this.#schedule();
  }

  /** Flushes everything. An item that throws does not keep the others from being flushed; its error is thrown after them. */
  run(): void {
    // Those of the turn first: they may write to late ones. A flush may add to either.
    while (this.#items.length !== 0 || this.#late.length !== 0) {
      this.#runAll(this.#items.length === 0 ? this.#late : this.#items);
    }
  }

  #runAll(items: Flushable[]): void {
    // Index loop: a flush may add to the list.
    let failure: unknown;
    let hasFailed = false;
    for (let i = 0; i < items.length; i++) {
      const item = items[i]!;
      item.flushQueued = false;
      try {
        item.flush();
      } catch (error) {
        if (!hasFailed) failure = error;
        hasFailed = true;
      }
    }
    items.length = 0;
    if (hasFailed) throw failure;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(runScheduled, this);
  }

  /** Called by the scheduled immediate: a turn of its own. */
  runScheduled(): void {
    this.#scheduled = false;
    this.enter();
    try {
      this.run();
    } catch (error) {
      if (this.#onError === null) throw error;
      this.#onError(error);
    } finally {
      this.leave();
    }
  }
}

function runScheduled(queue: FlushQueue): void {
  queue.runScheduled();
}
