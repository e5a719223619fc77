/** Header maps of an isolated filter: copies that remember what was changed. The engine's own classes check what is set, as they do inline. */
import { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../http/headers/header-map.ts";
import { type EditKind, type EditTarget, readRequest, readResponse, readTrailers } from "../sections.ts";

/** Where changes go: the open hook call; null: the map is a copy that is to be read alone. */
export interface Recorder {
  record(target: EditTarget, kind: EditKind, name: string, value: string): void;
}

function refuse(): never {
  throw new TypeError(
    "outside of inline these headers are a copy, to be read: headers change in the hooks of their own direction",
  );
}

function record(to: Recorder | null, target: EditTarget, kind: EditKind, name: string, value: string): void {
  if (to === null) refuse();
  to.record(target, kind, name, value);
}

export class FarRequestHeaders extends RequestHeaderMap {
  readonly #recorder: Recorder | null;
  #knownScheme: string;

  constructor(section: string, recorder: Recorder | null) {
    const { method, path, authority, scheme, upgrade, fields } = readRequest(section);
    super(method, path, authority, scheme, fields, upgrade);
    this.#recorder = recorder;
    this.#knownScheme = scheme;
  }

  override set(name: string, value: string): void {
    super.set(name, value);
    record(this.#recorder, "request", "set", name, value);
  }

  override append(name: string, value: string): void {
    super.append(name, value);
    record(this.#recorder, "request", "append", name, value);
  }

  override delete(name: string): boolean {
    record(this.#recorder, "request", "delete", name, "");
    return super.delete(name);
  }

  override get method(): string {
    return super.method;
  }

  override set method(value: string) {
    super.method = value;
    record(this.#recorder, "request", "property", "method", value);
  }

  override get path(): string {
    return super.path;
  }

  override set path(value: string) {
    super.path = value;
    record(this.#recorder, "request", "property", "path", value);
  }

  override get authority(): string {
    return super.authority;
  }

  override set authority(value: string) {
    super.authority = value;
    record(this.#recorder, "request", "property", "authority", value);
  }

  /** The scheme is a plain field. */
  recordScheme(): void {
    if (this.scheme === this.#knownScheme) return;
    this.#knownScheme = this.scheme;
    record(this.#recorder, "request", "property", "scheme", this.scheme);
  }
}

/** Of the final response, or (`own`) of an informational one. */
export class FarResponseHeaders extends ResponseHeaderMap {
  readonly #recorder: Recorder | null;
  readonly #target: EditTarget;

  constructor(section: string, recorder: Recorder | null, target: EditTarget) {
    const { status, fields } = readResponse(section);
    super(status, fields);
    this.#recorder = recorder;
    this.#target = target;
  }

  override set(name: string, value: string): void {
    super.set(name, value);
    record(this.#recorder, this.#target, "set", name, value);
  }

  override append(name: string, value: string): void {
    super.append(name, value);
    record(this.#recorder, this.#target, "append", name, value);
  }

  override delete(name: string): boolean {
    record(this.#recorder, this.#target, "delete", name, "");
    return super.delete(name);
  }

  override get status(): number {
    return super.status;
  }

  override set status(value: number) {
    super.status = value;
    record(this.#recorder, this.#target, "property", "status", String(value));
  }
}

export class FarTrailers extends HeaderMap {
  readonly #recorder: Recorder | null;

  constructor(section: string, recorder: Recorder | null) {
    super(readTrailers(section));
    this.#recorder = recorder;
  }

  override set(name: string, value: string): void {
    super.set(name, value);
    record(this.#recorder, "own", "set", name, value);
  }

  override append(name: string, value: string): void {
    super.append(name, value);
    record(this.#recorder, "own", "append", name, value);
  }

  override delete(name: string): boolean {
    record(this.#recorder, "own", "delete", name, "");
    return super.delete(name);
  }
}
