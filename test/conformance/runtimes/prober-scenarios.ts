/** The rows of the conformance table that are about one rule of the contract each: what `prober` does when `x-do` names it. */
import { expect } from "vitest";
import { fakeCluster, type TestRequest, type UpstreamAnswer } from "@sluice/core/testing";
import type { Bench, Observed, Scenario } from "./scenario.ts";

interface Row extends Partial<Pick<Scenario, "setup" | "clusters" | "name">> {
  readonly request?: TestRequest;
  readonly answer?: UpstreamAnswer;
  /** Virtual milliseconds between request and answer. */
  readonly after?: number;
  /** Instead of request and answer. */
  readonly play?: (bench: Bench, send: (request?: TestRequest) => Promise<void>) => Promise<void>;
  readonly expected: { readonly [Part in keyof Observed]?: unknown };
}

const POST: TestRequest = { method: "POST", chunks: ["one ", "two ", "three"] };
const BODY: UpstreamAnswer = { chunks: ["one ", "two ", "three"] };
const failed = (hook: string): string => `filter_error{test.http.prober:${hook}}`;
const hasHeader = (name: string, value: string): unknown => expect.arrayContaining([[name, value]]);

/** By what `x-do` says; a suffix after `:` tells rows of one act apart. */
const ROWS: Readonly<Record<string, Row>> = {
  "stop-headers": { after: 60, expected: { upstream: { frames: ["headers", "end"] }, response: { status: 200 } } },
  "stop-headers:held": {
    play: async (bench, send) => {
      await send();
      bench.notes.push(bench.hasUpstream);
      await bench.after(60);
      bench.notes.push(bench.hasUpstream);
    },
    expected: { notes: [false, true] },
  },
  "stop-until-data": {
    request: POST,
    expected: { upstream: { body: "one two three", frames: ["headers", "data:4", "data:4", "data:5", "end"] } },
  },
  "buffer-headers": { request: POST, after: 60, expected: { upstream: { body: "one two three" } } },
  "buffer-headers:too much": {
    request: POST,
    setup: { bufferLimitBytes: 8 },
    expected: { upstream: null, response: { status: 413, details: "request_payload_too_large" } },
  },
  "watermark-headers": {
    play: async (bench, send) => {
      await send({ method: "POST", chunks: ["one", "two"] });
      bench.notes.push(bench.exchange.requestPaused);
      await bench.after(60);
      bench.notes.push(bench.exchange.requestPaused);
      await bench.answer();
    },
    expected: { notes: [true, false], upstream: { body: "onetwo" } },
  },
  "buffer-data": { request: POST, expected: { upstream: { body: "one two three" } } },
  "stop-trailers": {
    request: { ...POST, trailers: { "x-t": "1" } },
    after: 60,
    expected: { upstream: { trailers: { "x-t": "1" } } },
  },
  "length-after-buffering": {
    request: POST,
    expected: { upstream: { headers: hasHeader("x-length", "13"), body: "one two three" } },
  },
  "stop-response": {
    play: async (bench, send) => {
      await send();
      await bench.answer();
      bench.notes.push(bench.exchange.response.status);
      await bench.after(60);
    },
    expected: { notes: [0], response: { status: 200, frames: ["headers", "end"] } },
  },
  "buffer-response": { answer: BODY, expected: { response: { body: "one two three" } } },
  "stop-response-trailers": {
    play: async (bench, send) => {
      await send();
      await bench.answer({ ...BODY, trailers: { "x-t": "1" } });
      bench.notes.push(bench.exchange.response.trailers);
      await bench.after(60);
    },
    expected: { notes: [null], response: { trailers: { "x-t": "1" } } },
  },
  awaits: {
    request: POST,
    answer: BODY,
    expected: {
      upstream: { body: "ONE TWO THREE", headers: hasHeader("x-awaited", "1") },
      response: { status: 201, body: "<one ><two ><three>" },
    },
  },
  "rejects-request": { expected: { upstream: null, response: { status: 500, details: failed("onRequestHeaders") } } },
  "rejects-data": { request: POST, expected: { response: { status: 500, details: failed("onRequestData") } } },
  "throws-response": { expected: { response: { status: 500, details: failed("onResponseHeaders") } } },
  "throws-response:passed": {
    setup: { onError: "continue" },
    expected: { response: { status: 200 }, stats: { errors: 1 } },
  },
  "throws-trailers": {
    request: { ...POST, trailers: { "x-t": "1" } },
    expected: { response: { status: 500, details: failed("onRequestTrailers") } },
  },
  "bad-verdict": { expected: { response: { status: 500, details: failed("onRequestHeaders") } } },
  "bytes-for-headers": { expected: { response: { status: 500, details: failed("onRequestHeaders") } } },
  "text-verdict": { request: POST, expected: { response: { status: 500, details: failed("onRequestData") } } },
  "resume-in-hook": { expected: { response: { status: 500, details: failed("onRequestHeaders") } } },
  "inject-in-headers": {
    expected: { upstream: { frames: ["headers", "data:6", "data:7", "reset"], body: "first second " } },
  },
  "inject-in-headers:before a body": { request: POST, expected: { upstream: { body: "first second one two three" } } },
  "inject-and-end": { expected: { upstream: { frames: ["headers", "data:12", "end"] } } },
  "inject-and-end:instead of a body": { request: POST, expected: { upstream: { body: "all there is" } } },
  "inject-and-stop": { after: 60, expected: { upstream: { frames: ["headers", "data:5", "reset"], body: "held " } } },
  "inject-from-timer": {
    after: 60,
    expected: { upstream: { frames: ["headers", "data:4", "end"], headers: hasHeader("x-will-inject", "1") } },
  },
  "inject-in-data": { request: POST, expected: { response: { status: 500, details: failed("onRequestData") } } },
  "inject-in-trailers": {
    answer: { ...BODY, trailers: { "x-u": "1" } },
    expected: { response: { body: "one two three and the end", trailers: null } },
  },
  "inject-no-bytes": { expected: { response: { status: 500, details: failed("onRequestHeaders") } } },
  "inject-response": { answer: BODY, expected: { response: { body: "before one two three" } } },
  "add-trailers": {
    request: POST,
    answer: BODY,
    expected: { upstream: { trailers: { "x-added": "1" } }, response: { trailers: { "x-added": "2" } } },
  },
  "add-trailers-early": { expected: { response: { status: 500, details: failed("onRequestHeaders") } } },
  "whole-body": {
    request: POST,
    expected: { upstream: { headers: hasHeader("x-body", "one two three"), body: "one two three" } },
  },
  "whole-body:of nothing": { expected: { upstream: { headers: hasHeader("x-body", "") } } },
  "whole-body:gone before": {
    play: async (bench) => {
      bench.exchange.headers({ method: "POST", headers: { "x-do": "whole-body" } }, false);
      await bench.settle();
      bench.exchange.data("half").abort();
      await bench.settle();
    },
    expected: { upstream: null, stats: { errors: 0 } },
  },
  "replace-body": {
    request: POST,
    expected: { upstream: { headers: hasHeader("content-length", "15"), body: "[one two three]" } },
  },
  "body-limit": { request: POST, expected: { response: { status: 413, details: "request_payload_too_large" } } },
  "response-body": {
    answer: BODY,
    expected: { response: { headers: hasHeader("x-body", "one two three"), body: "one two three" } },
  },
  "body-late": { request: POST, expected: { response: { status: 500, details: failed("onRequestData") } } },
  "reply-data": {
    request: POST,
    expected: { response: { status: 422, body: "unprocessable", details: "refused_data" } },
  },
  "reply-response": { answer: BODY, expected: { response: { status: 502, body: "bytes", flags: ["UPE"] } } },
  "reply-timer": { after: 60, expected: { upstream: null, response: { status: 429, details: "from_timer" } } },
  "reply-illegal": { expected: { response: { status: 500, details: failed("reply") } } },
  "reply-illegal-timer": { after: 60, expected: { response: { status: 500, details: failed("timer") } } },
  resets: { expected: { response: { frames: ["reset:local_reset"], details: "prober_reset", flags: ["DF"] } } },
  "timer-throws": { after: 60, expected: { response: { status: 500, details: failed("timer") } } },
  "timer-cancelled": {
    play: async (bench, send) => {
      await send();
      await bench.after(100);
      bench.notes.push(bench.exchange.over, bench.hasUpstream);
      await bench.after(100);
      bench.notes.push(bench.hasUpstream);
    },
    expected: { notes: [false, false, true] },
  },
  pauses: {
    play: async (bench) => {
      bench.exchange.headers({ method: "POST", headers: { "x-do": "pauses" } }, false);
      await bench.settle();
      bench.notes.push(bench.exchange.requestPaused);
      await bench.after(60);
      bench.notes.push(bench.exchange.requestPaused);
    },
    expected: { notes: [true, false] },
  },
  watches: {
    play: async (bench, send) => {
      await send();
      await bench.answer({ headers: { "x-first": "1" } });
    },
    expected: { response: { status: 200 } },
  },
  "watches:a slow client": {
    play: async (bench, send) => {
      await send();
      bench.exchange.upstream.respond({}, false);
      await bench.settle();
      bench.exchange.clientSlow();
      await bench.settle();
      bench.exchange.clientFast();
      await bench.settle();
      bench.exchange.upstream.data("heard:", true);
    },
    expected: { response: { body: "heard:above+below" } },
  },
  edits: {
    request: { path: "/p?q=1", headers: { "x-list": "0", "x-gone": "1", "x-stays": "1" } },
    answer: {
      headers: [
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
      ],
    },
    expected: {
      upstream: {
        line: "PUT https://test.example/p?q=1&edited=1",
        headers: expect.arrayContaining([
          ["x-was", "0|a|b"],
          ["x-stays", "1"],
        ]),
      },
      response: { status: 203, headers: hasHeader("x-cookies", "a=1|b=2|c=3") },
    },
  },
  "illegal-header": { expected: { response: { status: 500, details: failed("onRequestHeaders") } } },
  "illegal-value": { expected: { response: { status: 500, details: failed("onResponseHeaders") } } },
  "host-header": { expected: { response: { status: 500, details: failed("onRequestHeaders") } } },
  "illegal-status": { expected: { response: { status: 500, details: failed("onResponseHeaders") } } },
  "caught-header": { expected: { upstream: { headers: hasHeader("x-caught", "TypeError") } } },
  "request-in-response": {
    request: { headers: { "x-question": "life" } },
    expected: { response: { headers: hasHeader("x-asked", "life") } },
  },
  trailers: {
    request: { ...POST, trailers: { "x-t": "t" } },
    answer: { ...BODY, trailers: { "x-drop": "1" } },
    expected: { upstream: { trailers: { "x-t": "t!" } }, response: { trailers: { "x-sum": "t!" } } },
  },
  "drops-informational": {
    answer: { informational: [103] },
    expected: { response: { informational: [], status: 200 } },
  },
  "edits-informational": {
    play: async (bench, send) => {
      await send();
      bench.exchange.upstream.informational(103, { link: "original" });
      await bench.settle();
      await bench.answer();
    },
    expected: { response: { informational: [103], status: 200 } },
  },
  metadata: {
    play: async (bench, send) => {
      await send();
      bench.notes.push(bench.exchange.stream.metadata.get("test.other"));
      await bench.answer();
      bench.notes.push({ ...bench.exchange.stream.metadata.get("test.probed") });
    },
    expected: {
      upstream: { headers: hasHeader("x-own", "1") },
      response: {
        headers: expect.arrayContaining([
          ["x-list", "a"],
          ["x-now", '{"seen":2,"list":["a"]}'],
        ]),
      },
      notes: [{ deep: { value: [1, 2] } }, { seen: 2, list: ["a"] }],
    },
  },
  "filter-state": {
    expected: {
      upstream: { headers: hasHeader("x-before", "false") },
      response: { headers: hasHeader("x-state", '{"answer":42}') },
    },
  },
  "read-only-state": { request: POST, expected: { response: { status: 500, details: failed("onRequestData") } } },
  info: {
    request: POST,
    setup: { client: { ip: "192.0.2.9" } },
    expected: {
      upstream: { headers: hasHeader("x-info", "192.0.2.9 HTTP/1.1 plain true") },
      response: { headers: hasHeader("x-flags", "DI true 13"), details: "prober_details", flags: ["DI"] },
    },
  },
  "unknown-flag": { expected: { response: { status: 500, details: failed("onRequestHeaders") } } },
  "local-reply": { expected: { response: { status: 401, headers: hasHeader("x-told", "401 told") } } },
  route: {
    setup: {
      routes: [
        { path: "/other", routeConfig: { tag: "second" } },
        { prefix: "/", routeConfig: {} },
      ],
    },
    expected: {
      upstream: { line: "GET http://test.example/other", headers: hasHeader("x-tags", "defaulted") },
      response: { headers: hasHeader("x-tag", "second") },
    },
  },
  "end-of-life": {
    play: async (bench, send) => {
      await send();
      bench.exchange.abort();
    },
    expected: { upstream: null, stats: { completed: 1, destroyed_complete: 1 } },
  },
  statistics: {
    expected: {
      stats: expect.objectContaining({ counted: 5, level: 5, times: 1 }),
      log: ["warn test.http.prober: from the prober"],
    },
  },
  random: {
    expected: {
      upstream: {
        headers: expect.arrayContaining([
          ["x-random", "true"],
          ["x-clock", "true"],
        ]),
      },
    },
  },
  calls: {
    clusters: () => ({
      auth: fakeCluster({
        respond: ({ headers, body }) => ({
          status: 203,
          headers: { "x-user": `${headers["x-from"]}-${body}` },
          chunks: ["who ", "knows"],
          trailers: { "x-sum": "9" },
        }),
      }),
    }),
    expected: {
      upstream: {
        headers: expect.arrayContaining([
          ["x-auth", "203 prober-credentials who knows"],
          ["x-auth-trailers", "9"],
        ]),
      },
    },
  },
  "calls-streaming": {
    clusters: () => ({ auth: fakeCluster({ respond: ({ body }) => ({ chunks: [body, "!"] }) }) }),
    expected: { upstream: { headers: hasHeader("x-chunks", "one two|!") } },
  },
  "calls-and-fails": {
    clusters: () => ({ auth: fakeCluster({ respond: () => ({ reset: "connection_failure" }) }) }),
    expected: { upstream: { headers: hasHeader("x-failed", "UpstreamError connection_failure") } },
  },
  "calls-too-large": {
    clusters: () => ({ auth: fakeCluster({ respond: () => ({ body: "too much" }) }) }),
    expected: {
      upstream: {
        headers: hasHeader("x-too-large", 'request to cluster "auth": too_large (the body is larger than 3 bytes)'),
      },
    },
  },
  nothing: {
    request: POST,
    answer: BODY,
    expected: { upstream: { body: "one two three" }, response: { status: 200 } },
  },
};

const scenarioOf = ([key, row]: [string, Row]): Scenario => {
  const [act = ""] = key.split(":");
  const { request, answer, after, expected, play } = row;
  return {
    name: `prober: ${key.replaceAll("-", " ")}`,
    filter: "prober",
    ...(row.setup !== undefined && { setup: row.setup }),
    ...(row.clusters !== undefined && { clusters: row.clusters }),
    expected,
    play: async (bench) => {
      const send = ({ headers = {}, ...rest }: TestRequest = {}): Promise<void> =>
        bench.send({ ...rest, headers: { ...(headers as Record<string, string>), "x-do": act } });
      if (play !== undefined) {
        await play(bench, send);
        return;
      }
      await send(request);
      if (after !== undefined) await bench.after(after);
      await bench.answer(answer);
    },
  };
};

export const PROBER: readonly Scenario[] = Object.entries(ROWS).map(scenarioOf);

export const READER: readonly Scenario[] = [
  {
    name: "reader: looks at headers",
    filter: "reader",
    play: (bench) => bench.send({ headers: { accept: "a" } }),
    expected: { stats: { accepted: 1 }, upstream: { headers: [["accept", "a"]] } },
  },
  {
    name: "reader: may not change them",
    filter: "reader",
    play: (bench) => bench.send({ headers: { "x-change": "1" } }),
    expected: { upstream: null, response: { status: 500 }, stats: { accepted: 0, errors: 1 } },
  },
];
