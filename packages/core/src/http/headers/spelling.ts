/**
 * How names of headers are spelt on HTTP/1 wires: as the peer in front wrote them, or each word with a capital; everybody else sees lower case. Only messages
 * of peers for which that is configured have spellings. Envoy: HeaderKeyFormatter.
 */

/** A letter after the beginning or after what is neither letter nor digit. */
const WORD = /(^|[^a-z0-9])([a-z])/g;
const MAX_NAMES = 1024;
const properNames = new Map<string, string>();

/** `content-type` → `Content-Type`. */
export function properCase(name: string): string {
  let proper = properNames.get(name);
  if (proper === undefined) {
    proper = name.replace(WORD, (_, before: string, letter: string) => before + letter.toUpperCase());
    if (properNames.size < MAX_NAMES) properNames.set(name, proper);
  }
  return proper;
}

const NONE: ReadonlyMap<string, string> = new Map();

export class Spelling {
  /** Lower-case name → as it was written; names that were in lower case are not there. */
  readonly #names: ReadonlyMap<string, string>;
  readonly #isProper: boolean;

  /** `isProper`: names that nobody has written get capitals. */
  constructor(isProper: boolean, names: ReadonlyMap<string, string> = NONE) {
    this.#names = names;
    this.#isProper = isProper;
  }

  of(name: string): string {
    return this.#names.get(name) ?? (this.#isProper ? properCase(name) : name);
  }

  /** A head, or lines of one that follow a line break, in which names stand in lower case. */
  respell(head: string): string {
    return head.replace(/\r\n([^:\r\n]+):/g, (_, name: string) => `\r\n${this.of(name)}:`);
  }
}

export const PROPER_CASE = new Spelling(true);

/** The spellings of a head that was read: `text` from `start` to `end`, lines that end in CRLF and are legal. */
export function spellingOf(text: string, start: number, end: number, isProper: boolean): Spelling {
  const names = new Map<string, string>();
  for (let at = start; at < end; at = text.indexOf("\r\n", at) + 2) {
    const written = text.slice(at, text.indexOf(":", at));
    const lower = written.toLowerCase();
    if (!names.has(lower)) names.set(lower, written);
  }
  return new Spelling(isProper, names);
}
