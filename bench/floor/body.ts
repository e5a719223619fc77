// Hot path. Finds where a message body ends in the bytes that carry it; the bytes themselves are forwarded as they are.

import { Framing } from "./head.ts";

const State = {
  size: 0,
  extension: 1,
  sizeEnd: 2,
  data: 3,
  dataEnd: 4,
  trailerStart: 5,
  trailer: 6,
  lastEnd: 7,
} as const;
type State = (typeof State)[keyof typeof State];

const CR = 13;
const LF = 10;
const SEMICOLON = 59;

/** The end of one direction's body; reused for every message of its connection. */
export class BodyEnd {
  isDone = true;
  #framing: Framing = Framing.none;
  #remaining = 0;
  #state: State = State.size;

  start(framing: Framing, contentLength: number): void {
    this.#framing = framing;
    this.#remaining = contentLength;
    this.#state = State.size;
    this.isDone = framing === Framing.none || (framing === Framing.length && contentLength === 0);
    if (framing === Framing.chunked) this.#remaining = 0;
  }

  /** Whether the whole rest of a length-delimited body is `available` bytes or less. */
  fits(available: number): boolean {
    return this.#framing === Framing.length && this.#remaining <= available;
  }

  /** Takes the bytes from `at` on; returns the index after the last one that belongs to the body. */
  take(data: Uint8Array, at: number, end: number): number {
    if (this.#framing === Framing.chunked) return this.#takeChunked(data, at, end);
    if (this.#framing === Framing.close) return end;
    const available = end - at;
    if (available < this.#remaining) {
      this.#remaining -= available;
      return end;
    }
    this.isDone = true;
    return at + this.#remaining;
  }

  #takeChunked(data: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end) {
      const byte = data[at] as number;
      switch (this.#state) {
        case State.size:
          if (byte === CR) this.#state = State.sizeEnd;
          else if (byte === SEMICOLON) this.#state = State.extension;
          else this.#remaining = this.#remaining * 16 + hexDigit(byte);
          at++;
          break;
        case State.extension:
          if (byte === CR) this.#state = State.sizeEnd;
          at++;
          break;
        case State.sizeEnd:
          this.#state = this.#remaining === 0 ? State.trailerStart : State.data;
          at++;
          break;
        case State.data: {
          const taken = Math.min(this.#remaining, end - at);
          this.#remaining -= taken;
          at += taken;
          if (this.#remaining === 0) this.#state = State.dataEnd;
          break;
        }
        case State.dataEnd:
          if (byte === LF) this.#state = State.size;
          at++;
          break;
        case State.trailerStart:
          this.#state = byte === CR ? State.lastEnd : State.trailer;
          at++;
          break;
        case State.trailer:
          if (byte === LF) this.#state = State.trailerStart;
          at++;
          break;
        default:
          this.isDone = true;
          return at + 1;
      }
    }
    return at;
  }
}

function hexDigit(byte: number): number {
  return byte <= 57 ? byte - 48 : (byte | 32) - 87;
}
