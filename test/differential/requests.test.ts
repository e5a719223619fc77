/**
 * Our reading of requests against llhttp in strict mode: what it refuses we refuse, but for the exceptions listed here and explained in README.md; what both take
 * means the same. Structured mutations, any cut of the bytes.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isForbiddenInTrailers } from "../../packages/core/src/http/codec/h1/hop-by-hop.ts";
import {
  type RecordedRequest,
  ServerPeer,
  responseHeaders,
} from "../../packages/core/src/http/codec/h1/scripted-peer.ts";
import { cuts, pieces, requestBytes, runs } from "./support/bytes.ts";
import { type Message, type Verdict, llhttp, llhttpMethods } from "./support/llhttp.ts";
import { endToEnd, options, requestLine, values } from "./support/meaning.ts";

interface Outcome {
  readonly requests: readonly RecordedRequest[];
  readonly isRefused: boolean;
  /** It waits for the end of a head or of trailers; llhttp judges byte by byte. */
  readonly isWaiting: boolean;
  /** For each request: whether the connection was to go on after it. */
  readonly keepAlive: readonly boolean[];
}

function read(input: string, at: readonly number[]): Outcome {
  const peer = new ServerPeer(
    { acceptHttp10: true, defaultHostForHttp10: "default", enableTrailers: true, maxHeaders: 1000 },
    { closesItself: false },
  );
  const keepAlive: boolean[] = [];
  peer.onComplete = ({ encoder }) => encoder.sendHeaders(responseHeaders(200), true);
  for (const piece of pieces(input, at)) {
    peer.connection.receive(piece);
    for (const head of peer.connection.takeText().match(/^HTTP\/1\.\d 200 OK\r\n(?:.+\r\n)*\r\n/gm) ?? [])
      keepAlive.push(!head.includes("connection: close"));
  }
  const isWaiting = peer.codec.readingHead || (peer.requests.length > 0 && !peer.last.isComplete && !peer.last.isReset);
  return { requests: peer.requests, isRefused: peer.errors.length > 0, isWaiting, keepAlive };
}

/** Where llhttp refuses and we do not. Each holds for the message that llhttp could not read, `read` is ours. */
const EXCEPTIONS: ReadonlyArray<{
  readonly name: string;
  readonly holds: (theirs: Verdict, ours: Outcome) => boolean;
}> = [
  {
    name: "a method that llhttp does not know",
    holds: ({ error, messages }, { requests }) => {
      const next = requests[messages.length];
      return error === "HPE_INVALID_METHOD" && next !== undefined && !llhttpMethods.has(next.headers!.method);
    },
  },
  {
    name: "bytes behind the last request of a connection, which nobody reads",
    holds: ({ messages }, { requests, keepAlive }) =>
      keepAlive[requests.length - 1] === false && messages[requests.length - 1]?.isComplete === true,
  },
];

function isUpgrade({ headers }: RecordedRequest): boolean {
  return headers!.upgrade !== "" || headers!.method === "CONNECT";
}

function check(input: string, at: readonly number[]): "both" | "stricter" | "refused" | "exception" {
  const theirs = llhttp("request", Buffer.from(input, "latin1"));
  const ours = read(input, at);
  // What a switch leaves behind is not HTTP; llhttp stops there as well.
  const count = Math.min(ours.requests.length, theirs.messages.length);
  for (let i = 0; i < count; i++) {
    compare(theirs.messages[i]!, ours.requests[i]!, ours.keepAlive[i]);
    if (theirs.messages[i]!.upgrade || isUpgrade(ours.requests[i]!)) return "both";
  }
  if (theirs.error !== "") {
    // Whatever is refused already is refused when the end comes.
    const last = ours.isWaiting ? read(`${input}\r\n\r\n`, at) : ours;
    if (last.isRefused) return "refused";
    const exception = EXCEPTIONS.find(({ holds }) => holds(theirs, last));
    if (exception === undefined) throw new Error(`llhttp refuses with ${theirs.error} what we take`);
    return "exception";
  }
  if (ours.isRefused) return "stricter";
  const isLast = ours.keepAlive.includes(false);
  if (!isLast) expect(ours.requests.length).toBe(theirs.messages.length);
  return "both";
}

function compare(theirs: Message, ours: RecordedRequest, keepAlive: boolean | undefined): void {
  const headers = ours.headers!;
  // HTTP/1.0 without host: the default is ours, not the message's.
  if (values(theirs.fields, "host").length > 0) {
    expect(`${headers.method} ${headers.authority} ${headers.path} ${headers.scheme}`).toBe(requestLine(theirs));
  }
  expect(ours.encoder.protocol).toBe(`HTTP/${theirs.version}`);
  // CONNECT has no content: a length of 0 means nothing.
  expect(ours.fields).toEqual(
    endToEnd(theirs.fields).filter(([name]) => theirs.method !== "CONNECT" || name !== "content-length"),
  );
  if (ours.isReset) return;
  expect(ours.body).toBe(theirs.body);
  if (isUpgrade(ours)) return;
  expect(ours.isComplete).toBe(theirs.isComplete);
  if (!ours.isComplete) return;
  expect(ours.trailers ?? []).toEqual(theirs.trailers.filter(([name]) => !isForbiddenInTrailers(name)));
  // What goes on for us goes on for llhttp. It also goes on for llhttp, in HTTP/1.0, where `Proxy-Connection` alone asks for it, and beside `close`.
  const isOdd =
    theirs.version === "1.0" &&
    (values(theirs.fields, "proxy-connection").length > 0 || options(theirs.fields).includes("close"));
  if (keepAlive === true || (keepAlive === false && !isOdd)) expect(keepAlive).toBe(theirs.keepAlive);
}

describe("requests as llhttp reads them", () => {
  it("mean the same, or are refused", () => {
    const seen = { both: 0, stricter: 0, refused: 0, exception: 0 };
    fc.assert(
      fc.property(requestBytes, cuts, (input, at) => {
        seen[check(input, at)]++;
      }),
      runs(4000),
    );
    // The search must not be empty: enough of every kind.
    const total = seen.both + seen.stricter + seen.refused + seen.exception;
    expect(seen.both / total).toBeGreaterThan(0.1);
    expect(seen.refused / total).toBeGreaterThan(0.1);
    expect(seen.exception).toBeGreaterThan(0);
  });

  it.each([
    ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "both"],
    [
      "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
      "both",
    ],
    ["GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n", "both"],
    ["FROB / HTTP/1.1\r\nHost: a\r\n\r\n", "exception"],
    ["GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "exception"],
    ["GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "refused"],
    ["GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "stricter"],
  ] as const)("%j: %s", (input, verdict) => {
    expect(check(input, [])).toBe(verdict);
  });
});
