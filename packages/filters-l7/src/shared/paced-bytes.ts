/** Bodies that may go on only so fast: a bucket of bytes, and the loop that waits for it. */
import type { Clock } from "@sluice/sdk";

export interface ByteBucket {
  /** Takes as many as there are, at most so many; how many that was. */
  take(bytes: number): number;
  /** Milliseconds until there are more. */
  readonly waitMs: number;
}

/** Where paced bytes go on, and how time passes there. */
export interface PacedDirection {
  inject(data: Uint8Array, end: boolean): void;
}

/** Fills once in an interval, and begins with what one fill brings: the rate holds from the first byte. */
export class FillingBucket implements ByteBucket {
  readonly #clock: Clock;
  readonly #bytesPerFill: number;
  readonly #mostBytes: number;
  readonly #fillMs: number;
  #bytes: number;
  #filledMs: number;

  constructor(clock: Clock, bytesPerSecond: number, fillMs: number) {
    this.#clock = clock;
    this.#fillMs = fillMs;
    this.#bytesPerFill = (bytesPerSecond * fillMs) / 1000;
    this.#mostBytes = bytesPerSecond;
    this.#bytes = this.#bytesPerFill;
    this.#filledMs = clock.turnNow();
  }

  take(bytes: number): number {
    const fills = Math.floor((this.#clock.turnNow() - this.#filledMs) / this.#fillMs);
    if (fills > 0) {
      this.#filledMs += fills * this.#fillMs;
      this.#bytes = Math.min(this.#mostBytes, this.#bytes + fills * this.#bytesPerFill);
    }
    const taken = Math.min(bytes, Math.floor(this.#bytes));
    this.#bytes -= taken;
    return taken;
  }

  get waitMs(): number {
    return Math.max(1, this.#fillMs - (this.#clock.turnNow() - this.#filledMs));
  }
}

/**
 * For a data hook: sends what the bucket allows, waits, and returns the rest of the chunk when it may go. The direction is held meanwhile, and its source paused.
 * `wait` resolves after so many milliseconds, or never where the stream has ended.
 */
export async function paced(
  data: Uint8Array,
  bucket: ByteBucket,
  direction: PacedDirection,
  wait: (ms: number) => Promise<void>,
): Promise<Uint8Array> {
  let left = data;
  // Nothing can be injected before the hook has returned.
  await Promise.resolve();
  for (;;) {
    const taken = bucket.take(left.length);
    if (taken === left.length) return left;
    if (taken !== 0) {
      // What was taken goes out while the rest is held: it must not be changed with it.
      direction.inject(Uint8Array.prototype.slice.call(left, 0, taken), false);
      left = left.subarray(taken);
    }
    await wait(bucket.waitMs);
  }
}
