/** Hot path: docs/extending/hot-path-rules.md. Header sections as flat lists, and a component's edits on the real ones: all are checked, then made. */
import type { Headers, LocalReply, RequestHeaders, ResponseHeaders } from "@sluice/sdk";
import { reply } from "@sluice/sdk";
import { headerName, headerValue } from "../../http/headers/field.ts";
import { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../../http/headers/header-map.ts";
import type { GuestReply, Outcome } from "./guest.ts";

/** Properties of the sdk's maps, under the names that they have in a flat list. */
const PROPERTIES: Readonly<Record<string, "method" | "path" | "authority" | "scheme" | "status">> = {
  ":method": "method",
  ":path": "path",
  ":authority": "authority",
  ":scheme": "scheme",
  ":status": "status",
};
const COLON = 0x3a;

/** A flat list that is filled again and again. */
export class Fields {
  readonly texts: string[];
  count: number;

  constructor() {
    this.texts = [];
    this.count = 0;
  }

  request(headers: RequestHeaders): void {
    this.count = 0;
    this.#push(":method", headers.method);
    this.#push(":path", headers.path);
    this.#push(":authority", headers.authority);
    this.#push(":scheme", headers.scheme);
    if (headers.upgrade !== "") this.#push(":upgrade", headers.upgrade);
    this.#entries(headers);
  }

  response(headers: ResponseHeaders): void {
    this.count = 0;
    this.#push(":status", String(headers.status));
    this.#entries(headers);
  }

  trailers(trailers: Headers): void {
    this.count = 0;
    this.#entries(trailers);
  }

  #push(name: string, value: string): void {
    const { texts, count } = this;
    texts[count] = name;
    texts[count + 1] = value;
    this.count = count + 2;
  }

  #entries(headers: Headers): void {
    if (!(headers instanceof HeaderMap)) {
      for (const [name, value] of headers) this.#push(name, value);
      return;
    }
    const { fields } = headers;
    for (let i = 0; i < fields.length; i++) {
      const f = fields[i]!;
      this.#push(f.name, f.value);
    }
  }
}

/** @throws TypeError at an edit that is not legal; then none has been made */
export function applyEdits(outcome: Outcome, headers: Headers): void {
  const { kinds, names, values, edits } = outcome;
  for (let i = 0; i < edits; i++) check(kinds[i]!, names[i]!, values[i]!, headers);
  for (let i = 0; i < edits; i++) {
    const name = names[i]!;
    const value = values[i]!;
    if (name.charCodeAt(0) === COLON) setProperty(headers, name, value);
    else if (kinds[i] === 0) headers.set(name, value);
    else if (kinds[i] === 1) headers.append(name, value);
    else headers.delete(name);
  }
}

function check(kind: number, name: string, value: string, headers: Headers): void {
  if (name.charCodeAt(0) === COLON) {
    if (kind !== 0) throw new TypeError(`${name} can only be set`);
    // On a map of its own, whose setters are the judges.
    setProperty(
      "method" in headers ? new RequestHeaderMap("GET", "/", "", "http") : new ResponseHeaderMap(200),
      name,
      value,
    );
    if (!(PROPERTIES[name]! in headers)) throw new TypeError(`${name} is no property of these headers`);
    return;
  }
  if (headerName(name) === "host" && "method" in headers) throw new TypeError('host is not an entry: use ":authority"');
  if (kind !== 2) headerValue(name, value);
}

function setProperty(headers: Headers, name: string, value: string): void {
  const property = PROPERTIES[name];
  if (property === undefined || !(property in headers)) throw new TypeError(`${name} cannot be set here`);
  if (property === "status") (headers as ResponseHeaders).status = Number(value);
  else (headers as RequestHeaders)[property] = value;
}

/** @throws TypeError where the headers are not legal */
export function replyOf({ status, headers, body, details }: GuestReply): LocalReply {
  if (status < 200 || status > 599) throw new TypeError(`a reply of status ${status}, expected 200 to 599`);
  const byName = Object.create(null) as Record<string, string[]>;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headerName(headers[i]!);
    (byName[name] ??= []).push(headerValue(name, headers[i + 1]!));
  }
  const options = { status, headers: byName, body };
  return reply(details === "" ? options : { ...options, details });
}
