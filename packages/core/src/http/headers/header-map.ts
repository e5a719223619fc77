/**
 * Hot path: docs/extending/hot-path-rules.md. Header maps: fields in their order with duplicates. Look-ups are linear over a dozen entries, which beats any table.
 * Method, path, authority, scheme and status are properties, never entries.
 */
import type { Headers, RequestHeaders, ResponseHeaders } from "@sluice/sdk";
import { HeaderField, KNOWN, field, headerName } from "./field.ts";
import type { Spelling } from "./spelling.ts";

export class HeaderMap implements Headers {
  /** In order. Codecs and the engine read and push directly; filters see the methods. */
  readonly fields: HeaderField[];
  /** How the sender spelt the names, for HTTP/1 on the other side; null: nobody cares. */
  spelling: Spelling | null;

  constructor(fields: HeaderField[] = []) {
    this.fields = fields;
    this.spelling = null;
  }

  get size(): number {
    return this.fields.length;
  }

  /** First field of a name that is known to be lower-case; null where there is none. */
  find(name: string): HeaderField | null {
    const { fields } = this;
    for (let i = 0; i < fields.length; i++) {
      const f = fields[i]!;
      if (f.name === name) return f;
    }
    return null;
  }

  /** First field by its number in KNOWN. */
  findKnown(known: number): HeaderField | null {
    const { fields } = this;
    for (let i = 0; i < fields.length; i++) {
      const f = fields[i]!;
      if (f.known === known) return f;
    }
    return null;
  }

  /** Removes every field of that number in KNOWN. */
  deleteKnown(known: number): void {
    const { fields } = this;
    for (let i = fields.length - 1; i >= 0; i--) {
      if (fields[i]!.known === known) fields.splice(i, 1);
    }
  }

  /** Puts a checked field in the place of the first of its name; others of the name go. */
  setField(f: HeaderField): void {
    const { fields } = this;
    const { name } = f;
    let i = 0;
    while (i < fields.length && fields[i]!.name !== name) i++;
    if (i === fields.length) {
      fields.push(f);
      return;
    }
    fields[i] = f;
    for (let j = fields.length - 1; j > i; j--) {
      if (fields[j]!.name === name) fields.splice(j, 1);
    }
  }

  get(name: string): string | undefined {
    const lower = headerName(name);
    const { fields } = this;
    let joined: string | undefined;
    for (let i = 0; i < fields.length; i++) {
      const f = fields[i]!;
      if (f.name !== lower) continue;
      if (joined === undefined) joined = f.value;
      else joined += (lower === "cookie" ? "; " : ", ") + f.value;
    }
    if (joined !== undefined && lower === "set-cookie") {
      throw new TypeError('set-cookie cannot be joined (RFC 9110 section 5.3): use getAll("set-cookie")');
    }
    return joined;
  }

  getAll(name: string): string[] {
    const lower = headerName(name);
    const values: string[] = [];
    for (const f of this.fields) if (f.name === lower) values.push(f.value);
    return values;
  }

  has(name: string): boolean {
    return this.find(headerName(name)) !== null;
  }

  set(name: string, value: string): void {
    this.setField(this.entry(name, value));
  }

  append(name: string, value: string): void {
    this.fields.push(this.entry(name, value));
  }

  delete(name: string): boolean {
    const lower = headerName(name);
    const { fields } = this;
    const before = fields.length;
    for (let i = before - 1; i >= 0; i--) {
      if (fields[i]!.name === lower) fields.splice(i, 1);
    }
    return fields.length !== before;
  }

  *[Symbol.iterator](): IterableIterator<readonly [string, string]> {
    for (const f of this.fields) yield [f.name, f.value];
  }

  /** Bytes of the section on an HTTP/1 wire, without the start line. */
  byteSize(): number {
    let bytes = 0;
    const { fields } = this;
    for (let i = 0; i < fields.length; i++) bytes += fields[i]!.name.length + fields[i]!.value.length + 4;
    return bytes;
  }

  /** A field that is to become an entry. Subclasses refuse the names that are properties. @throws TypeError */
  protected entry(name: string, value: string): HeaderField {
    return field(name, value);
  }
}

export class RequestHeaderMap extends HeaderMap implements RequestHeaders {
  #method: string;
  #path: string;
  #authority: string;
  scheme: string;
  /** Lower-case protocol of an `Upgrade` request; the codec strips and restores `connection` and `upgrade`. */
  upgrade: string;

  /** The caller vouches for the values: a codec has checked them. The setters check. */
  constructor(
    method: string,
    path: string,
    authority: string,
    scheme: string,
    fields: HeaderField[] = [],
    upgrade = "",
  ) {
    super(fields);
    this.#method = method;
    this.#path = path;
    this.#authority = authority;
    this.scheme = scheme;
    this.upgrade = upgrade;
  }

  get method(): string {
    return this.#method;
  }

  set method(value: string) {
    if (!METHOD.test(value)) throw new TypeError(`method ${JSON.stringify(value)} is not legal: expected a token`);
    this.#method = value;
  }

  get path(): string {
    return this.#path;
  }

  set path(value: string) {
    if (ILLEGAL_TARGET.test(value))
      throw new TypeError(
        `path ${JSON.stringify(value)} is not legal: it has a space, a control or a character above U+00FF`,
      );
    this.#path = value;
  }

  get authority(): string {
    return this.#authority;
  }

  set authority(value: string) {
    if (ILLEGAL_TARGET.test(value))
      throw new TypeError(
        `authority ${JSON.stringify(value)} is not legal: it has a space, a control or a character above U+00FF`,
      );
    this.#authority = value;
  }

  protected override entry(name: string, value: string): HeaderField {
    const made = field(name, value);
    if (made.known === KNOWN.host) throw new TypeError('host is not an entry: use the property "authority"');
    return made;
  }

  clone(): RequestHeaderMap {
    const copy = new RequestHeaderMap(
      this.#method,
      this.#path,
      this.#authority,
      this.scheme,
      this.fields.slice(),
      this.upgrade,
    );
    copy.spelling = this.spelling;
    return copy;
  }
}

export class ResponseHeaderMap extends HeaderMap implements ResponseHeaders {
  #status: number;

  constructor(status: number, fields: HeaderField[] = []) {
    super(fields);
    this.#status = status;
  }

  get status(): number {
    return this.#status;
  }

  set status(value: number) {
    if (!Number.isInteger(value) || value < 100 || value > 599)
      throw new TypeError(`status ${value} is not legal: expected 100 to 599`);
    this.#status = value;
  }
}

const METHOD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// oxlint-disable-next-line no-control-regex -- these are the bytes that are refused
const ILLEGAL_TARGET = /[^\x21-\x7e\x80-\xff]/;

export { HeaderField, field };
