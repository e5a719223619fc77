/**
 * Hot path. Codecs that hold back output (a head waiting for its body) register here; every socket read ends its turn with `flush`, so that what one turn
 * wrote leaves in one write. Outside of a turn (timers, promises) a flush is scheduled with setImmediate.
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

export class FlushQueue {
  readonly #items: Flushable[] = [];
  readonly #turns: TurnListener;
  #depth = 0;
  #scheduled = false;

  constructor(turns: TurnListener = NOBODY) {
    this.#turns = turns;
  }

  /** Before a socket's bytes are handled. */
  enter(): void {
    if (this.#depth++ === 0) this.#turns.beginTurn();
  }

  /** After them: what they caused is written. */
  leave(): void {
    if (--this.#depth !== 0) return;
    this.#turns.endTurn();
    if (this.#items.length !== 0) this.run();
  }

  add(item: Flushable): void {
    if (item.flushQueued) return;
    item.flushQueued = true;
    this.#items.push(item);
    if (this.#depth === 0 && !this.#scheduled) {
      this.#scheduled = true;
      setImmediate(runScheduled, this);
    }
  }

  /** Flushes everything. An item that throws does not keep the others from being flushed; its error is thrown after them. */
  run(): void {
    // Index loop: a flush may add to the queue.
    const items = this.#items;
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

  /** Called by the scheduled immediate. */
  runScheduled(): void {
    this.#scheduled = false;
    this.run();
  }
}

function runScheduled(queue: FlushQueue): void {
  queue.runScheduled();
}
