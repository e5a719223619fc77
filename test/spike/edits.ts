/**
 * Header changes as data. The near side gives a header section as one flat list; the far side works on a copy of its own that
 * keeps a list of what was changed; the near side plays the list on the real map.
 */
import type { Headers, RequestHeaders, ResponseHeaders } from "@sluice/sdk";
import { HeaderMap } from "../../packages/core/src/http/headers/header-map.ts";
import { HeaderField } from "../../packages/core/src/http/headers/field.ts";

/** `value` is empty for `delete`. */
export type Edit = readonly [kind: "set" | "append" | "delete", name: string, value: string];

/** Properties of the sdk's maps, under the names that they have in a flat list. */
const PROPERTIES = {
  ":method": "method",
  ":path": "path",
  ":authority": "authority",
  ":scheme": "scheme",
  ":status": "status",
} as const;
type PropertyName = keyof typeof PROPERTIES;
const READ_ONLY = ":upgrade";

export function flatRequest(headers: RequestHeaders): string[] {
  const { method, path, authority, scheme, upgrade } = headers;
  return [
    ":method",
    method,
    ":path",
    path,
    ":authority",
    authority,
    ":scheme",
    scheme,
    ":upgrade",
    upgrade,
    ...flat(headers),
  ];
}

export function flatResponse(headers: ResponseHeaders): string[] {
  return [":status", String(headers.status), ...flat(headers)];
}

export function flat(headers: Headers): string[] {
  const list: string[] = [];
  for (const [name, value] of headers) list.push(name, value);
  return list;
}

/** @throws TypeError at the first edit that is not legal; those before it have been made. */
export function applyEdits(headers: Headers, edits: readonly Edit[]): void {
  for (const [kind, name, value] of edits) {
    if (Object.hasOwn(PROPERTIES, name)) setProperty(headers, name as PropertyName, value);
    else if (kind === "set") headers.set(name, value);
    else if (kind === "append") headers.append(name, value);
    else headers.delete(name);
  }
}

function setProperty(headers: Headers, name: PropertyName, value: string): void {
  const key = PROPERTIES[name];
  if (!(key in headers)) throw new TypeError(`${name} is no property of these headers`);
  if (key === "status") (headers as ResponseHeaders).status = Number(value);
  else (headers as RequestHeaders)[key] = value;
}

/** A header section on the far side, of either kind: a filter sees the interface alone. */
export class FarHeaders implements Headers {
  readonly edits: Edit[] = [];
  readonly #map: HeaderMap;
  readonly #properties = new Map<PropertyName, string>();
  /** Of a request; it cannot be changed. */
  readonly upgrade: string;

  constructor(list: readonly string[]) {
    this.#map = new HeaderMap();
    let upgrade = "";
    for (let i = 0; i + 1 < list.length; i += 2) {
      const [name, value] = [list[i]!, list[i + 1]!];
      if (Object.hasOwn(PROPERTIES, name)) this.#properties.set(name as PropertyName, value);
      else if (name === READ_ONLY) upgrade = value;
      else this.#map.fields.push(new HeaderField(name, value));
    }
    this.upgrade = upgrade;
  }

  get size(): number {
    return this.#map.size;
  }

  get(name: string): string | undefined {
    return this.#map.get(name);
  }

  getAll(name: string): string[] {
    return this.#map.getAll(name);
  }

  has(name: string): boolean {
    return this.#map.has(name);
  }

  set(name: string, value: string): void {
    this.#map.set(name, value);
    this.edits.push(["set", name, value]);
  }

  append(name: string, value: string): void {
    this.#map.append(name, value);
    this.edits.push(["append", name, value]);
  }

  delete(name: string): boolean {
    const existed = this.#map.delete(name);
    if (existed) this.edits.push(["delete", name, ""]);
    return existed;
  }

  [Symbol.iterator](): Iterator<readonly [string, string]> {
    return this.#map[Symbol.iterator]();
  }

  get method(): string {
    return this.#properties.get(":method") ?? "";
  }

  set method(value: string) {
    this.#setProperty(":method", value);
  }

  get path(): string {
    return this.#properties.get(":path") ?? "";
  }

  set path(value: string) {
    this.#setProperty(":path", value);
  }

  get authority(): string {
    return this.#properties.get(":authority") ?? "";
  }

  set authority(value: string) {
    this.#setProperty(":authority", value);
  }

  get scheme(): string {
    return this.#properties.get(":scheme") ?? "";
  }

  set scheme(value: string) {
    this.#setProperty(":scheme", value);
  }

  get status(): number {
    return Number(this.#properties.get(":status"));
  }

  set status(value: number) {
    this.#setProperty(":status", String(value));
  }

  #setProperty(name: PropertyName, value: string): void {
    this.#properties.set(name, value);
    this.edits.push(["set", name, value]);
  }
}
