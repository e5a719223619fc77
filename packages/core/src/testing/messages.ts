/** Messages as tests write and read them: requests, answers, header sections as plain records. Shared by every harness of the kit. */
import type { ResetReason } from "@sluice/sdk";
import { readBuffer } from "../network/connection.ts";
import { HeaderField, headerName } from "../http/headers/field.ts";
import { HeaderMap, RequestHeaderMap } from "../http/headers/header-map.ts";

/** Names in any case; an array, or a name that comes twice in a list, makes several entries. */
export type HeadersInput =
  | Readonly<Record<string, string | readonly string[]>>
  | readonly (readonly [name: string, value: string])[];

/** A string is sent as UTF-8. */
export type BytesInput = string | Uint8Array;

/** The head of a request. */
export interface RequestHead {
  /** @default "GET"; "POST" where `request()` is given a body */
  readonly method?: string;
  /** Path with query. @default "/" */
  readonly path?: string;
  /** @default "test.example" */
  readonly authority?: string;
  /** @default "http" */
  readonly scheme?: "http" | "https";
  /** Protocol of an upgrade (`websocket`). @default "" */
  readonly upgrade?: string;
  readonly headers?: HeadersInput;
}

/** A whole request. `body` is one chunk, `chunks` are as many frames; give one of them. */
export interface TestRequest extends RequestHead {
  readonly body?: BytesInput;
  readonly chunks?: readonly BytesInput[];
  readonly trailers?: HeadersInput;
}

/** What an upstream answers. */
export interface UpstreamAnswer {
  /** @default 200 */
  readonly status?: number;
  readonly headers?: HeadersInput;
  readonly body?: BytesInput;
  readonly chunks?: readonly BytesInput[];
  readonly trailers?: HeadersInput;
  /** Statuses of 1xx responses that go first. */
  readonly informational?: readonly number[];
  /** Virtual milliseconds from the end of the request to the answer. @default 0 */
  readonly delayMs?: number;
  /** The upstream resets: after `chunks` where there are any, else before it has answered. */
  readonly reset?: ResetReason;
}

/** A request as it arrived at an upstream; it grows while frames come. */
export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly scheme: string;
  /** Values of one name joined with `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** Every entry, in order. */
  readonly headerList: readonly (readonly [name: string, value: string])[];
  /** As UTF-8. */
  readonly body: string;
  readonly bytes: Uint8Array;
  /** Lengths of the data frames. */
  readonly chunks: readonly number[];
  readonly trailers: Readonly<Record<string, string>> | null;
  /** Whether the end of the request has come. */
  readonly ended: boolean;
}

export type Respond = (request: ReceivedRequest) => UpstreamAnswer | Promise<UpstreamAnswer>;

export function fieldsOf(headers: HeadersInput | undefined): HeaderField[] {
  if (headers === undefined) return [];
  const list: readonly (readonly [string, string | readonly string[]])[] = Array.isArray(headers)
    ? (headers as readonly (readonly [string, string])[])
    : Object.entries(headers as Readonly<Record<string, string | readonly string[]>>);
  return list.flatMap(([name, value]) =>
    (typeof value === "string" ? [value] : value).map((one) => new HeaderField(headerName(name), one)),
  );
}

export function requestMap(request: TestRequest, method = "GET"): RequestHeaderMap {
  const { path = "/", authority = "test.example", scheme = "http", upgrade = "" } = request;
  const fields = withLength(fieldsOf(request.headers), request.chunks === undefined ? request.body : undefined);
  return new RequestHeaderMap(request.method ?? method, path, authority, scheme, fields, upgrade);
}

export function trailersMap(trailers: HeadersInput): HeaderMap {
  return new HeaderMap(fieldsOf(trailers));
}

export function bytesOf(data: BytesInput): Buffer<ArrayBuffer> {
  return typeof data === "string" ? Buffer.from(data, "utf8") : Buffer.from(data);
}

export function recordOf(headers: Iterable<readonly [string, string]>): Record<string, string> {
  const record: Record<string, string> = {};
  for (const [name, value] of headers) record[name] = Object.hasOwn(record, name) ? `${record[name]}, ${value}` : value;
  return record;
}

/** A body that is given as one carries its length, as real peers say it; one in chunks does not. */
export function withLength(fields: HeaderField[], body: BytesInput | undefined): HeaderField[] {
  if (body === undefined || fields.some(({ name }) => name === "content-length" || name === "transfer-encoding"))
    return fields;
  return [...fields, new HeaderField("content-length", String(bytesOf(body).length))];
}

/** The chunks of a message: what `body` or `chunks` say. */
export function chunksOf(message: { readonly body?: BytesInput; readonly chunks?: readonly BytesInput[] }): Buffer[] {
  if (message.chunks !== undefined) {
    if (message.body !== undefined) throw new TypeError("a message has body or chunks, not both");
    return message.chunks.map(bytesOf);
  }
  return message.body === undefined ? [] : [bytesOf(message.body)];
}

const SPOILT = 0x21;

/** Hands bytes out as a socket does: its read buffer is overwritten when the call returns, unless somebody has said that it is still busy. */
export function lend(bytes: Buffer, overwrites: boolean, use: (bytes: Buffer) => void): void {
  readBuffer.retained = false;
  use(bytes);
  if (overwrites && !readBuffer.retained) bytes.fill(SPOILT);
  readBuffer.retained = false;
}
