/**
 * Hot path: docs/extending/hot-path-rules.md. The chunked coding (RFC 9112 section 7.1), strictly: sizes are hexadecimal digits and nothing else, every line
 * ends with CRLF, extensions are read for their grammar, bounded, and dropped. Pulled: `step` says what the next bytes are; the caller handles it and steps on.
 */
import { CR, LF } from "./bytes.ts";
import { isTokenByte } from "./syntax.ts";

export const Chunk = {
  /** Everything given was taken. */
  more: 0,
  /** Bytes of the body stand from `start` to `stop`. */
  data: 1,
  /** The same, and the body ends with them (no trailers). */
  lastData: 2,
  /** The body has ended, without trailers. */
  end: 3,
  /** The body has ended; a trailer section begins at `at`. */
  trailers: 4,
  broken: 5,
} as const;
export type Chunk = (typeof Chunk)[keyof typeof Chunk];

const State = {
  size: 0,
  sizeOn: 1,
  extensionName: 2,
  extensionNameOn: 3,
  extensionValue: 4,
  extensionToken: 5,
  extensionQuoted: 6,
  extensionEscaped: 7,
  extensionEnd: 8,
  sizeLf: 9,
  data: 10,
  dataCr: 11,
  dataLf: 12,
  last: 13,
  lastLf: 14,
} as const;
type State = (typeof State)[keyof typeof State];

const MAX_SIZE_DIGITS = 16;
/** Of one message, over all chunks: extensions cost the sender a byte and everybody else the time to skip it. */
const MAX_EXTENSION_BYTES = 4096;

const TAB = 9;
const SPACE = 32;
const QUOTE = 34;
const ZERO = 48;
const SEMICOLON = 59;
const EQUALS = 61;
const BACKSLASH = 92;
const DELETE = 127;

export class ChunkReader {
  start: number;
  stop: number;
  /** Where to go on. */
  at: number;
  #state: State;
  #size: number;
  #digits: number;
  #extensionBytes: number;

  constructor() {
    this.start = 0;
    this.stop = 0;
    this.at = 0;
    this.#state = State.size;
    this.#size = 0;
    this.#digits = 0;
    this.#extensionBytes = 0;
  }

  reset(): void {
    this.#state = State.size;
    this.#size = 0;
    this.#digits = 0;
    this.#extensionBytes = 0;
  }

  /** Reads on from `at`. */
  step(data: Uint8Array, from: number): Chunk {
    const { length } = data;
    let at = from;
    while (at < length) {
      const byte = data[at]!;
      switch (this.#state) {
        case State.size:
        case State.sizeOn: {
          const digit = hexDigit(byte);
          if (digit === -1) {
            if (this.#state === State.size || !this.#endSize(byte)) return Chunk.broken;
          } else {
            if (++this.#digits > MAX_SIZE_DIGITS) return Chunk.broken;
            this.#size = this.#size * 16 + digit;
            if (this.#size > Number.MAX_SAFE_INTEGER) return Chunk.broken;
            this.#state = State.sizeOn;
          }
          at++;
          break;
        }
        case State.sizeLf:
          if (byte !== LF) return Chunk.broken;
          this.#digits = 0;
          this.#state = this.#size === 0 ? State.last : State.data;
          at++;
          break;
        case State.data:
          return this.#data(data, at);
        case State.dataCr:
          if (byte !== CR) return Chunk.broken;
          this.#state = State.dataLf;
          at++;
          break;
        case State.dataLf:
          if (byte !== LF) return Chunk.broken;
          this.#state = State.size;
          at++;
          break;
        case State.last:
          if (byte !== CR) {
            this.at = at;
            return Chunk.trailers;
          }
          this.#state = State.lastLf;
          at++;
          break;
        case State.lastLf:
          if (byte !== LF) return Chunk.broken;
          this.at = at + 1;
          return Chunk.end;
        default:
          if (++this.#extensionBytes > MAX_EXTENSION_BYTES || !this.#extension(byte)) return Chunk.broken;
          at++;
      }
    }
    this.at = at;
    return Chunk.more;
  }

  #data(data: Uint8Array, at: number): Chunk {
    const available = data.length - at;
    this.start = at;
    if (available < this.#size) {
      this.#size -= available;
      this.stop = data.length;
      this.at = data.length;
      return Chunk.data;
    }
    const stop = at + this.#size;
    this.#size = 0;
    this.stop = stop;
    if (isPlainEnd(data, stop)) {
      this.at = stop + 7;
      return Chunk.lastData;
    }
    this.at = stop;
    this.#state = State.dataCr;
    return Chunk.data;
  }

  /** What follows a size: the line's end or an extension. Nothing else, no white space. */
  #endSize(byte: number): boolean {
    if (byte === CR) this.#state = State.sizeLf;
    else if (byte === SEMICOLON) this.#state = State.extensionName;
    else return false;
    return true;
  }

  /** chunk-ext without its optional white space: `;name`, `;name=token`, `;name="quoted"`. */
  #extension(byte: number): boolean {
    switch (this.#state) {
      case State.extensionName:
        this.#state = State.extensionNameOn;
        return isTokenByte(byte);
      case State.extensionNameOn:
        if (isTokenByte(byte)) return true;
        if (byte !== EQUALS) return this.#endSize(byte);
        this.#state = State.extensionValue;
        return true;
      case State.extensionValue:
        this.#state = byte === QUOTE ? State.extensionQuoted : State.extensionToken;
        return byte === QUOTE || isTokenByte(byte);
      case State.extensionToken:
        return isTokenByte(byte) || this.#endSize(byte);
      case State.extensionQuoted:
        if (byte === QUOTE) this.#state = State.extensionEnd;
        else if (byte === BACKSLASH) this.#state = State.extensionEscaped;
        else return isQuotable(byte);
        return true;
      case State.extensionEscaped:
        this.#state = State.extensionQuoted;
        return isQuotable(byte);
      default:
        return this.#endSize(byte);
    }
  }
}

/** Whether the body's last data is followed at once by `CRLF 0 CRLF CRLF`: then it carries the end. */
function isPlainEnd(data: Uint8Array, at: number): boolean {
  return (
    data.length - at >= 7 &&
    data[at] === CR &&
    data[at + 1] === LF &&
    data[at + 2] === ZERO &&
    data[at + 3] === CR &&
    data[at + 4] === LF &&
    data[at + 5] === CR &&
    data[at + 6] === LF
  );
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function isQuotable(byte: number): boolean {
  return (byte >= SPACE || byte === TAB) && byte !== DELETE;
}
