// Floods, with Envoy's limits and counters: each goes to its limit unharmed, and one step further ends the connection.
import { describe, expect, it } from "vitest";
import { ServerPeer, response } from "./scripted-peer.ts";
import {
  GET,
  POST,
  block,
  data,
  frame,
  headers,
  ping,
  priority,
  rst,
  settings,
  windowUpdate,
} from "./scripted-wire.ts";

const isOver = (peer: ServerPeer): boolean => peer.connection.closedBy !== "";

describe("frames that come in", () => {
  it("empty DATA without an end", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, POST, false), data(1, ""), data(1, "x"), data(1, ""));
    expect(isOver(peer)).toBe(false);
    peer.receive(data(1, ""));
    expect(peer.sent()).toEqual(["GOAWAY 1 enhanceYourCalm"]);
    expect(peer.stats.inboundEmptyFramesFlood.value).toBe(1);
    expect(peer.last.reset).toBe("protocol_error http2.inbound_empty_frames_flood");
  });

  it.each([
    ["padded DATA", [headers(1, POST, false), frame(0, 8, 1, "\x02\0\0"), frame(0, 8, 1, "\0")]],
    ["CONTINUATION", [headers(1, GET, false, 0), frame(9, 0, 1), frame(9, 0, 1)]],
    ["HEADERS and CONTINUATION", [frame(1, 0, 1), frame(9, 0, 1)]],
  ])("empty %s", (_name, frames) => {
    const peer = new ServerPeer().greet();
    peer.receive(...frames);
    expect(peer.stats.inboundEmptyFramesFlood.value).toBe(1);
    expect(isOver(peer)).toBe(true);
  });

  it("as many empty frames in a row as the options say", () => {
    const peer = new ServerPeer({ maxConsecutiveInboundFramesWithEmptyPayload: 3 }).greet();
    peer.receive(headers(1, POST, false), data(1, ""), data(1, ""), data(1, ""));
    expect(isOver(peer)).toBe(false);
    peer.receive(data(1, ""));
    expect(isOver(peer)).toBe(true);
  });

  it("PRIORITY: a hundred per stream and one more", () => {
    const peer = new ServerPeer().greet().answerAll();
    peer.receive(headers(1, GET));
    for (let i = 0; i < 200; i++) peer.receive(priority(3, 1));
    expect(isOver(peer)).toBe(false);
    peer.receive(priority(3, 1));
    expect(peer.stats.inboundPriorityFramesFlood.value).toBe(1);
    expect(peer.sent().at(-1)).toBe("GOAWAY 1 enhanceYourCalm");
  });

  it("WINDOW_UPDATE: by streams and DATA frames sent", () => {
    const peer = new ServerPeer({ maxInboundWindowUpdateFramesPerDataFrameSent: 2 }).greet().answerAll();
    peer.receive(headers(1, GET));
    // 5 + 2 * (1 stream + 2 * 1 DATA frame)
    for (let i = 0; i < 11; i++) peer.receive(windowUpdate(0, 1));
    expect(isOver(peer)).toBe(false);
    peer.receive(windowUpdate(0, 1));
    expect(peer.stats.inboundWindowUpdateFramesFlood.value).toBe(1);
    expect(isOver(peer)).toBe(true);
  });

  it("CONTINUATION: too many, and too much", () => {
    const peer = new ServerPeer({ maxContinuationFrames: 3 }).greet();
    peer.receive(headers(1, GET, true, 0));
    for (let i = 0; i < 3; i++) peer.receive(frame(9, 0, 1, block(["a", "b"])));
    expect(isOver(peer)).toBe(false);
    peer.receive(frame(9, 0, 1, block(["a", "b"])));
    expect(peer.sent()).toEqual(["GOAWAY 0 enhanceYourCalm"]);
    const large = new ServerPeer().greet();
    large.receive(headers(1, GET, true, 0));
    for (let i = 0; i < 8 && !isOver(large); i++) large.receive(frame(9, 0, 1, Buffer.alloc(16_384)));
    expect(large.sent()).toEqual(["GOAWAY 0 enhanceYourCalm"]);
  });

  it("rapid reset: Envoy's way, more than half of the first five hundred", () => {
    const peer = new ServerPeer({ streamResetBurst: 100_000 }).greet();
    let id = 1;
    for (; id < 499; id += 2) peer.receive(headers(id, GET), rst(id, 8));
    expect(isOver(peer)).toBe(false);
    for (; id < 503 && !isOver(peer); id += 2) peer.receive(headers(id, GET), rst(id, 8));
    expect(isOver(peer)).toBe(true);
    expect(peer.stats.tooManyPrematureResets.value).toBe(1);
    expect(peer.requests.length).toBe(250);
    expect(peer.sent().at(-1)).toContain("enhanceYourCalm");
  });

  it("resets of streams that lived longer, or were answered, are no rapid ones", () => {
    const peer = new ServerPeer({ streamResetBurst: 100_000 }).greet();
    for (let id = 1; id < 1201; id += 2) {
      peer.receive(headers(id, GET));
      if (id % 4 === 1) peer.time.advance(1100);
      else peer.turn(() => peer.last.encoder.sendHeaders(response(200), false));
      peer.receive(rst(id, 8));
    }
    expect(isOver(peer)).toBe(false);
  });

  it("resets at all: a burst, and so many a second, whoever sends them", () => {
    const peer = new ServerPeer({ streamResetBurst: 10, streamResetRate: 5, prematureResetTotalStreamCount: 10_000 });
    peer.greet();
    let id = 1;
    for (let i = 0; i < 10; i++, id += 2) peer.receive(headers(id, GET), rst(id, 8));
    peer.time.advance(1000);
    // Those that the peer makes us send count as well.
    for (let i = 0; i < 5; i++, id += 2) peer.receive(headers(id, POST, false), windowUpdate(id, 0));
    expect(isOver(peer)).toBe(false);
    peer.receive(headers(id, POST, false), windowUpdate(id, 0));
    expect(peer.sent().at(-1)).toContain("enhanceYourCalm");
  });
});

describe("frames that are made to go out", () => {
  it.each([
    ["PING", (): Buffer => ping()],
    ["SETTINGS", (): Buffer => settings()],
  ])("answers to %s that the peer does not read", (_name, make) => {
    const peer = new ServerPeer().greet();
    peer.connection.stall();
    for (let i = 0; i < 1000; i++) peer.receive(make());
    expect(isOver(peer)).toBe(false);
    peer.receive(make());
    expect(peer.connection.closedBy).toBe("now");
    expect(peer.stats.outboundControlFlood.value).toBe(1);
  });

  it("many PING in one piece are answered where the peer reads", () => {
    const peer = new ServerPeer().greet();
    for (let i = 0; i < 5; i++) peer.receive(...Array.from({ length: 1500 }, () => ping()));
    expect(isOver(peer)).toBe(false);
    expect(peer.sent()).toHaveLength(7500);
  });

  it("RST_STREAM that the peer does not read", () => {
    const peer = new ServerPeer({ maxOutboundControlFrames: 50, streamResetBurst: 1000, maxConcurrentStreams: 1 });
    peer.greet();
    peer.receive(headers(1, POST, false));
    peer.connection.stall();
    for (let id = 3; id < 103; id += 2) peer.receive(headers(id, GET));
    expect(isOver(peer)).toBe(false);
    peer.receive(headers(103, GET));
    expect(peer.stats.outboundControlFlood.value).toBe(1);
    expect(peer.last.reset).toBe("connection_termination http2.outbound_control_frames_flood");
    expect(peer.codec.activeStreams).toBe(0);
  });

  it("frames of any kind", () => {
    const peer = new ServerPeer({ maxOutboundFrames: 100 }).greet();
    peer.onComplete = ({ encoder }) => encoder.sendHeaders(response(200), true);
    peer.connection.stall();
    for (let id = 1; id < 201; id += 2) peer.receive(headers(id, GET));
    expect(isOver(peer)).toBe(false);
    peer.receive(headers(201, GET));
    expect(peer.connection.closedBy).toBe("now");
    expect(peer.stats.outboundFlood.value).toBe(1);
  });

  it("what has left does not count", () => {
    const peer = new ServerPeer({ maxOutboundFrames: 100 }).greet();
    peer.onComplete = ({ encoder }) => encoder.sendHeaders(response(200), true);
    for (let round = 0; round < 5; round++) {
      peer.connection.stall();
      for (let i = 0; i < 90; i++) peer.receive(headers(round * 200 + 2 * i + 1, GET));
      peer.connection.drain();
    }
    expect(isOver(peer)).toBe(false);
  });
});
