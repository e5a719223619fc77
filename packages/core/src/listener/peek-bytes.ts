/** The bytes of a connection that listener filters look at: what was read and not consumed, and how much of it the filter at hand has seen. */
const NO_BYTES = new Uint8Array(0);

export class PeekBytes {
  #held: Uint8Array = NO_BYTES;
  /** How many the filter at hand has seen, and how many of these it wants to be taken out. */
  #seen = 0;
  #consumed = 0;

  append(data: Uint8Array): void {
    this.#held = this.#held.length === 0 ? data : Buffer.concat([this.#held, data]);
  }

  /** All of them; nothing is left. */
  take(): Uint8Array {
    const held = this.#held;
    this.#held = NO_BYTES;
    return held;
  }

  /** What a filter sees that wants at most `limit`; null where it has seen that. */
  look(limit: number): Uint8Array | null {
    const visible = Math.min(this.#held.length, limit);
    if (visible === this.#seen) return null;
    this.#seen = visible;
    return visible === this.#held.length ? this.#held : this.#held.subarray(0, visible);
  }

  /** Whether the filter at hand has seen as many. */
  hasShown(count: number): boolean {
    return this.#seen === count;
  }

  /** Notes what is to be taken out. @throws RangeError */
  consume(count: number): void {
    const left = this.#seen - this.#consumed;
    if (!Number.isInteger(count) || count < 0 || count > left)
      throw new RangeError(`consume(${count}): the filter has seen ${left} bytes that are not consumed`);
    this.#consumed += count;
  }

  /** Takes out what was noted; the filter has then seen nothing of the rest. */
  settle(): void {
    if (this.#consumed === 0) return;
    this.#held = this.#held.subarray(this.#consumed);
    this.#consumed = 0;
    this.#seen = 0;
  }

  /** The next filter's turn. */
  turn(): void {
    this.settle();
    this.#seen = 0;
  }
}
