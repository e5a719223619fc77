/** The rows of the conformance table that are about one filter's whole life: `greeting`, which exists for every runtime. */
import { expect } from "vitest";
import type { Scenario } from "./scenario.ts";

const config = { header: "x-greeting", value: "hello" };

const ROWS: readonly Omit<Scenario, "filter">[] = [
  {
    name: "sets the greeting, takes a header out, keeps order and duplicates of the others",
    play: async (bench) => {
      await bench.send({
        headers: [
          ["accept", "a"],
          ["x-secret", "1"],
          ["x-other", "b"],
          ["accept", "c"],
        ],
      });
      await bench.answer({ headers: { "x-origin": "1" } });
    },
    expected: {
      upstream: {
        line: "GET http://test.example/",
        headers: [
          ["accept", "a"],
          ["x-other", "b"],
          ["accept", "c"],
          ["x-greeting", "hello"],
        ],
        frames: ["headers", "end"],
      },
      response: { status: 200, headers: expect.arrayContaining([["x-request-bytes", "0"]]) },
      stats: { greeted: 1, body_bytes: 0 },
    },
  },
  {
    name: "replaces a greeting in its place",
    play: (bench) => bench.send({ headers: { "x-greeting": "from the client", accept: "a" } }),
    expected: {
      upstream: {
        headers: [
          ["x-greeting", "hello"],
          ["accept", "a"],
        ],
      },
    },
  },
  {
    name: "the route's configuration wins",
    setup: { routeConfig: { value: "route" } },
    play: (bench) => bench.send(),
    expected: { upstream: { headers: [["x-greeting", "route"]] } },
  },
  {
    name: "a route's configuration may be an empty text",
    setup: { routeConfig: { value: "" } },
    play: (bench) => bench.send(),
    expected: { upstream: { headers: [["x-greeting", ""]] } },
  },
  {
    name: "changes a property",
    play: (bench) => bench.send({ path: "/before?a=1", headers: { "x-rewrite": "1" } }),
    expected: { upstream: { line: "GET http://test.example/greeted" } },
  },
  {
    name: "values are bytes: latin1 goes through, from the client and from the configuration",
    setup: { routeConfig: { value: "gr\u00fc\u00df" } },
    play: (bench) => bench.send({ headers: { accept: "caf\u00e9 \u00ff" } }),
    expected: {
      upstream: {
        headers: [
          ["accept", "caf\u00e9 \u00ff"],
          ["x-greeting", "gr\u00fc\u00df"],
        ],
      },
    },
  },
  {
    name: "counts a body over its chunks, and keeps the chunks",
    play: async (bench) => {
      await bench.send({ method: "POST", chunks: ["one", "two", "", "three"] });
      await bench.answer();
    },
    expected: {
      upstream: { frames: ["headers", "data:3", "data:3", "data:5", "end"], body: "onetwothree" },
      response: { headers: expect.arrayContaining([["x-request-bytes", "11"]]) },
      stats: { greeted: 1, body_bytes: 11 },
    },
  },
  {
    name: "a body that ends with an empty chunk",
    play: (bench) => bench.send({ method: "POST", chunks: ["abc", ""] }),
    expected: { upstream: { frames: ["headers", "data:3", "data:0", "end"] }, stats: { body_bytes: 3 } },
  },
  {
    name: "replaces one chunk",
    play: (bench) => bench.send({ method: "POST", chunks: ["#secret", "plain"] }),
    expected: { upstream: { body: "#######plain" }, stats: { body_bytes: 12 } },
  },
  {
    name: "a chunk as large as a read buffer",
    play: (bench) => bench.send({ method: "POST", chunks: ["x".repeat(65_536), "#".repeat(65_536)] }),
    expected: {
      upstream: { frames: ["headers", "data:65536", "data:65536", "end"] },
      stats: { body_bytes: 131_072 },
    },
  },
  {
    name: "adds a trailer that knows the body",
    play: async (bench) => {
      await bench.send({ method: "POST", chunks: ["abcd"], trailers: { "x-sum": "1" } });
      await bench.answer();
    },
    expected: {
      upstream: { frames: ["headers", "data:4", "trailers", "end"], trailers: { "x-sum": "1", "x-length": "4" } },
      response: { headers: expect.arrayContaining([["x-request-bytes", "4"]]) },
    },
  },
  {
    name: "answers locally, through its own response hook",
    play: (bench) => bench.send({ headers: { "x-deny": "1" } }),
    expected: {
      upstream: null,
      response: {
        status: 403,
        body: "denied",
        details: "greeting_denied",
        headers: expect.arrayContaining([
          ["x-denied-by", "greeting"],
          ["x-request-bytes", "0"],
        ]),
      },
      stats: { greeted: 0 },
    },
  },
  {
    name: "answers locally while the body is still coming",
    play: (bench) => bench.send({ method: "POST", headers: { "x-deny": "1" }, chunks: ["abc", "def"] }),
    expected: { upstream: null, response: { status: 403, body: "denied" }, stats: { body_bytes: 0 } },
  },
  {
    name: "a failing hook is answered 500",
    play: (bench) => bench.send({ headers: { "x-fail": "1" } }),
    expected: {
      upstream: null,
      response: { status: 500, details: "filter_error{test.http.greeting:onRequestHeaders}" },
      stats: { greeted: 1, errors: 1 },
    },
  },
  {
    name: "a failing hook is passed over where the configuration says so",
    setup: { onError: "continue" },
    isOpen: true,
    play: async (bench) => {
      await bench.send({ headers: { "x-fail": "1" } });
      // What a hook that threw has changed before is lost elsewhere, and stays inline: the contract promises neither.
      bench.notes.push(bench.exchange.response.upstream!.headers["x-fail"]);
    },
    expected: { notes: ["1"], stats: { errors: 1 } },
  },
];

export const GREETING: readonly Scenario[] = ROWS.map((row) => ({
  ...row,
  filter: "greeting",
  setup: { config, ...row.setup },
}));
