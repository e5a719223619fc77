// Every case that h2spec checks of a server, section by section, as tables: what the client sends after the greeting, and what must come back. Where the RFC
// leaves the choice between a stream's and the connection's error, the tables say what we do.
import { describe, expect, it } from "vitest";
import { ClientPeer, ServerPeer } from "../../packages/core/src/http/codec/h2/scripted-peer.ts";
import { headers } from "../../packages/core/src/http/codec/h2/scripted-wire.ts";
import { type Case, withField } from "./conformance/case.ts";
import { CONNECTION } from "./conformance/connection.ts";
import { FRAMES } from "./conformance/frames.ts";
import { MESSAGES } from "./conformance/messages.ts";

/** What means something else to a client: GOAWAY, SETTINGS that only clients send, ids that it would open itself, blocks whose decoding comes first. */
const CLIENT_ONLY: ReadonlySet<string> = new Set([
  "GOAWAY",
  "SETTINGS of every kind",
  "an unknown one in GOAWAY",
  "a block that cannot be decoded",
  "HEADERS that depends on itself",
]);

function play(one: Case, pieces: (bytes: Buffer) => readonly Buffer[]): { sent: string[]; peer: ServerPeer } {
  const peer = new ServerPeer({ streamErrorOnInvalidHttpMessage: true, ...one.options });
  if (one.noGreeting !== true) peer.greet();
  if (one.answers === true) peer.answerAll("hello");
  if (one.pauses === true) peer.onHeaders = ({ encoder }) => encoder.pauseRequest();
  const bytes = Buffer.concat(one.send.map((part) => Buffer.from(part as string, "latin1")));
  const sent: string[] = [];
  for (const piece of pieces(bytes)) {
    peer.receive(piece);
    sent.push(...peer.sent());
  }
  return { sent, peer };
}

/** A connection error ends the connection, and every stream is told; anything else lets it live. */
function checkEnd(peer: ServerPeer, expected: readonly string[]): void {
  const isBroken = expected.some((word) => word.startsWith("GOAWAY"));
  expect(peer.connection.closedBy).toBe(isBroken ? "flush" : "");
  if (isBroken) {
    expect(peer.codec.activeStreams).toBe(0);
    expect(peer.requests.every((request) => request.isReset || request.flushed === 1)).toBe(true);
    expect(peer.errors).toHaveLength(1);
    expect(peer.time.timers.size).toBe(0);
  }
  expect(peer.stats.streamsActive.value).toBe(peer.codec.activeStreams);
}

describe.each(Object.entries({ ...CONNECTION, ...FRAMES, ...MESSAGES }))("%s", (_section, cases) => {
  it.each(cases.map((one) => [one.name, one] as const))("%s", (_name, one) => {
    const whole = play(one, (bytes) => [bytes]);
    expect(whole.sent).toEqual(one.expect);
    expect(whole.peer.requests).toHaveLength(one.requests ?? 0);
    checkEnd(whole.peer, one.expect);
    const dribbled = play(one, (bytes) => Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)).slice(0, 20_000));
    if (one.send.reduce((sum, part) => sum + part.length, 0) <= 20_000) expect(dribbled.sent).toEqual(one.expect);
  });
});

// What a frame looks like is judged for both sides alike: the cases without a request, as a server's frames to our client.
const mirrored = Object.values({ ...CONNECTION, ...FRAMES })
  .flat()
  .filter((one) => one.noGreeting !== true && one.options === undefined && one.requests === undefined)
  .filter(({ name }) => !CLIENT_ONLY.has(name));

describe("the mirror: a server's frames", () => {
  it.each(mirrored.map((one) => [one.name, one] as const))("%s", (_name, one) => {
    const peer = new ClientPeer().greet();
    peer.receive(...one.send);
    expect(peer.sent()).toEqual(one.expect.map((word) => word.replace(/^GOAWAY \d+/, "GOAWAY 0")));
    const isBroken = one.expect.some((word) => word.startsWith("GOAWAY"));
    expect([peer.connection.closedBy, peer.drainings]).toEqual(isBroken ? ["flush", 1] : ["", 0]);
  });

  it("of them there are enough", () => {
    expect(mirrored.length).toBeGreaterThan(40);
  });
});

it("a malformed message costs the connection where Envoy's default is kept", () => {
  const peer = new ServerPeer().greet();
  peer.receive(headers(1, withField("connection", "close")));
  expect(peer.sent()).toEqual(["GOAWAY 1 protocolError"]);
  expect(peer.errors).toEqual([{ status: 0, detail: "http2.violation.of.messaging.rule" }]);
  expect(peer.stats.rxMessagingError.value).toBe(1);
});
