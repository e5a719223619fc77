/** Hot path of isolated filters. One hook call in the filter's thread, from its begin to its outcome: the maps that the hook was given, and what it changed of them. */
import { HeaderMap } from "../../http/headers/header-map.ts";
import { INFORMATIONAL, REQUEST_HEADERS, REQUEST_TRAILERS, RESPONSE_HEADERS, RESPONSE_TRAILERS } from "../protocol.ts";
import type { EditKind, EditTarget } from "../sections.ts";
import { FarRequestHeaders, FarResponseHeaders, FarTrailers, type Recorder } from "./far-headers.ts";

export class FarCall implements Recorder {
  readonly number: number;
  readonly hook: number;
  readonly end: boolean;
  /** The section that the hook gets; null for data. */
  readonly map: FarRequestHeaders | FarResponseHeaders | FarTrailers | null;
  /** The stream's headers, for a hook of data or trailers that asked for them. */
  headers: FarRequestHeaders | FarResponseHeaders | null;
  /** Those that the hook adds behind the message's end. */
  trailers: HeaderMap | null;
  #edits: string[] | null;

  constructor(number: number, hook: number, end: boolean, section: string | null) {
    this.number = number;
    this.hook = hook;
    this.end = end;
    this.headers = null;
    this.trailers = null;
    this.#edits = null;
    this.map = section === null ? null : mapOf(hook, section, this);
  }

  record(target: EditTarget, kind: EditKind, name: string, value: string): void {
    (this.#edits ??= []).push(target, kind, name, value);
  }

  /** What was changed since the last time; null where nothing was. */
  takeEdits(): string[] | null {
    if (this.map instanceof FarRequestHeaders) this.map.recordScheme();
    if (this.headers instanceof FarRequestHeaders) this.headers.recordScheme();
    const edits = this.#edits;
    this.#edits = null;
    return edits;
  }
}

function mapOf(hook: number, section: string, call: FarCall): FarRequestHeaders | FarResponseHeaders | FarTrailers {
  switch (hook) {
    case REQUEST_HEADERS:
      return new FarRequestHeaders(section, call);
    case RESPONSE_HEADERS:
      return new FarResponseHeaders(section, call, "response");
    case INFORMATIONAL:
      return new FarResponseHeaders(section, call, "own");
    case REQUEST_TRAILERS:
    case RESPONSE_TRAILERS:
      return new FarTrailers(section, call);
    default:
      throw new TypeError(`hook ${hook} is given no section`);
  }
}
