/** The conformance table: what a client plays, and what must come of it wherever the filter runs. */
import type { HarnessStream, ScriptedTerminal } from "@sluice/core/testing";
import type { Bench, BenchOptions } from "./runtimes.ts";

export const CONFIG = { header: "x-greeting", value: "hello" };

export interface Observed {
  /** As the terminal filter got it. */
  readonly request: {
    readonly path: string;
    readonly headers: readonly (readonly [string, string])[];
    readonly frames: readonly string[];
    readonly body: string;
  };
  readonly requestTrailers: Readonly<Record<string, string>> | null;
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly details: string;
  };
  readonly counted: { readonly greeted: number; readonly bodyBytes: number };
}

type Play = (stream: HarnessStream, pause: () => Promise<void>) => void | Promise<void>;

export interface Scenario extends BenchOptions {
  readonly name: string;
  readonly play: Play;
  readonly expected: { readonly [Part in keyof Observed]?: Partial<Observed[Part]> | null };
}

const get =
  (headers: Record<string, string> = {}): Play =>
  (stream) =>
    void stream.headers(headers);

/** A POST whose chunks are given one by one. */
const post = (
  chunks: readonly string[],
  headers: Record<string, string> = {},
  trailers?: Record<string, string>,
): Play => {
  return async (stream, pause) => {
    stream.headers({ ":method": "POST", ...headers }, false);
    for (const [i, chunk] of chunks.entries()) {
      await pause();
      stream.data(chunk, trailers === undefined && i === chunks.length - 1);
    }
    await pause();
    if (trailers !== undefined) stream.trailers(trailers);
  };
};

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "sets the greeting, takes a header out, keeps order and duplicates of the others",
    play: get({ accept: "a", "x-secret": "1", "x-other": "b" }),
    expected: {
      request: {
        path: "/",
        headers: [
          ["accept", "a"],
          ["x-other", "b"],
          ["x-greeting", "hello"],
        ],
        frames: ["headers", "end"],
      },
      response: { status: 200, headers: { "x-origin": "1", "x-request-bytes": "0" } },
      counted: { greeted: 1, bodyBytes: 0 },
    },
  },
  {
    name: "replaces a greeting in its place",
    play: get({ "x-greeting": "from the client", accept: "a" }),
    expected: {
      request: {
        headers: [
          ["x-greeting", "hello"],
          ["accept", "a"],
        ],
      },
    },
  },
  {
    name: "the route's configuration wins",
    routeValue: "route",
    play: get(),
    expected: { request: { headers: [["x-greeting", "route"]] } },
  },
  {
    name: "a route's configuration may be an empty text",
    routeValue: "",
    play: get(),
    expected: { request: { headers: [["x-greeting", ""]] } },
  },
  {
    name: "changes a property",
    play: get({ ":path": "/before?a=1", "x-rewrite": "1" }),
    expected: { request: { path: "/greeted" } },
  },
  {
    name: "values are bytes: latin1 goes through, from the client and from the configuration",
    routeValue: "gr\u00fc\u00df",
    play: get({ accept: "caf\u00e9 \u00ff" }),
    expected: {
      request: {
        headers: [
          ["accept", "caf\u00e9 \u00ff"],
          ["x-greeting", "gr\u00fc\u00df"],
        ],
      },
    },
  },
  {
    name: "counts a body over its chunks, and keeps the chunks",
    play: post(["one", "two", "", "three"]),
    expected: {
      request: { frames: ["headers", "data:3", "data:3", "data:5", "end"], body: "onetwothree" },
      response: { headers: { "x-origin": "1", "x-request-bytes": "11" } },
      counted: { greeted: 1, bodyBytes: 11 },
    },
  },
  {
    name: "a body that ends with an empty chunk",
    play: post(["abc", ""]),
    expected: { request: { frames: ["headers", "data:3", "data:0", "end"] }, counted: { bodyBytes: 3 } },
  },
  {
    name: "replaces one chunk",
    play: post(["#secret", "plain"]),
    expected: { request: { body: "#######plain" }, counted: { bodyBytes: 12 } },
  },
  {
    name: "a chunk as large as a read buffer",
    play: post(["x".repeat(65_536), "#".repeat(65_536)]),
    expected: { request: { frames: ["headers", "data:65536", "data:65536", "end"] }, counted: { bodyBytes: 131_072 } },
  },
  {
    name: "adds a trailer that knows the body",
    play: post(["abcd"], {}, { "x-sum": "1" }),
    expected: {
      request: { frames: ["headers", "data:4", "trailers", "end"] },
      requestTrailers: { "x-sum": "1", "x-length": "4" },
      response: { headers: { "x-origin": "1", "x-request-bytes": "4" } },
    },
  },
  {
    name: "answers locally, through its own response hook",
    play: get({ "x-deny": "1" }),
    expected: {
      request: { frames: [] },
      response: {
        status: 403,
        body: "denied",
        headers: {
          "content-length": "6",
          "content-type": "text/plain",
          "x-denied-by": "greeting",
          "x-request-bytes": "0",
        },
        details: "greeting_denied",
      },
      counted: { greeted: 0 },
    },
  },
  {
    name: "answers locally while the body is still coming",
    play: post(["abc", "def"], { "x-deny": "1" }),
    expected: { request: { frames: [] }, response: { status: 403, body: "denied" }, counted: { bodyBytes: 0 } },
  },
  {
    name: "a failing hook is answered 500",
    play: get({ "x-fail": "1" }),
    expected: {
      request: { frames: [] },
      response: { status: 500, details: "filter_error{greeting:onRequestHeaders}" },
      counted: { greeted: 1 },
    },
  },
];

/** Plays one scenario. `step`: whether every frame waits for the verdict of the one before. */
export async function observe(bench: Bench, play: Play, step: boolean): Promise<Observed> {
  const { terminal, harness, runtime } = bench;
  const before = [runtime.counted("greeted"), runtime.counted("body_bytes")] as const;
  const stream = harness.open();
  await play(stream, step ? () => bench.settle() : async () => {});
  await bench.settle();
  if (terminal.handle !== null) terminal.respond(200, { "x-origin": "1" });
  await bench.settle();
  const { status, headers, body } = stream.sent;
  return {
    request: requestOf(terminal),
    requestTrailers: terminal.trailers,
    response: { status, headers, body, details: stream.stream.details },
    counted: { greeted: runtime.counted("greeted") - before[0], bodyBytes: runtime.counted("body_bytes") - before[1] },
  };
}

function requestOf(terminal: ScriptedTerminal): Observed["request"] {
  const headers = terminal.handle?.requestHeaders;
  // What the connection manager adds is not the filter's.
  const own = [...(headers ?? [])].filter(([name]) => name !== "x-forwarded-proto" && name !== "x-request-id");
  return { path: headers?.path ?? "", headers: own, frames: terminal.frames, body: terminal.body };
}
