/** Messages without an end, of the kinds that filters look into. */
import type { TestRequest } from "../messages.ts";
import { wholeBody } from "./scenario.ts";

const CHUNK_BYTES = 32 * 1024;

export interface Flood {
  readonly name: string;
  /** Head of the request; for the response direction its headers are those of the answer. */
  readonly request: TestRequest;
  readonly chunk: (index: number) => Buffer;
}

function flood(type: string, first: string, repeated: string): Flood {
  const filled = Buffer.from(repeated.repeat(Math.ceil(CHUNK_BYTES / repeated.length)));
  const start = Buffer.from(first);
  return {
    name: `${type} like ${JSON.stringify(first + repeated)}`,
    request: { headers: { "content-type": type } },
    chunk: (index) => (index === 0 && start.length > 0 ? start : filled),
  };
}

export const FLOODS: readonly Flood[] = [
  flood("text/plain", "", "lorem ipsum dolor sit amet\n"),
  flood("application/json", "[", '{"name":"Ann","card":"4111 1111"},'),
  flood("application/json", '{"text":"', "xyz "),
  flood("text/event-stream", "", 'data: {"delta":"word"}\n\n'),
  flood("application/octet-stream", "", "\u0000\u0001\u0002"),
];

/** The request's own body, again and again, under its own head. */
export function floodOf(request: TestRequest): Flood {
  const { body: _body, chunks: _chunks, trailers: _trailers, ...head } = request;
  const own = wholeBody(request);
  const piece = own.length === 0 ? Buffer.from("x") : own;
  const filled = Buffer.concat(Array.from({ length: Math.ceil(CHUNK_BYTES / piece.length) }, () => piece));
  return { name: `${head.method ?? "POST"} ${head.path ?? "/"}`, request: head, chunk: () => filled };
}
