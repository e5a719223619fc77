/** Header maps as filters see them: lower-case names in their order, duplicates kept (RFC 9110 section 5). */

/**
 * A header or trailer section.
 *
 * Names are case-insensitive at the call and lower-case inside. Values are byte strings (latin1); characters above U+00FF,
 * CR, LF, NUL and other controls make `set` and `append` throw `TypeError`; outer white space is removed.
 * A map that a hook receives may be changed until the hook returns or its promise settles. Do not rely on changes made later, by a hook that throws, or after
 * the stream's end: outside of inline they are lost.
 * `:method`-like names and `host` are never entries: they are properties of {@link RequestHeaders} and {@link ResponseHeaders}.
 */
export interface Headers extends Iterable<readonly [name: string, value: string]> {
  /** Number of entries, duplicates counted. */
  readonly size: number;
  /**
   * The value; all values joined with `, ` (for `cookie`: `; `) where there are several; undefined where there is none.
   * Throws for `set-cookie`, which cannot be joined: use `getAll`.
   */
  get(name: string): string | undefined;
  /** Every value in order; empty where there is none. */
  getAll(name: string): string[];
  has(name: string): boolean;
  /** Replaces every value of `name` by this one, at the place of the first. */
  set(name: string, value: string): void;
  /** Adds an entry at the end. */
  append(name: string, value: string): void;
  /** Removes every entry of `name`; tells whether there was one. */
  delete(name: string): boolean;
}

export interface RequestHeaders extends Headers {
  method: string;
  /** Path with query, in origin form; empty for a plain CONNECT. */
  path: string;
  /** Host and port as the client named them. */
  authority: string;
  /** `http` or `https`. */
  scheme: string;
  /** The protocol that the client asks to switch to (`websocket`, …), lower-case; empty where it asks for none. */
  readonly upgrade: string;
}

export interface ResponseHeaders extends Headers {
  /** 200 to 599, or 101 where a protocol switch was agreed. Informational: 100, 102 to 199. */
  status: number;
}
