// The judge of the corpus, judged: it finds what was planted, in single messages, in what origins and clients saw, and behind a proxy that only copies.
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { http1Requests } from "./corpus/all.ts";
import { FOLLOWER, SMUGGLED, post } from "./corpus/http1.ts";
import { Http1Origin, forwardedFault } from "./support/http1-origin.ts";
import {
  type Verdict,
  answeredOverHttp1,
  judgeRequest,
  judgeResponse,
  responseOverHttp2,
  responsesOverHttp1,
  sentByHttp1,
  sentByOrigin,
} from "./support/judge.ts";
import { Runs } from "./support/runs.ts";
import { CASE, Seen } from "./support/seen.ts";
import { type Pair, readRequest, readResponse } from "./support/strict-http1.ts";
import { requestFault } from "./support/strict-http2.ts";

const head = (fields: string) => `POST / HTTP/1.1\r\nhost: a\r\n${fields}\r\n`;

const AMBIGUOUS_REQUESTS: Readonly<Record<string, string>> = {
  "a length and a coding": head("content-length: 5\r\ntransfer-encoding: chunked\r\n"),
  "two lengths": head("content-length: 5\r\ncontent-length: 5\r\n"),
  "a list of lengths": head("content-length: 5, 5\r\n"),
  "a length with a sign": head("content-length: +5\r\n"),
  "no length at all": head("content-length:\r\n"),
  "two codings": head("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n"),
  "another coding": head("transfer-encoding: xchunked\r\n"),
  "a folded line": head("x: 1\r\n transfer-encoding: chunked\r\n"),
  "a blank before the colon": head("content-length : 5\r\n"),
  "a bare LF": head("x: 1\ntransfer-encoding: chunked\r\n"),
  "a bare CR": head("x: 1\rtransfer-encoding: chunked\r\n"),
  "a head of bare LFs": "GET / HTTP/1.1\nhost: a\n\n",
  "NUL in a value": head("x: 1\0\r\n"),
  "NUL in a name": head("x\0: 1\r\n"),
  "a name of UTF-8": head("Transfer\xe2\x80\x90Encoding: chunked\r\n"),
  "a line without a colon": head("x\r\n"),
  "two hosts": head("host: b\r\n"),
  "no host": "GET / HTTP/1.1\r\n\r\n",
  "a host with a user": "GET / HTTP/1.1\r\nhost: u@a\r\n\r\n",
  "a host that is a port": "GET / HTTP/1.1\r\nhost: :80\r\n\r\n",
  "two blanks": "GET  / HTTP/1.1\r\nhost: a\r\n\r\n",
  "a blank in the target": "GET /a b HTTP/1.1\r\nhost: a\r\n\r\n",
  "a fragment": "GET /a#b HTTP/1.1\r\nhost: a\r\n\r\n",
  "another version": "GET / HTTP/1.2\r\nhost: a\r\n\r\n",
  "a coding in HTTP/1.0": "POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n",
  "a size with 0x": `${head("transfer-encoding: chunked\r\n")}0x5\r\nhello\r\n0\r\n\r\n`,
  "a size with a blank": `${head("transfer-encoding: chunked\r\n")}5 \r\nhello\r\n0\r\n\r\n`,
  "a size that overflows": `${head("transfer-encoding: chunked\r\n")}fffffffffffffff5\r\nhello\r\n0\r\n\r\n`,
  "a size that ends in LF": `${head("transfer-encoding: chunked\r\n")}5\nhello\r\n0\r\n\r\n`,
  "a chunk that is too long": `${head("transfer-encoding: chunked\r\n")}3\r\nhello\r\n0\r\n\r\n`,
  "a trailer that frames": `${head("transfer-encoding: chunked\r\n")}0\r\ncontent-length: 5\r\n\r\n`,
};

describe("the strict reader", () => {
  test.each(Object.entries(AMBIGUOUS_REQUESTS))("refuses %s", (_, bytes) => {
    expect(readRequest(bytes).kind).toBe("illegal");
  });

  test.each([
    ["a body by its length", `${head("content-length: 5\r\n")}hello`, "hello"],
    [
      "a body in chunks",
      `${head("Transfer-Encoding: Chunked\r\n")}2;a=b\r\nhe\r\n003\r\nllo\r\n0\r\nx: 1\r\n\r\n`,
      "hello",
    ],
    ["no body", head(""), ""],
  ])("takes %s, and nothing behind it", (_, bytes, body) => {
    const whole = readRequest(`${bytes}GET`);
    expect(whole).toMatchObject({ kind: "whole", size: bytes.length, message: { body } });
    // Whatever is missing is waited for.
    for (let at = 0; at < bytes.length; at++) expect(readRequest(bytes.slice(0, at)).kind, String(at)).toBe("partial");
  });

  test.each([
    ["a length and a coding", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"],
    ["a 204 with a length", "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n"],
    ["a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"],
    ["a split reason", "HTTP/1.1 200 O\rK\r\n\r\n"],
  ])("refuses a response with %s", (_, bytes) => {
    expect(readResponse(bytes, "GET", true).kind).toBe("illegal");
  });

  const base: Pair[] = [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "a"],
  ];
  test.each<readonly [string, Pair[]]>([
    ["CR and LF in a value", [...base, ["x", "1\r\ntransfer-encoding: chunked"]]],
    ["LF in a path", [...base.slice(0, 2), [":path", "/ HTTP/1.1\nx: y"], [":authority", "a"]]],
    ["a colon in a name", [...base, ["transfer-encoding: chunked\r\nx", "y"]]],
    ["capitals", [...base, ["X-A", "b"]]],
    ["a coding", [...base, ["transfer-encoding", "chunked"]]],
    ["another length than sent", [...base, ["content-length", "4"]]],
    ["a host that is not the authority", [...base, ["host", "b"]]],
    ["a path twice", [[":path", "/x"], ...base]],
    ["a pseudo-header at the end", [...base.slice(1), ["x", "y"], [":method", "GET"]]],
    ["a blank first", [...base, ["x", " y"]]],
  ])("refuses an HTTP/2 request with %s", (_, fields) => {
    expect(requestFault({ head: fields, body: "hello", trailers: null })).not.toBe("");
    expect(requestFault({ head: base, body: "hello", trailers: null })).toBe("");
  });

  test.each([
    "connection: close, x-a",
    "upgrade: h2c",
    "te: gzip",
    "keep-alive: 5",
    "proxy-connection: close",
    "http2-settings: A",
  ])("finds what is not for the origin: %s", (line) => {
    const reading = readRequest(head(`${line}\r\n`));
    if (reading.kind !== "whole") throw new Error("legal by itself");
    expect(forwardedFault(reading.message, { isHardened: false, upgrade: "" })).not.toBe("");
  });
});

describe("the judge of requests", () => {
  const id = "k001";
  const bytes = (post(`content-length: ${SMUGGLED.length}\r\n`, SMUGGLED) + FOLLOWER).replaceAll(CASE, id);
  const sent = sentByHttp1(bytes);
  const [main, follower] = sent.requests;
  const smuggled = { part: "smuggled", method: "GET", target: "/smuggled", body: "" };
  const answer = (part: string) => `HTTP/1.1 200 OK\r\nx-origin: ${id}:${part}\r\ncontent-length: 4\r\n\r\necho`;
  const judge = (
    seen: readonly (typeof smuggled)[],
    answers: string,
    faults: readonly string[] = [],
  ): Verdict["outcome"] => judgeRequest(id, sent, seen, faults, answeredOverHttp1(answers, [], true)).outcome;

  test("takes what came as it was sent", () => {
    expect(judge([main!, follower!], answer("main") + answer("follower"))).toBe("forwarded");
    expect(judge([main!], answer("main"))).toBe("forwarded");
    expect(judge([], "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")).toBe("declined");
  });

  test.each<readonly [string, Parameters<typeof judge>]>([
    ["a request that stood in a body", [[{ ...main!, body: "" }, smuggled], answer("main")]],
    ["one request more", [[main!, smuggled, follower!], answer("main") + answer("smuggled")]],
    ["a body that is shorter", [[{ ...main!, body: main!.body.slice(1) }], answer("main")]],
    ["another target", [[{ ...main!, target: "/smuggled" }], answer("main")]],
    ["a follower that came first", [[follower!, main!], answer("follower") + answer("main")]],
    ["a follower without its request", [[follower!], answer("follower")]],
    ["what the origin could not read", [[main!], answer("main"), ["two hosts"]]],
    ["an answer to another request", [[main!], answer("follower")]],
    ["an answer of another case", [[main!], answer("main").replace(id, "k002")]],
    ["one answer more", [[main!], answer("main") + answer("smuggled")]],
    ["answers that cannot be told apart", [[main!], `${answer("main")}x${answer("follower")}`]],
  ])("finds %s", (_, args) => {
    expect(judge(...args)).toBe("ambiguous");
  });
});

describe("the judge of responses", () => {
  const id = "k001";
  const ok = (part: string, body = "hello") =>
    `HTTP/1.1 200 OK\r\nx-origin: ${id}:${part}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const sent = sentByOrigin(ok("main"), "GET", false);
  const judge = (text: string): Verdict["outcome"] =>
    judgeResponse(id, sent, responsesOverHttp1(text, ["GET", "GET"], true), []).outcome;

  test("takes what came as it was sent", () => {
    expect(judge(ok("main") + ok("follower"))).toBe("forwarded");
    expect(judge("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")).toBe("declined");
  });

  test.each([
    ["a response that nobody asked for", ok("main") + ok("smuggled")],
    ["a third response", ok("main") + ok("follower") + ok("follower")],
    ["a body that is shorter", ok("main", "hell")],
    ["two framings", `HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n`],
    ["the response of another case", ok("main") + ok("follower").replace(id, "k002")],
  ])("finds %s", (_, text) => {
    expect(judge(text)).toBe("ambiguous");
  });

  test("finds over HTTP/2 what is not legal there", () => {
    const status: Pair = [":status", "200"];
    expect(responseOverHttp2([[status]], "hello", "GET", true)).toMatchObject({ status: 200 });
    expect(responseOverHttp2([[status, ["connection", "close"]]], "hello", "GET", true)).toContain("connection");
    expect(responseOverHttp2([[status, ["content-length", "4"]]], "hello", "GET", true)).toContain("length");
  });
});

test("behind a proxy that copies every byte, the corpus finds ambiguous forwards by the dozen", async () => {
  const seen = new Seen();
  await using origin = await Http1Origin.start({ seen, answers: new Map(), isHardened: false, upgrade: "" });
  const [host, port] = origin.address.split(":");
  const sockets = new Set<Socket>();
  const copy = createServer((down) => {
    const up = connect(Number(port), host);
    for (const [one, other] of [
      [down, up],
      [up, down],
    ] as const) {
      sockets.add(one);
      one.on("error", () => {}).on("close", () => other.destroy());
      one.pipe(other);
    }
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  copy.listen(0, "127.0.0.1", resolve);
  await promise;
  const runs = new Runs({
    seen,
    answers: new Map(),
    frames: new Map(),
    portOf: () => (copy.address() as AddressInfo).port,
  });
  const cases = http1Requests().filter(({ name }) => /^coding|^nominated|^line: |^host: /.test(name));
  await runs.http1Requests(cases, "HTTP/1", 1);
  for (const socket of sockets) socket.destroy();
  copy.close();
  const { ambiguous, forwarded } = runs.tally.of("requests HTTP/1 → HTTP/1");
  expect(ambiguous).toBeGreaterThan(150);
  expect(forwarded).toBeGreaterThan(10);
});
