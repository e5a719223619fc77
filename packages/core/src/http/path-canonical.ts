/**
 * Hot path (docs/extending/hot-path-rules.md). Envoy's canonical form of a path, which is that of the URL
 * library it uses: dot segments resolved (also as `%2e`, also with parameters), `\` is `/`, unreserved
 * characters unescaped, what may not stand in a path escaped; other escapes keep their case.
 */

/** What a byte of a path asks for. */
const PASS = 0;
/** Stands as it is, and never escaped: letters, digits, `-`, `_`, `~` (and `.`, which is looked at first). */
const UNRESERVED = 1;
const ESCAPE = 2;
/** `/`: what follows may be a dot segment. */
const SLASH = 3;
const PERCENT = 4;
const BACKSLASH = 5;
/** NUL, raw or escaped: no path has it. */
const INVALID = 6;
const QUESTION = 7;
const HASH = 8;

const BYTES = new Uint8Array(256).fill(ESCAPE);
for (const char of "!$&'()*+,:;=@[]") BYTES[char.charCodeAt(0)] = PASS;
for (const char of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~.") {
  BYTES[char.charCodeAt(0)] = UNRESERVED;
}
BYTES[0] = INVALID;
BYTES[0x2f] = SLASH;
BYTES[0x25] = PERCENT;
BYTES[0x5c] = BACKSLASH;
BYTES[0x3f] = QUESTION;
BYTES[0x23] = HASH;

const DOT = 0x2e;
const SEMICOLON = 0x3b;
const HEX = "0123456789ABCDEF";

/** What {@link scanPath} found, as bits. Not canonical: {@link canonicalizePath} may return something else. */
export const NOT_CANONICAL = 1;
export const ESCAPED_SLASH = 2;
export const DOUBLE_SLASH = 4;
export const FRAGMENT = 8;
/** Above the bits: where the path ends, at its `?` or at the end. */
export const PATH_END_SHIFT = 4;

/** One look at each byte of the path of `target`, and at its query for a `#`. */
export function scanPath(target: string): number {
  let found = target.charCodeAt(0) === 0x2f ? 0 : NOT_CANONICAL;
  let end = target.length;
  for (let i = 0; i < end; i++) {
    const code = target.charCodeAt(i);
    const kind = code < 256 ? (BYTES[code] as number) : INVALID;
    if (kind <= UNRESERVED) continue;
    if (kind === SLASH) {
      if (target.charCodeAt(i + 1) === 0x2f) found |= DOUBLE_SLASH;
      else if (dotSegmentAt(target, i + 1, end) !== NO_DOT_SEGMENT) found |= NOT_CANONICAL;
    } else if (kind === PERCENT) {
      const escaped = escapedAt(target, i, end);
      if (escaped === 0x2f || escaped === 0x5c) found |= ESCAPED_SLASH;
      if (escaped <= 0 || BYTES[escaped] === UNRESERVED) found |= NOT_CANONICAL;
    } else if (kind === QUESTION) {
      if (target.includes("#", i)) found |= FRAGMENT;
      end = i;
    } else found |= kind === HASH ? FRAGMENT : NOT_CANONICAL;
  }
  return found | (end << PATH_END_SHIFT);
}

/** The canonical form of `path` up to `end`; null when it contains NUL or is not made of bytes. */
export function canonicalizePath(path: string, end: number): string | null {
  const output = new Output(end);
  if (end === 0 || !isSlash(path, 0)) output.push(0x2f);
  for (let i = 0; i < end; ) {
    if (output.last === 0x2f) {
      const segment = dotSegmentAt(path, i, end);
      if (segment !== NO_DOT_SEGMENT) {
        if (segment === PARENT_SEGMENT) output.removeSegment();
        i = segmentEnd(path, i, end) + 1;
        continue;
      }
    }
    const code = path.charCodeAt(i);
    switch (code < 256 ? BYTES[code] : INVALID) {
      case ESCAPE:
        output.push(0x25);
        output.push(HEX.charCodeAt(code >> 4));
        output.push(HEX.charCodeAt(code & 15));
        i++;
        break;
      case BACKSLASH:
        output.push(0x2f);
        i++;
        break;
      case INVALID:
        return null;
      case PERCENT: {
        const escaped = escapedAt(path, i, end);
        if (escaped === 0) return null;
        if (escaped < 0) {
          output.pushStrayPercent();
          i++;
        } else if (BYTES[escaped] === UNRESERVED) {
          output.pushUnescaped(escaped, i + 3 < end ? path.charCodeAt(i + 3) : -1);
          i += 3;
        } else {
          for (const stop = i + 3; i < stop; i++) output.push(path.charCodeAt(i));
        }
        break;
      }
      default:
        output.push(code);
        i++;
    }
  }
  return output.text();
}

const NO_DOT_SEGMENT = 0;
const CURRENT_SEGMENT = 1;
const PARENT_SEGMENT = 2;

/**
 * Whether the segment that begins at `at` is `.` or `..`, with or without parameters: `..;a=b` is `..` for
 * servers that cut parameters off first (CVE-2026-73551). Envoy sees those with literal dots and slashes
 * only; here `%2e` and `\` are not a way around it.
 */
function dotSegmentAt(path: string, at: number, end: number): number {
  const first = dotLength(path, at, end);
  if (first === 0) return NO_DOT_SEGMENT;
  const second = dotLength(path, at + first, end);
  const after = at + first + second;
  if (after < end && !endsDots(path.charCodeAt(after))) return NO_DOT_SEGMENT;
  return second === 0 ? CURRENT_SEGMENT : PARENT_SEGMENT;
}

/** `?` too, as the scan does not know yet where the path ends. */
function endsDots(code: number): boolean {
  return code === 0x2f || code === 0x5c || code === SEMICOLON || code === 0x3f;
}

function dotLength(path: string, at: number, end: number): number {
  if (at >= end) return 0;
  if (path.charCodeAt(at) === DOT) return 1;
  return path.charCodeAt(at) === 0x25 && escapedAt(path, at, end) === DOT ? 3 : 0;
}

/** Where the slash that ends the segment stands, or the end. */
function segmentEnd(path: string, from: number, end: number): number {
  let at = from;
  while (at < end && !isSlash(path, at)) at++;
  return at;
}

function isSlash(path: string, at: number): boolean {
  const code = path.charCodeAt(at);
  return code === 0x2f || code === 0x5c;
}

/** The byte that `%XY` at `at` stands for, or -1. */
function escapedAt(path: string, at: number, end: number): number {
  if (at + 2 >= end) return -1;
  const high = hexDigit(path.charCodeAt(at + 1));
  const low = hexDigit(path.charCodeAt(at + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** So far before the start that nothing is near it. */
const NO_STRAY_PERCENT = -4;

class Output {
  readonly #bytes: Buffer;
  #length: number;
  /** Where the last `%` stands that did not begin an escape; beyond reach when there is none. */
  #strayPercent: number;

  constructor(inputLength: number) {
    this.#bytes = Buffer.allocUnsafe(inputLength * 3 + 1);
    this.#length = 0;
    this.#strayPercent = NO_STRAY_PERCENT;
  }

  get last(): number {
    return this.#length === 0 ? -1 : (this.#bytes[this.#length - 1] as number);
  }

  push(code: number): void {
    this.#bytes[this.#length++] = code;
  }

  pushStrayPercent(): void {
    this.#strayPercent = this.#length;
    this.push(0x25);
  }

  /**
   * What an escape stood for. After a stray `%` it could complete a new escape, which nobody wrote and a
   * second reader would undo: `%%32%66` is not `%2f`. Such a `%` is escaped itself.
   */
  pushUnescaped(code: number, next: number): void {
    this.push(code);
    const distance = this.#length - this.#strayPercent;
    if (distance > 3) return;
    const first = this.#bytes[this.#strayPercent + 1] as number;
    const second = distance === 3 ? (this.#bytes[this.#strayPercent + 2] as number) : next;
    if (hexDigit(first) < 0 || hexDigit(second) < 0) return;
    this.#length = this.#strayPercent + 1;
    this.push(0x32);
    this.push(0x35);
    this.push(first);
    if (distance === 3) this.push(second);
  }

  /** Back to behind the slash before the last one; the first slash stays. */
  removeSegment(): void {
    let length = this.#length;
    if (length > 1) length--;
    while (length > 1 && this.#bytes[length - 1] !== 0x2f) length--;
    this.#length = length;
    if (this.#strayPercent >= length) this.#strayPercent = NO_STRAY_PERCENT;
  }

  text(): string {
    return this.#bytes.toString("latin1", 0, this.#length);
  }
}
