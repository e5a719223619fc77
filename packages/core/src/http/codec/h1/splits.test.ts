/** However the bytes of a message are cut, it means the same: every cut in two, bytes one by one, and all at once. Both sides, legal and illegal messages. */
import { describe, expect, it } from "vitest";
import { ClientPeer, ServerPeer, requestHeaders } from "./scripted-peer.ts";

const REQUESTS: readonly string[] = [
  "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
  "\r\nGET /a?b HTTP/1.1\r\nHost: x:80\r\nA: b\r\nA: c\r\nCookie: d=e\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world",
  'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a="b;c"\r\n world\r\n0\r\n\r\n',
  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n00\r\nX-Sum: 1\r\nY: 2\r\n\r\n",
  "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n",
  "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcPOST /2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET http://a/b HTTP/1.1\r\nHost: c\r\n\r\n",
  // Illegal, each for another reason and in another place.
  "GET / HTTP/1.1\nHost: x\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
  "GET / HTTP/3.1\r\nHost: x\nA: b\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: x\r\nA : b\n\r\n\r\n",
  "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
  "\rGET / HTTP/1.1\r\nHost: x\r\n\r\n",
  "\0GET / HTTP/1.1\r\nHost: x\r\n\r\n",
  `GET /${"a".repeat(200)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  `GET /${"a".repeat(150)}\n${"a".repeat(100)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: x\r\nA: ${"a".repeat(200)}\n\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: x\r\nA: ${"a".repeat(100)}\n${"a".repeat(100)}\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: x\r\n${"A: b\r\n".repeat(12)}\r\n`,
  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\nC: d\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n A: b\r\n\r\n",
  `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ${"a".repeat(200)}\r\n\r\n`,
];

const RESPONSES: ReadonlyArray<readonly [method: string, text: string]> = [
  ["GET", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nA: b\r\n\r\nhello world"],
  ["GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n"],
  [
    "GET",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  ],
  ["GET", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello world"],
  ["HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"],
  ["GET", "HTTP/1.0 204\r\n\r\n"],
  ["GET", "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok"],
  ["GET", "HTTP/1.1 200 O\rK\r\nContent-Length: 2\r\n\r\nok"],
  ["GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok"],
  ["GET", "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"],
  ["GET", `HTTP/1.1 200 OK\r\nA: ${"a".repeat(200)}\r\n\r\n`],
  ["GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello6\r\n world\r\n0\r\n\r\n"],
];

/** What a client and an engine see of it. */
function serverResult(pieces: readonly string[]): unknown {
  const peer = new ServerPeer(
    { maxHeadBytes: 160, maxHeaders: 10, enableTrailers: true },
    { closesItself: false },
  ).answerAll("hi");
  for (const piece of pieces) peer.connection.receive(piece);
  return {
    requests: peer.requests.map(({ line, fields, body, trailers, isComplete, reset, flushed }) => ({
      line,
      fields,
      body,
      trailers,
      isComplete,
      reset,
      flushed,
    })),
    errors: peer.errors,
    text: peer.connection.text,
    closedBy: peer.connection.closedBy,
    begins: peer.begins,
    isPaused: peer.connection.paused,
    isInHead: peer.codec.readingHead,
  };
}

function clientResult(method: string, pieces: readonly string[]): unknown {
  const peer = new ClientPeer({ maxHeadBytes: 160, maxHeaders: 10, enableTrailers: true });
  const response = peer.send(requestHeaders(method, "/"));
  for (const piece of pieces) peer.connection.receive(piece);
  const before = { isComplete: response.isComplete, ends: [...peer.ends] };
  peer.connection.receiveEnd();
  const { status, fields, informational, body, trailers, isComplete, reset } = response;
  return {
    status,
    fields,
    informational,
    body,
    trailers,
    isComplete,
    reset,
    before,
    drainings: peer.drainings,
    ends: peer.ends,
  };
}

const inTwo = (text: string, at: number): string[] => [text.slice(0, at), text.slice(at)];
const inThree = (text: string, a: number, b: number): string[] => [text.slice(0, a), text.slice(a, b), text.slice(b)];

describe("requests", () => {
  it.each(REQUESTS)("%j", (text) => {
    const whole = serverResult([text]);
    expect(serverResult([...text])).toEqual(whole);
    for (let at = 1; at < text.length; at++) expect(serverResult(inTwo(text, at)), `cut at ${at}`).toEqual(whole);
    for (let at = 1; at < text.length - 3; at++)
      expect(serverResult(inThree(text, at, at + 3)), `cut at ${at}`).toEqual(whole);
  });

  it("include illegal ones and legal ones", () => {
    const results = REQUESTS.map((text) => serverResult([text]) as { errors: unknown[] });
    expect(results.filter(({ errors }) => errors.length === 0)).toHaveLength(8);
    expect(results.filter(({ errors }) => errors.length === 1)).toHaveLength(REQUESTS.length - 8);
  });
});

describe("responses", () => {
  it.each(RESPONSES)("to %s: %j", (method, text) => {
    const whole = clientResult(method, [text]);
    expect(clientResult(method, [...text])).toEqual(whole);
    for (let at = 1; at < text.length; at++)
      expect(clientResult(method, inTwo(text, at)), `cut at ${at}`).toEqual(whole);
    for (let at = 1; at < text.length - 3; at++)
      expect(clientResult(method, inThree(text, at, at + 3)), `cut at ${at}`).toEqual(whole);
  });

  it("include illegal ones and legal ones", () => {
    const resets = RESPONSES.map(([method, text]) => (clientResult(method, [text]) as { reset: string }).reset);
    expect(resets.filter((reset) => reset === "")).toHaveLength(6);
  });
});
