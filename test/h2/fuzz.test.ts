/**
 * Bounded fuzz of the HTTP/2 codecs: whatever comes, nothing is thrown, nothing is called after the end (the recording engine checks that), what is written can be
 * read, and at the end nothing is left: no stream, no byte, no timer. Deterministic; `SLUICE_FUZZ_RUNS` and `SLUICE_FUZZ_SEED` search elsewhere and longer.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Http2Options } from "../../packages/core/src/http/codec/h2/options.ts";
import {
  ClientPeer,
  type RecordedRequest,
  type RecordedResponse,
  ServerPeer,
  request,
  response,
} from "../../packages/core/src/http/codec/h2/scripted-peer.ts";
import { cuts, pieces, runs } from "../differential/support/bytes.ts";
import { clientBytes, serverBytes } from "./support/frames.ts";

const ACTS = [
  "headers",
  "headers",
  "small",
  "large",
  "end",
  "end",
  "trailers",
  "reset",
  "pause",
  "resume",
  "informational",
  "switch",
  "wrongLength",
  "stall",
  "drain",
  "shutdown",
  "time",
] as const;
type Act = (typeof ACTS)[number];
type Step =
  | { readonly bytes: string }
  | { readonly act: Act; readonly on: number }
  | { readonly end: true }
  | { readonly close: string };

function steps(bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<Step[]> {
  const input = fc
    .tuple(bytes, cuts)
    .map(([all, at]) => pieces(all.toString("latin1"), at).map((piece): Step => ({ bytes: piece })));
  const acts = fc.array(fc.record({ act: fc.constantFrom(...ACTS), on: fc.nat(4) }), { maxLength: 6 }) as fc.Arbitrary<
    Step[]
  >;
  const ends = fc.oneof(
    { weight: 12, arbitrary: fc.constant<Step[]>([]) },
    fc.constantFrom<Step[]>([{ end: true }], [{ close: "" }], [{ close: "ECONNRESET" }]),
  );
  return fc.array(fc.tuple(input, acts, ends), { maxLength: 6 }).map((all) => all.flat(2));
}

/** Limits small enough to be met. */
const options: fc.Arbitrary<Partial<Http2Options>> = fc.record({
  streamErrorOnInvalidHttpMessage: fc.boolean(),
  allowConnect: fc.boolean(),
  maxConcurrentStreams: fc.constantFrom(2, 100),
  initialStreamWindowSize: fc.constantFrom(65_535, 1 << 24),
  initialConnectionWindowSize: fc.constantFrom(65_535, 1 << 24),
  streamBufferBytes: fc.constantFrom(100, 100_000),
  maxOutboundFrames: fc.constantFrom(20, 10_000),
  maxHeaderListBytes: fc.constantFrom(500, 60_000),
  maxRequestsPerConnection: fc.constantFrom(0, 3),
  streamFlushTimeoutMs: fc.constantFrom(0, 1000),
  connectionKeepalive: fc.constantFrom(null, {
    intervalMs: 900,
    timeoutMs: 800,
    intervalJitterPercent: 10,
    connectionIdleIntervalMs: 100,
  }),
});

function drive(peer: ServerPeer | ClientPeer, step: Step, onAct: (one: Act, on: number) => void): void {
  const { connection } = peer;
  if ("bytes" in step) peer.receive(step.bytes);
  else if ("end" in step) connection.receiveEnd();
  else if ("close" in step) connection.receiveClose(step.close);
  else if (step.act === "stall") connection.stall();
  else if (step.act === "drain") connection.drain();
  else if (step.act === "time") {
    peer.time.advance(700);
    peer.turn(() => undefined);
  } else onAct(step.act, step.on);
}

function respond(peer: ServerPeer, { encoder }: RecordedRequest, one: Act): void {
  switch (one) {
    case "headers":
      return encoder.sendHeaders(response(200, ["a", "b"]), false);
    case "small":
      return encoder.sendData(Buffer.alloc(10), false);
    case "large":
      return encoder.sendData(Buffer.alloc(20_000), false);
    case "end":
      encoder.sendHeaders(response(200), true);
      return encoder.sendData(new Uint8Array(0), true);
    case "trailers":
      return encoder.sendTrailers(response(200, ["t", "1"]));
    case "reset":
      return encoder.reset("local_reset");
    case "pause":
      return encoder.pauseRequest();
    case "resume":
      return encoder.resumeRequest();
    case "informational":
      return encoder.sendInformational(response(103));
    case "switch":
      return encoder.sendHeaders(response(101), false);
    case "wrongLength":
      encoder.sendHeaders(response(200, ["content-length", "5"]), false);
      return encoder.sendData(Buffer.alloc(6), true);
    case "shutdown":
      return peer.codec.shutdown();
    default:
      return undefined;
  }
}

function ask({ encoder }: RecordedResponse, one: Act): void {
  switch (one) {
    case "small":
      return encoder.sendData(Buffer.alloc(10), false);
    case "large":
      return encoder.sendData(Buffer.alloc(20_000), false);
    case "end":
      return encoder.sendData(new Uint8Array(0), true);
    case "trailers":
      return encoder.sendTrailers(response(200, ["t", "1"]));
    case "reset":
      return encoder.reset();
    case "pause":
      return encoder.pauseResponse();
    case "resume":
      return encoder.resumeResponse();
    default:
      return undefined;
  }
}

/** Nothing is left, and what was written is whole. */
function checkEnd(peer: ServerPeer | ClientPeer): void {
  expect(peer.codec.activeStreams).toBe(0);
  expect(peer.stats.streamsActive.value).toBe(0);
  expect(peer.stats.pendingSendBytes.value).toBe(0);
  expect(peer.time.timers.size).toBe(0);
  expect(() => peer.sent()).not.toThrow();
}

describe("the server codec", () => {
  it("survives everything", () => {
    fc.assert(
      fc.property(steps(clientBytes), options, fc.boolean(), fc.boolean(), (all, given, answersAtOnce, greets) => {
        const peer = new ServerPeer(given, { highWatermark: 5000 });
        if (greets) peer.receive("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
        if (answersAtOnce) peer.answerAll();
        const givenUp = new Set<RecordedRequest>();
        for (const step of all) {
          drive(peer, step, (one, on) => {
            const target = peer.requests.at(-1 - on);
            if (target === undefined) return;
            if (one === "reset") givenUp.add(target);
            peer.turn(() => respond(peer, target, one));
          });
        }
        peer.codec.onClose("");
        checkEnd(peer);
        for (const request of peer.requests) {
          const { isReset, flushed } = request;
          expect(isReset || flushed === 1 || givenUp.has(request)).toBe(true);
        }
      }),
      runs(3000),
    );
  });
});

describe("the client codec", () => {
  it("survives everything", () => {
    fc.assert(
      fc.property(
        steps(serverBytes),
        options,
        fc.constantFrom("GET", "HEAD", "POST", "CONNECT"),
        fc.boolean(),
        (all, given, method, isUpgrade) => {
          const peer = new ClientPeer(given, { highWatermark: 5000 });
          peer.receive("\0\0\x06\x04\0\0\0\0\0\0\x08\0\0\0\x01");
          const responses: RecordedResponse[] = [];
          for (const step of all) {
            if (responses.length < 6 && peer.codec.availableStreams > 0) {
              const headers = request(responses.length % 2 === 0 ? "GET" : method, "/");
              if (isUpgrade) headers.upgrade = "websocket";
              responses.push(peer.send(headers, responses.length % 3 === 0));
            }
            drive(peer, step, (one, on) => {
              const target = responses.at(-1 - on);
              if (target !== undefined) peer.turn(() => ask(target, one));
            });
          }
          peer.codec.onClose("");
          checkEnd(peer);
          expect(peer.ends).toHaveLength(responses.length);
          expect(peer.drainings).toBe(1);
        },
      ),
      runs(3000),
    );
  });
});

describe("any split of the bytes", () => {
  /** Everything that the engine heard, and what was written, stream by stream. */
  function heard(bytes: string, at: readonly number[]): unknown {
    const peer = new ServerPeer({ streamErrorOnInvalidHttpMessage: true, allowConnect: true }).greet().answerAll();
    for (const piece of pieces(bytes, at)) peer.receive(piece);
    const words = peer.sent();
    const requests = peer.requests.map((one) => [one.line, one.fields, one.body, one.trailers, one.reset, one.flushed]);
    const streams = [1, 3, 5, 7, 9].map((id) => words.filter((word) => word.split(" ")[1] === String(id)));
    return [requests, streams, words.filter((word) => word.startsWith("GOAWAY")), peer.connection.closedBy];
  }

  it("means the same", () => {
    fc.assert(
      fc.property(clientBytes, cuts, (bytes, at) => {
        const text = bytes.toString("latin1");
        expect(heard(text, at)).toEqual(heard(text, []));
      }),
      runs(1500),
    );
  });
});
