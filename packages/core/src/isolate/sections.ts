/**
 * Hot path of isolated filters. Header sections as one text and changes of them as a list: what crosses to the thread and comes back. A text with NUL between its parts
 * costs half of what a list of strings costs to clone, and no legal name or value has a NUL.
 */
import type { RequestHeaders, ResponseHeaders } from "@sluice/sdk";
import { HeaderField } from "../http/headers/field.ts";
import { HeaderMap, RequestHeaderMap, ResponseHeaderMap } from "../http/headers/header-map.ts";

const SEPARATOR = "\0";

export function requestSection(headers: RequestHeaders): string {
  const { method, path, authority, scheme, upgrade } = headers;
  return (
    method +
    SEPARATOR +
    path +
    SEPARATOR +
    authority +
    SEPARATOR +
    scheme +
    SEPARATOR +
    upgrade +
    fieldsOf(headers as unknown as HeaderMap)
  );
}

export function responseSection(headers: ResponseHeaders): string {
  return String(headers.status) + fieldsOf(headers as unknown as HeaderMap);
}

export function trailersSection(trailers: HeaderMap): string {
  return fieldsOf(trailers);
}

/** Every part with a separator before it. */
function fieldsOf({ fields }: HeaderMap): string {
  let text = "";
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!;
    text += SEPARATOR + field.name + SEPARATOR + field.value;
  }
  return text;
}

export interface RequestParts {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly scheme: string;
  readonly upgrade: string;
  readonly fields: HeaderField[];
}

export function readRequest(section: string): RequestParts {
  const parts = section.split(SEPARATOR);
  return {
    method: parts[0]!,
    path: parts[1]!,
    authority: parts[2]!,
    scheme: parts[3]!,
    upgrade: parts[4]!,
    fields: readFields(parts, 5),
  };
}

export function readResponse(section: string): { readonly status: number; readonly fields: HeaderField[] } {
  const parts = section.split(SEPARATOR);
  return { status: Number(parts[0]), fields: readFields(parts, 1) };
}

export function readTrailers(section: string): HeaderField[] {
  return section === "" ? [] : readFields(section.split(SEPARATOR), 1);
}

function readFields(parts: readonly string[], from: number): HeaderField[] {
  const fields: HeaderField[] = [];
  for (let i = from; i + 1 < parts.length; i += 2) fields.push(new HeaderField(parts[i]!, parts[i + 1]!));
  return fields;
}

/** Which map an edit is for: the stream's request or response headers, or the other section that the hook was given. */
export type EditTarget = "request" | "response" | "own";
export type EditKind = "set" | "append" | "delete" | "property";

/** A list of edits is flat: target, kind, name, value, and so on. Names of properties are those of the sdk's maps. */
export const EDIT_PARTS = 4;

export interface EditedMaps {
  readonly request: RequestHeaderMap;
  readonly response: ResponseHeaderMap | undefined;
  readonly own: HeaderMap | null;
}

/** Checks all edits, then makes them. @throws TypeError at one that is not legal: nothing has happened then. */
export function applyEdits(maps: EditedMaps, edits: readonly string[]): void {
  const request = new RequestHeaderMap("GET", "/", "", "");
  const scratch = { request, response: new ResponseHeaderMap(200), own: new ResponseHeaderMap(200) };
  for (let i = 0; i < edits.length; i += EDIT_PARTS) applyEdit(scratch, edits, i);
  for (let i = 0; i < edits.length; i += EDIT_PARTS) applyEdit(maps, edits, i);
}

function applyEdit(maps: EditedMaps, edits: readonly string[], at: number): void {
  const map = maps[edits[at] as EditTarget];
  const kind = edits[at + 1] as EditKind;
  const name = edits[at + 2]!;
  const value = edits[at + 3]!;
  // A response whose headers went by meanwhile has none to be changed.
  if (map === undefined || map === null) return;
  if (kind === "set") map.set(name, value);
  else if (kind === "append") map.append(name, value);
  else if (kind === "delete") map.delete(name);
  else if (name === "status") (map as ResponseHeaderMap).status = Number(value);
  else if (isRequestProperty(name)) (map as RequestHeaderMap)[name] = value;
  else throw new TypeError(`headers have no property "${name}"`);
}

type RequestProperty = "method" | "path" | "authority" | "scheme";
const REQUEST_PROPERTIES: ReadonlySet<string> = new Set<RequestProperty>(["method", "path", "authority", "scheme"]);

function isRequestProperty(name: string): name is RequestProperty {
  return REQUEST_PROPERTIES.has(name);
}
