/**
 * Hot path: docs/extending/hot-path-rules.md. A byte buffer that grows and is used again: what an encoder or a frame writer appends to. Its owner empties it by
 * `length = 0` when nobody needs the bytes any more; writers call `reserve` before they store.
 */

export class ByteSink {
  /** Valid up to `length`. Replaced when it grows: read the property again after every `reserve`. */
  bytes: Buffer;
  length: number;

  constructor(capacity = 1024) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
    this.length = 0;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count > this.bytes.length) this.#grow(this.length + count);
  }

  /** What was written, as a view: valid until the owner writes again. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}
