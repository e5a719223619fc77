/**
 * Bounded fuzz of the HTTP/1 codecs: whatever comes, nothing is thrown, nothing hangs, nothing is called after the end (the recording peers check that), the rules
 * of pausing hold, and memory is bounded. Deterministic; `SLUICE_FUZZ_RUNS` and `SLUICE_FUZZ_SEED` search elsewhere and longer.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ClientPeer,
  type RecordedRequest,
  type RecordedResponse,
  ServerPeer,
  requestHeaders,
  responseHeaders,
} from "../../packages/core/src/http/codec/h1/scripted-peer.ts";
import { cuts, pieces, requestBytes, responseBytes, runs } from "../differential/support/bytes.ts";

const noise = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  fc.string({
    unit: fc.constantFrom(
      "\r",
      "\n",
      "\r\n",
      "\0",
      " ",
      ":",
      "GET ",
      "/",
      "HTTP/1.1",
      "0",
      "5",
      "Host: a",
      "Content-Length: ",
      "Transfer-Encoding: chunked",
      "HTTP/1.1 200 OK",
      "\xff",
    ),
    maxLength: 60,
  }),
);

/** What the engine does in the course of a connection. */
type Act =
  | "headers"
  | "small"
  | "large"
  | "end"
  | "reset"
  | "pause"
  | "resume"
  | "informational"
  | "switch"
  | "close"
  | "wrongLength"
  | "stall"
  | "drain"
  | "shutdown";
const act = fc.constantFrom<Act>(
  "headers",
  "headers",
  "small",
  "large",
  "end",
  "end",
  "end",
  "reset",
  "pause",
  "resume",
  "informational",
  "switch",
  "close",
  "wrongLength",
  "stall",
  "drain",
  "shutdown",
);
type Step = { readonly bytes: string } | { readonly act: Act } | { readonly end: true } | { readonly close: string };

function steps(bytes: fc.Arbitrary<string>): fc.Arbitrary<Step[]> {
  const input = fc
    .tuple(fc.oneof({ weight: 4, arbitrary: bytes }, { weight: 1, arbitrary: noise }), cuts)
    .map(([text, at]) => pieces(text, at).map((piece): Step => ({ bytes: piece })));
  const acts = fc.array(act, { maxLength: 4 }).map((all) => all.map((one): Step => ({ act: one })));
  const ends = fc.constantFrom<Step[]>([], [], [], [{ end: true }], [{ close: "" }], [{ close: "ECONNRESET" }]);
  return fc.array(fc.tuple(input, acts, ends), { maxLength: 4 }).map((all) => all.flat(2));
}

function respond(peer: ServerPeer, request: RecordedRequest, one: Act): void {
  const { encoder } = request;
  switch (one) {
    case "headers":
      return encoder.sendHeaders(responseHeaders(200), false);
    case "small":
      return encoder.sendData(Buffer.alloc(10), false);
    case "large":
      return encoder.sendData(Buffer.alloc(10_000), false);
    case "end":
      encoder.sendHeaders(responseHeaders(200), true);
      return encoder.sendData(new Uint8Array(0), true);
    case "reset":
      return encoder.reset("local_reset");
    case "pause":
      return encoder.pauseRequest();
    case "resume":
      return encoder.resumeRequest();
    case "informational":
      return encoder.sendInformational(responseHeaders(103));
    case "switch":
      return encoder.sendHeaders(responseHeaders(101), false);
    case "close":
      return encoder.closeAfterResponse();
    case "wrongLength":
      encoder.sendHeaders(responseHeaders(200, ["content-length", "5"]), false);
      return encoder.sendData(Buffer.alloc(6), true);
    case "shutdown":
      return peer.codec.shutdown();
    default:
      return undefined;
  }
}

function ask(response: RecordedResponse, one: Act): void {
  const { encoder } = response;
  switch (one) {
    case "small":
      return encoder.sendData(Buffer.alloc(10), false);
    case "large":
      return encoder.sendData(Buffer.alloc(10_000), false);
    case "end":
      return encoder.sendData(new Uint8Array(0), true);
    case "reset":
    case "close":
      return encoder.reset();
    case "pause":
      return encoder.pauseResponse();
    case "resume":
      return encoder.resumeResponse();
    default:
      return undefined;
  }
}

function drive(connection: ServerPeer["connection"], step: Step, onAct: (one: Act) => void): void {
  if ("bytes" in step) connection.receive(step.bytes);
  else if ("end" in step) connection.receiveEnd();
  else if ("close" in step) connection.receiveClose(step.close);
  else if (step.act === "stall") connection.stall();
  else if (step.act === "drain") connection.drain();
  else onAct(step.act);
}

describe("the server codec", () => {
  it("survives everything", () => {
    fc.assert(
      fc.property(steps(requestBytes), fc.boolean(), fc.boolean(), (all, enableTrailers, answersAtOnce) => {
        const peer = new ServerPeer(
          { enableTrailers, acceptHttp10: true, defaultHostForHttp10: "a", maxHeadBytes: 1000, maxHeaders: 20 },
          { highWatermark: 5000 },
        );
        if (answersAtOnce) peer.answerAll();
        const givenUp = new Set<RecordedRequest>();
        for (const step of all) {
          drive(peer.connection, step, (one) => {
            if (one === "reset") for (const request of peer.requests) givenUp.add(request);
            peer.turn(() => peer.requests.forEach((request) => respond(peer, request, one)));
          });
          expect(peer.connection.pauses - peer.connection.unpauses).toBeLessThanOrEqual(2);
          expect(peer.codec.activeStreams).toBeLessThanOrEqual(1);
        }
        peer.codec.onClose("");
        expect(peer.codec.activeStreams).toBe(0);
        expect(peer.connection.pauses).toBe(peer.connection.unpauses);
        // Every stream has come to its end, unless the engine gave it up: both ways complete, or reset.
        for (const request of peer.requests) {
          const { isReset, flushed, isComplete } = request;
          expect(isReset || (flushed === 1 && isComplete) || givenUp.has(request)).toBe(true);
        }
      }),
      runs(2000),
    );
  });
});

describe("the client codec", () => {
  it("survives everything", () => {
    fc.assert(
      fc.property(
        steps(responseBytes),
        fc.constantFrom("GET", "HEAD", "POST", "CONNECT"),
        fc.boolean(),
        fc.boolean(),
        (all, method, enableTrailers, isUpgrade) => {
          const peer = new ClientPeer({ enableTrailers, maxHeadBytes: 1000, maxHeaders: 20 }, { highWatermark: 5000 });
          const responses: RecordedResponse[] = [];
          for (const step of all) {
            if (peer.codec.activeStreams === 0 && !peer.connection.closed && peer.drainings === 0) {
              const headers = requestHeaders(method, "/");
              if (isUpgrade) headers.upgrade = "websocket";
              responses.push(peer.send(headers, method !== "POST"));
            }
            drive(peer.connection, step, (one) => peer.turn(() => responses.forEach((response) => ask(response, one))));
            expect(peer.connection.pauses - peer.connection.unpauses).toBeLessThanOrEqual(1);
          }
          peer.codec.onClose("");
          expect(peer.ends).toHaveLength(responses.length);
          // Only the last may have made the connection unfit.
          expect(peer.ends.slice(0, -1)).not.toContain(false);
          expect(peer.connection.pauses).toBe(peer.connection.unpauses);
        },
      ),
      runs(2000),
    );
  });
});
