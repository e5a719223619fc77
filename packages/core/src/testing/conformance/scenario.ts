/** The exchanges that a conformance suite plays, and what is the same of one whichever way it was cut. */
import type { TestResponse } from "../client-end.ts";
import type { FakeCluster } from "../fake-cluster.ts";
import type { HttpHarnessOptions } from "../http-filter-harness.ts";
import {
  bytesOf,
  chunksOf,
  type ReceivedRequest,
  type Respond,
  type TestRequest,
  type UpstreamAnswer,
} from "../messages.ts";
import type { HttpFilterSetup } from "../setup.ts";

export interface HttpConformanceOptions
  extends HttpFilterSetup,
    Pick<HttpHarnessOptions, "routes" | "hcm" | "runtime" | "client"> {
  /**
   * Requests that are sent besides the suite's own: those that the filter is made for. With those of the suite alone a filter that looks for something
   * else has proved little.
   */
  readonly requests?: readonly TestRequest[];
  /** What the upstream answers to each. @default the request's body, or some text */
  readonly upstream?: Respond;
  /** Makes the clusters that the filter calls, anew for each run; give them a `respond`. */
  readonly clusters?: () => Readonly<Record<string, FakeCluster>>;
  /**
   * What the bytes of a whole body mean, for filters that encode: cut otherwise, the same may be written with other bytes. What comes of it is compared.
   * @default the bytes themselves
   */
  readonly meaning?: Meaning;
  /** Of streams; the suite sends more than it. @default 64 KiB */
  readonly bufferLimitBytes?: number;
  /** Of what is random in the suite. @default 1 */
  readonly seed?: number;
  /** Random cuts of each exchange. @default 10 */
  readonly runs?: number;
}

export type Meaning = (bytes: Uint8Array, headers: Readonly<Record<string, string>>) => Uint8Array;

export interface Scenario {
  readonly request: TestRequest;
  readonly respond: Respond;
}

const TEXT = "The quick brown fox jumps over the lazy dog; ¡ola, señor! ".repeat(6);
const BINARY = Uint8Array.from({ length: 3000 }, (_, i) => (i * 31 + (i >> 3)) & 0xff);
const JSON_TEXT = JSON.stringify({
  model: "small",
  stream: false,
  user: { name: "Ann", card: "4111" },
  list: [1, 2, 3],
});

const OWN: readonly TestRequest[] = [
  { path: "/" },
  { path: "/plain?a=1&b=two", headers: { accept: "*/*", cookie: ["a=1", "b=2"] } },
  { method: "HEAD", path: "/head" },
  { method: "POST", path: "/text", headers: { "content-type": "text/plain; charset=utf-8" }, body: TEXT },
  { method: "PUT", path: "/binary", headers: { "content-type": "application/octet-stream" }, body: BINARY },
  { method: "POST", path: "/json", headers: { "content-type": "application/json" }, body: JSON_TEXT },
  { method: "POST", path: "/trailers", chunks: [TEXT], trailers: { "x-checksum": "abc" } },
];

export function scenariosOf(options: HttpConformanceOptions): Scenario[] {
  const respond = options.upstream ?? mirror;
  return [...OWN, ...(options.requests ?? [])].map((request) => ({ request, respond }));
}

/** Sends back what came, with its type and its trailers. */
function mirror(request: ReceivedRequest): UpstreamAnswer {
  const type = request.headers["content-type"] ?? "text/plain";
  const headers = { "content-type": type, "set-cookie": ["a=1", "b=2"] };
  if (request.method === "HEAD") return { headers: { ...headers, "content-length": "11" } };
  if (request.trailers !== null) return { headers, chunks: [request.bytes], trailers: { "x-sum": "9" } };
  return { headers, body: request.bytes.length === 0 ? "hello world" : request.bytes };
}

/** One body in one piece, and the head that belongs to it whichever way it is cut. */
export function wholeBody(message: TestRequest | UpstreamAnswer): Buffer {
  return Buffer.concat(chunksOf(message));
}

/** The head as it is when the body comes in one. */
export function headOf<Message extends TestRequest | UpstreamAnswer>(message: Message): Message {
  const { headers, body, chunks, ...rest } = message;
  const list = Array.isArray(headers) ? [...headers] : Object.entries(headers ?? {}).flatMap(entries);
  if (body !== undefined && chunks === undefined && !list.some(([name]) => name.toLowerCase() === "content-length"))
    list.push(["content-length", String(bytesOf(body).length)]);
  return { ...rest, headers: list } as unknown as Message;
}

function entries([name, value]: readonly [string, string | readonly string[]]): [string, string][] {
  return (typeof value === "string" ? [value] : value).map((one) => [name, one]);
}

/** What has to be the same, as plain data. */
export interface Outcome {
  readonly response: Readonly<Record<string, unknown>>;
  readonly request: Readonly<Record<string, unknown>> | null;
}

/** Made anew for every stream by the engine. */
const VARYING = new Set(["date", "x-request-id"]);

export function outcomeOf(
  response: TestResponse,
  ignored: ReadonlySet<string> = VARYING,
  meaning: Meaning = (bytes) => bytes,
): Outcome {
  const { status, trailers, reset, ended, details, upstream } = response;
  const headers = response.headerList.filter(([name]) => !ignored.has(name));
  return {
    response: { status, headers, body: bodyOf(response, meaning), trailers, reset, ended, details },
    request: upstream === null ? null : requestOutcome(upstream, ignored, meaning),
  };
}

function requestOutcome(request: ReceivedRequest, ignored: ReadonlySet<string>, meaning: Meaning): Outcome["request"] {
  const { method, path, authority, scheme, trailers, ended } = request;
  const headers = request.headerList.filter(([name]) => !ignored.has(name));
  return { method, path, authority, scheme, headers, body: bodyOf(request, meaning), trailers, ended };
}

/** A part of a body has no meaning of its own. */
function bodyOf({ bytes, headers, ended }: TestResponse | ReceivedRequest, meaning: Meaning): string {
  return latin1(ended ? meaning(bytes, headers) : bytes);
}

/** Names of headers that are not even the same in two equal runs. */
export function varyingOf(one: TestResponse, other: TestResponse): ReadonlySet<string> {
  const names = new Set(VARYING);
  const compare = (a: readonly (readonly [string, string])[], b: readonly (readonly [string, string])[]): void => {
    for (const name of new Set([...a, ...b].map(([key]) => key))) {
      const valuesOf = (list: typeof a): string => JSON.stringify(list.filter(([key]) => key === name));
      if (valuesOf(a) !== valuesOf(b)) names.add(name);
    }
  };
  compare(one.headerList, other.headerList);
  compare(one.upstream?.headerList ?? [], other.upstream?.headerList ?? []);
  return names;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}
