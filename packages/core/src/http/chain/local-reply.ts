/** Local replies as messages: HTTP, or gRPC trailers-only for gRPC requests. */
import { type LocalReplyOptions, grpcMessage, grpcStatusOfHttp, isGrpcType } from "@sluice/sdk";
import { HeaderField, KNOWN, field } from "../headers/field.ts";
import { type RequestHeaderMap, ResponseHeaderMap } from "../headers/header-map.ts";

const encoder = new TextEncoder();
const EMPTY = new Uint8Array(0);
const TEXT_PLAIN = new HeaderField("content-type", "text/plain");
const GRPC = new HeaderField("content-type", "application/grpc");

/** Clients take no more than some kilobytes of headers: a longer text would end the connection, with all streams on it. */
const MOST_MESSAGE_BYTES = 2048;

/** The body of a reply as the header `grpc-message`, cut where it is long. */
export function grpcMessageField(body: Uint8Array): HeaderField {
  return new HeaderField("grpc-message", grpcMessage(body.subarray(0, MOST_MESSAGE_BYTES)));
}

export interface LocalReplyMessage {
  readonly headers: ResponseHeaderMap;
  readonly body: Uint8Array;
}

/** Of a reply's own status, which may be a success. */
export function grpcStatusOf(status: number): number {
  return status === 200 ? 0 : grpcStatusOfHttp(status);
}

export function isGrpc(headers: RequestHeaderMap): boolean {
  const type = headers.findKnown(KNOWN.contentType);
  return type !== null && isGrpcType(type.value);
}

/** Framing of the reply is the engine's. */
export const OWN = new Set(["content-length", "transfer-encoding"]);

/**
 * `grpc`: the request came as gRPC, whatever filters have made of it since.
 * @throws TypeError where the options are not legal.
 */
export function localReplyMessage(
  options: LocalReplyOptions,
  request: RequestHeaderMap,
  grpc: boolean,
): LocalReplyMessage {
  const { status, body } = options;
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new TypeError(`local reply: status ${status} is not legal: expected 200 to 599`);
  if (body !== undefined && typeof body !== "string" && !(body instanceof Uint8Array))
    throw new TypeError("local reply: the body is neither a string nor bytes");
  let bytes = body === undefined ? EMPTY : typeof body === "string" ? encoder.encode(body) : body;
  const headers = new ResponseHeaderMap(grpc ? 200 : status);
  if (grpc) {
    headers.fields.push(GRPC, new HeaderField("grpc-status", String(options.grpcStatus ?? grpcStatusOf(status))));
    if (bytes.length !== 0) headers.fields.push(grpcMessageField(bytes));
    bytes = EMPTY;
  } else if (status === 204 || status === 304) {
    // Neither has a body, nor a length of one (RFC 9110 sections 8.6 and 15.3.5).
    bytes = EMPTY;
  } else {
    headers.fields.push(new HeaderField("content-length", String(bytes.length)));
    if (bytes.length !== 0) headers.fields.push(TEXT_PLAIN);
  }
  const extra = options.headers;
  if (extra !== undefined) {
    for (const name of Object.keys(extra)) {
      const value = extra[name]!;
      if (OWN.has(name.toLowerCase())) continue;
      if (typeof value === "string") headers.setField(field(name, value));
      else {
        headers.delete(name);
        for (const v of value) headers.append(name, v);
      }
    }
  }
  // A reply to HEAD says what GET would have sent, without the body.
  return { headers, body: request.method === "HEAD" ? EMPTY : bytes };
}

/** Details are one word: what would break a log line becomes `_`. */
export function detailsWord(text: string): string {
  return /^[\x21-\x7e]+$/.test(text) ? text : text.replace(/[^\x21-\x7e]+/g, "_");
}
