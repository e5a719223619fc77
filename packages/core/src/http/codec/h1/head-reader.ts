/**
 * Hot path: docs/extending/hot-path-rules.md. Finds the end of a head (or trailer section) in the bytes as they come and gives it as one latin1 string.
 * A head in one piece is never copied; the pieces of another are collected in a buffer that grows, and each byte is searched once.
 */
import { CR, LF, findHeadEnd, latin1 } from "./bytes.ts";

export const HeadRead = { partial: 0, complete: 1, tooLarge: 2, bareLf: 3 } as const;
export type HeadRead = (typeof HeadRead)[keyof typeof HeadRead];

/** Most heads, and most whole messages, are shorter. */
const PROBE = 1024;
const FIRST_HELD = 1024;

export class HeadReader {
  /** After `complete`: a string that starts with the head; after `tooLarge`: the first bytes of it, as many as the limit. */
  text: string;
  /** After `complete`: index in `text` after the CRLF of the last line, where the empty line stands. */
  end: number;
  /** After `complete`: index in the data after the head. */
  next: number;
  #held: Uint8Array | null;
  #length: number;

  constructor() {
    this.text = "";
    this.end = 0;
    this.next = 0;
    this.#held = null;
    this.#length = 0;
  }

  /** Takes the bytes from `at` on. `limit`: bytes of the head with its empty line. After anything but `partial` the next head may be read. */
  read(data: Uint8Array, at: number, limit: number): HeadRead {
    if (this.#length !== 0) return this.#hold(data, at, limit);
    const { length } = data;
    const probe = length - at > PROBE ? at + PROBE : length;
    let text = latin1(data, at, probe);
    let end = text.indexOf("\r\n\r\n");
    if (end === -1 && probe < length) {
      const found = findHeadEnd(data, probe - 3);
      if (found !== -1 && found - at + 4 <= limit) {
        text = latin1(data, at, found + 4);
        end = found - at;
      }
    }
    if (end === -1 || end + 4 > limit) return this.#hold(data, at, limit);
    this.text = text;
    this.end = end + 2;
    this.next = at + end + 4;
    return HeadRead.complete;
  }

  reset(): void {
    this.text = "";
    this.#held = null;
    this.#length = 0;
  }

  /** Copies what comes, up to the limit: a head that fits ends within it. */
  #hold(data: Uint8Array, at: number, limit: number): HeadRead {
    const before = this.#length;
    const length = Math.min(before + data.length - at, limit);
    const held = this.#room(length, limit);
    held.set(data.subarray(at, at + length - before), before);
    this.#length = length;
    const end = findHeadEnd(held.subarray(0, length), before < 3 ? 0 : before - 3);
    if (end !== -1) {
      this.#release(held, end + 4);
      this.end = end + 2;
      this.next = at + end + 4 - before;
      return HeadRead.complete;
    }
    if (hasBareLf(held, before, length)) {
      this.#release(held, length);
      return HeadRead.bareLf;
    }
    if (length < limit) return HeadRead.partial;
    this.#release(held, length);
    return HeadRead.tooLarge;
  }

  #release(held: Uint8Array, length: number): void {
    this.text = latin1(held, 0, length);
    this.#held = null;
    this.#length = 0;
  }

  #room(length: number, limit: number): Uint8Array {
    const held = this.#held;
    if (held !== null && held.length >= length) return held;
    const wanted = held === null ? FIRST_HELD : held.length * 2;
    const larger = Buffer.allocUnsafeSlow(Math.max(length, Math.min(limit, wanted)));
    if (held !== null) larger.set(held.subarray(0, this.#length));
    this.#held = larger;
    return larger;
  }
}

/** A line that ends without CR: such a head is never legal, so nobody need wait for its end. */
function hasBareLf(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if (bytes[i] === LF && (i === 0 || bytes[i - 1] !== CR)) return true;
  }
  return false;
}
