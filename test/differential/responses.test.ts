/** Our reading of responses against llhttp in strict mode, by the same rules as for requests. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isForbiddenInTrailers } from "../../packages/core/src/http/codec/h1/hop-by-hop.ts";
import { ClientPeer, type RecordedResponse } from "../../packages/core/src/http/codec/h1/scripted-peer.ts";
import { cuts, pieces, responseBytes, runs } from "./support/bytes.ts";
import { type Verdict, llhttp } from "./support/llhttp.ts";
import { endToEnd } from "./support/meaning.ts";

interface Outcome {
  readonly response: RecordedResponse;
  readonly isReusable: boolean;
}

function read(input: string, at: readonly number[], isHead: boolean): Outcome {
  const peer = new ClientPeer({ enableTrailers: true, maxHeaders: 1000 });
  const response = peer.get(isHead ? "HEAD" : "GET");
  for (const piece of pieces(input, at)) peer.connection.receive(piece);
  // A connection that was good, and then spoke on its own, is not.
  const isReusable = peer.ends[0] === true && !peer.connection.closed;
  if (!peer.connection.closed) peer.connection.receiveEnd();
  return { response, isReusable };
}

/** Where llhttp refuses and we do not. */
const EXCEPTIONS: ReadonlyArray<{
  readonly name: string;
  readonly holds: (theirs: Verdict, ours: Outcome) => boolean;
}> = [
  {
    name: "a final response behind an informational one that says close: read, and the connection is not used again",
    holds: ({ error, messages }, { isReusable }) =>
      error === "HPE_CLOSED_CONNECTION" && !isReusable && messages.at(-1)!.status < 200 && !messages.at(-1)!.keepAlive,
  },
];

function check(input: string, at: readonly number[], isHead: boolean): "both" | "stricter" | "refused" | "exception" {
  const theirs = llhttp("response", Buffer.from(input, "latin1"), { isHead, ends: true });
  const ours = read(input, at, isHead);
  const { response, isReusable } = ours;
  const final = theirs.messages.find(({ status }) => status >= 200 || status === 101);
  // What stands behind the response is not read: llhttp's opinion of it does not matter, but the connection may not be used again.
  const isTheirsWhole = final !== undefined && final.isComplete;
  if (response.isReset) return theirs.error === "" || isTheirsWhole ? "stricter" : "refused";
  if (EXCEPTIONS.some(({ holds }) => holds(theirs, ours))) return "exception";
  if (!isTheirsWhole) throw new Error(`llhttp refuses with ${theirs.error} what we take`);
  expect(response.status).toBe(final.status);
  expect(response.fields).toEqual(
    endToEnd(final.fields).filter(
      ([name, value]) => final.status !== 204 || name !== "content-length" || value !== "0",
    ),
  );
  expect(response.body).toBe(final.body);
  expect(response.isComplete).toBe(true);
  const informational = theirs.messages.slice(0, theirs.messages.indexOf(final)).map(({ status }) => status);
  expect(response.informational).toEqual(informational);
  expect(response.trailers ?? []).toEqual(final.trailers.filter(([name]) => !isForbiddenInTrailers(name)));
  if (isReusable) {
    // What llhttp says of HEAD it says before it knows that it was HEAD: no framing looks like a body up to the end.
    const isFramed = final.fields.some(([name]) => name === "content-length" || name === "transfer-encoding");
    if (!isHead || isFramed) expect(final.keepAlive).toBe(true);
    expect(theirs.error).toBe("");
    expect(theirs.messages.at(-1)).toBe(final);
  }
  return "both";
}

describe("responses as llhttp reads them", () => {
  it("mean the same, or are refused", () => {
    const seen = { both: 0, stricter: 0, refused: 0, exception: 0 };
    fc.assert(
      fc.property(responseBytes, cuts, fc.boolean(), (input, at, isHead) => {
        seen[check(input, at, isHead)]++;
      }),
      runs(4000),
    );
    const total = seen.both + seen.stricter + seen.refused + seen.exception;
    expect(seen.both / total).toBeGreaterThan(0.1);
    expect(seen.refused / total).toBeGreaterThan(0.1);
  });

  it.each([
    ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "both"],
    ["HTTP/1.1 200 OK\r\n\r\nok", "both"],
    [
      "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n",
      "both",
    ],
    ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", "refused"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok", "stricter"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", "refused"],
    ["HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "exception"],
  ] as const)("%j: %s", (input, verdict) => {
    expect(check(input, [], false)).toBe(verdict);
  });
});
