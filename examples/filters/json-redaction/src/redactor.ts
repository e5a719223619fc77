/**
 * Finds fields in JSON that comes in pieces, and leaves their values out. It keeps no more of a body than the names of the objects that it is in. Strict
 * (RFC 8259): what one parser refuses and another takes for something else must not get by.
 */
import { FieldPatterns } from "./field-patterns.ts";

/** Why a body is refused; a stable word. */
export type RedactionFault = "json_invalid" | "json_too_deep" | "json_too_long";

const VALUE = 0; // a value must come
const AFTER = 1; // a value is over: comma, closing bracket, or the end
const FIRST_KEY = 2; // after {: a key or }
const KEY = 3; // after a comma in an object
const COLON = 4;
const STRING = 5;
const NAME = 6; // inside a key
const NUMBER = 7;
const LITERAL = 8;
const FIRST_VALUE = 9; // after [: a value or ]

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const COMMA = 0x2c;

const NUMBER_FORM = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** The longest number that is checked as a whole. JSON knows no limit; nothing real comes near. */
const LONGEST_NUMBER = 1000;

export interface RedactorOptions {
  readonly replacement: Uint8Array;
  readonly maxBytes: number;
  readonly maxDepth: number;
  /** Values follow one another (NDJSON). */
  readonly isSequence: boolean;
}

export class JsonRedactor {
  fault: RedactionFault | null = null;
  /** Values that were left out. */
  count = 0;
  readonly #patterns: FieldPatterns;
  readonly #options: RedactorOptions;
  #state = VALUE;
  #bytes = 0;
  /** Whether a value has come at the top. */
  #isBegun = false;
  /** For each bracket that is open: the name that is being read in an object, null for an array. */
  readonly #stack: (string | null)[] = [];
  /** Bytes of an escape sequence that are still to come; -1: the kind of it comes next. */
  #escape = 0;
  /** A name, number or literal as far as it has come, as latin1; null: a name that is too long to be one of the fields. */
  #token: string | null = "";
  /** How many brackets were open when the value that is left out began; -1: none is. */
  #muted = -1;

  constructor(patterns: FieldPatterns, options: RedactorOptions) {
    this.#patterns = patterns;
    this.#options = options;
  }

  /** What goes on in place of `data`; null: `data` itself. Nothing once there is a fault. `data` is not kept. */
  redact(data: Uint8Array, end: boolean): Uint8Array | null {
    const pieces: Uint8Array[] = [];
    let from = this.#muted === -1 ? 0 : -1;
    let changed = from === -1;
    for (let i = 0; i < data.length && this.fault === null; i++) {
      if (this.#state === STRING && this.#escape === 0) {
        // Most bytes are text: on to the next one that means something.
        while (i < data.length && data[i] !== QUOTE && data[i] !== BACKSLASH && data[i]! >= 0x20) i++;
        if (i === data.length) break;
      }
      const before = this.#muted;
      // A number ends with the byte behind it, which belongs to what follows.
      const isTaken = this.#step(data[i]!);
      if (before === -1 && this.#muted !== -1) {
        pieces.push(data.subarray(from, i), this.#options.replacement);
        from = -1;
        changed = true;
      } else if (before !== -1 && this.#muted === -1) {
        from = isTaken ? i + 1 : i;
      }
      if (!isTaken) i--;
    }
    this.#bytes += data.length;
    if (this.fault === null && this.#bytes > this.#options.maxBytes) this.fault = "json_too_long";
    if (this.fault === null && end) this.#finish();
    if (this.fault !== null) return new Uint8Array(0);
    if (!changed) return null;
    if (from !== -1) pieces.push(data.subarray(from));
    return Buffer.concat(pieces);
  }

  /** One byte; false: it ended what was before it, and is to be read again. */
  #step(byte: number): boolean {
    switch (this.#state) {
      case STRING:
      case NAME:
        this.#inString(byte);
        return true;
      case NUMBER:
      case LITERAL:
        return this.#inWord(byte);
      default:
        if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) this.#structure(byte);
        return true;
    }
  }

  #structure(byte: number): void {
    switch (this.#state) {
      case FIRST_VALUE:
        if (byte === CLOSE_ARRAY) return this.#close();
        return this.#beginValue(byte);
      case VALUE:
        return this.#beginValue(byte);
      case FIRST_KEY:
        if (byte === CLOSE_OBJECT) return this.#close();
        return this.#beginName(byte);
      case KEY:
        return this.#beginName(byte);
      case COLON:
        if (byte !== 0x3a) return this.#fail("json_invalid");
        this.#state = VALUE;
        return;
      default:
        return this.#afterValue(byte);
    }
  }

  #afterValue(byte: number): void {
    const { length } = this.#stack;
    if (length === 0) {
      if (!this.#options.isSequence) return this.#fail("json_invalid");
      return this.#beginValue(byte);
    }
    const isArray = this.#stack[length - 1] === null;
    if (byte === COMMA) this.#state = isArray ? VALUE : KEY;
    else if (byte === (isArray ? CLOSE_ARRAY : CLOSE_OBJECT)) this.#close();
    else this.#fail("json_invalid");
  }

  #beginValue(byte: number): void {
    this.#isBegun = true;
    const name = this.#stack.length === 0 ? null : this.#stack[this.#stack.length - 1]!;
    if (this.#muted === -1 && name !== null && this.#patterns.match(this.#stack)) {
      this.#muted = this.#stack.length;
      this.count++;
    }
    if (byte === QUOTE) this.#state = STRING;
    else if (byte === OPEN_OBJECT) this.#open("");
    else if (byte === OPEN_ARRAY) this.#open(null);
    else if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) this.#beginWord(NUMBER, byte);
    else if (byte === 0x74 || byte === 0x66 || byte === 0x6e) this.#beginWord(LITERAL, byte);
    else this.#fail("json_invalid");
  }

  #open(frame: "" | null): void {
    if (this.#stack.length === this.#options.maxDepth) return this.#fail("json_too_deep");
    this.#stack.push(frame);
    this.#state = frame === null ? FIRST_VALUE : FIRST_KEY;
  }

  #close(): void {
    this.#stack.pop();
    this.#endValue();
  }

  #endValue(): void {
    this.#state = AFTER;
    if (this.#muted === this.#stack.length) this.#muted = -1;
  }

  #beginName(byte: number): void {
    if (byte !== QUOTE) return this.#fail("json_invalid");
    this.#token = "";
    this.#state = NAME;
  }

  #inString(byte: number): void {
    const isName = this.#state === NAME;
    if (isName && this.#token !== null && byte !== QUOTE) this.#keep(byte);
    if (this.#escape > 0) {
      if (!isHex(byte)) return this.#fail("json_invalid");
      this.#escape--;
    } else if (this.#escape === -1) {
      // The kept form of \" is read by the parser of names, which wants the quote too.
      if (byte === QUOTE && isName && this.#token !== null) this.#keep(byte);
      if (byte === 0x75) this.#escape = 4;
      else if (ESCAPES.includes(byte)) this.#escape = 0;
      else this.#fail("json_invalid");
    } else if (byte === BACKSLASH) this.#escape = -1;
    else if (byte < 0x20) this.#fail("json_invalid");
    else if (byte === QUOTE) {
      if (isName) this.#endName();
      else this.#endValue();
    }
  }

  #keep(byte: number): void {
    if (this.#token!.length >= this.#patterns.longestEscaped) this.#token = null;
    else this.#token += String.fromCharCode(byte);
  }

  #endName(): void {
    const name = this.#token === null ? "" : decodeName(this.#token);
    if (name === null) return this.#fail("json_invalid");
    // A name that is too long for the fields is none of them, as the empty one.
    this.#stack[this.#stack.length - 1] = name;
    this.#state = COLON;
  }

  #beginWord(state: number, byte: number): void {
    this.#token = String.fromCharCode(byte);
    this.#state = state;
  }

  #inWord(byte: number): boolean {
    if (isWordByte(byte)) {
      if (this.#token!.length === LONGEST_NUMBER) this.#fail("json_invalid");
      else this.#token += String.fromCharCode(byte);
      return true;
    }
    this.#endWord();
    return false;
  }

  #endWord(): void {
    const word = this.#token!;
    const isLegal =
      this.#state === NUMBER ? NUMBER_FORM.test(word) : word === "true" || word === "false" || word === "null";
    if (isLegal) this.#endValue();
    else this.#fail("json_invalid");
  }

  #finish(): void {
    if (this.#state === NUMBER || this.#state === LITERAL) this.#endWord();
    const isWhole = this.#state === AFTER && this.#stack.length === 0;
    // An empty body is nobody's secret.
    if (!isWhole && (this.#isBegun || this.#state !== VALUE)) this.fault ??= "json_invalid";
  }

  #fail(fault: RedactionFault): void {
    this.fault = fault;
  }
}

const ESCAPES = [...'"\\/bfnrt'].map((character) => character.charCodeAt(0));

function isHex(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

function isWordByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    byte === 0x45 ||
    byte === 0x2b ||
    byte === 0x2d ||
    byte === 0x2e
  );
}

/** The name between the quotes, its escapes resolved; null where its bytes are no UTF-8. */
function decodeName(latin1: string): string | null {
  if (PLAIN.test(latin1)) return latin1;
  try {
    return JSON.parse(`"${UTF8.decode(Buffer.from(latin1, "latin1"))}"`) as string;
  } catch {
    return null;
  }
}

const PLAIN = /^[\x20-\x5b\x5d-\x7e]*$/;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
