/**
 * Hot path: docs/extending/hot-path-rules.md. From a raw header line to the field that it means, checked: a line that this thread has seen before is neither
 * parsed nor validated again. Direct-mapped and of fixed size: an entry that collides takes the other's place. A line enters at its second sight, so that
 * values that never come again cost nothing; secrets and values that are unique by nature never enter.
 */
import { HeaderField, KNOWN } from "../../headers/field.ts";
import { detached } from "./bytes.ts";
import { ILLEGAL_IN_VALUE, TOKEN } from "./syntax.ts";

const SLOTS = 1024;
const MAX_LINE = 128;
const NAME_SLOTS = 512;

const TAB = 9;
const SPACE = 32;

/** Names whose values are secrets, or never come twice. */
const PRIVATE =
  /auth|cookie|token|secret|key|session|passw|credential|signature|nonce|csrf|xsrf|request-id|correlation|trace|span|sentry|^b3$|^x-b3|^x-amzn/;

export class LineCache {
  readonly #lines: string[];
  readonly #fields: (HeaderField | null)[];
  /** Hash of the line that missed last in each slot. */
  readonly #missed: Int32Array;
  /** Names as they were spelt on the wire, by a hash of their own, and the lower-case form of each. */
  readonly #spelt: string[];
  readonly #names: string[];

  constructor() {
    this.#lines = Array.from({ length: SLOTS }, () => "");
    this.#fields = Array.from({ length: SLOTS }, () => null);
    this.#missed = new Int32Array(SLOTS);
    this.#spelt = Array.from({ length: NAME_SLOTS }, () => "");
    this.#names = Array.from({ length: NAME_SLOTS }, () => "");
  }

  /** The field of the line at `start`, which ends before `stop`; null where it is not legal. */
  field(text: string, start: number, stop: number): HeaderField | null {
    const length = stop - start;
    if (length < 4 || length > MAX_LINE) return this.#parse(text, start, stop);
    const hash = hashOf(text, start, stop, length);
    const slot = hash & (SLOTS - 1);
    const known = this.#lines[slot]!;
    // The lengths are compared first: most lines of another slot user differ in it, and a slice costs an allocation.
    if (known.length === length && known === text.slice(start, stop)) return this.#fields[slot]!;
    const parsed = this.#parse(text, start, stop);
    if (parsed === null) return null;
    if (this.#missed[slot] !== hash) {
      this.#missed[slot] = hash;
      return parsed;
    }
    if (isPrivate(parsed)) return parsed;
    const kept = new HeaderField(parsed.name, detached(parsed.value));
    this.#lines[slot] = detached(text.slice(start, stop));
    this.#fields[slot] = kept;
    return kept;
  }

  /** RFC 9112 section 5: a token, a colon at once, a value without controls. A folded line begins with white space, which is no token. */
  #parse(text: string, start: number, stop: number): HeaderField | null {
    const colon = text.indexOf(":", start);
    if (colon <= start || colon >= stop) return null;
    const name = this.#name(text, start, colon);
    if (name === "") return null;
    let from = colon + 1;
    let to = stop;
    while (from < to && isBlank(text.charCodeAt(from))) from++;
    while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
    const value = text.slice(from, to);
    if (ILLEGAL_IN_VALUE.test(value)) return null;
    return new HeaderField(name, value);
  }

  /** "" where it is not legal. */
  #name(text: string, start: number, colon: number): string {
    const raw = text.slice(start, colon);
    const length = colon - start;
    const slot =
      (length * 31 +
        text.charCodeAt(start) * 7 +
        text.charCodeAt(colon - 1) * 131 +
        text.charCodeAt(start + (length >> 1)) * 17) %
      NAME_SLOTS;
    if (this.#spelt[slot] === raw) return this.#names[slot]!;
    if (!TOKEN.test(raw)) return "";
    const name = detached(raw.toLowerCase());
    if (length <= MAX_LINE) {
      this.#spelt[slot] = detached(raw);
      this.#names[slot] = name;
    }
    return name;
  }
}

/** Cheap, and enough to spread lines: the whole line is compared after it. Never 0, which is what no line has. */
function hashOf(text: string, start: number, stop: number, length: number): number {
  const ends = Math.imul(text.charCodeAt(start), 0x9e3779b1) ^ Math.imul(text.charCodeAt(stop - 1), 0x85ebca6b);
  const inner =
    Math.imul(text.charCodeAt(stop - 2), 0xc2b2ae35) ^ Math.imul(text.charCodeAt(start + (length >> 1)), 0x27d4eb2f);
  const hash = ends ^ inner ^ Math.imul(length, 0x165667b1) ^ Math.imul(text.charCodeAt(start + 3), 0x2545f491);
  return (hash ^ (hash >>> 15)) | 0x40000000;
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

function isPrivate(field: HeaderField): boolean {
  switch (field.known) {
    case KNOWN.host:
    case KNOWN.connection:
    case KNOWN.contentLength:
    case KNOWN.userAgent:
      return false;
    default:
      return PRIVATE.test(field.name);
  }
}

/** One per thread: modules are. */
export const lineCache = new LineCache();
