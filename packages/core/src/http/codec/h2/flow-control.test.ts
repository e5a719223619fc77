// Windows both ways, watermarks, fairness between streams, a socket that does not take what is written.
import { describe, expect, it } from "vitest";
import { Setting } from "./frame.ts";
import { type RecordedRequest, ServerPeer, response } from "./scripted-peer.ts";
import { GET, POST, data, headers, rst, settings, windowUpdate } from "./scripted-wire.ts";

const KB = 1024;

function respond(peer: ServerPeer, request: RecordedRequest, bytes: number, end = true): void {
  peer.turn(() => {
    request.encoder.sendHeaders(response(200), false);
    request.encoder.sendData(Buffer.alloc(bytes, 97), end);
  });
}

/** Bytes of DATA per stream in what was written. */
function dataBytes(words: readonly string[]): Record<string, number> {
  const bytes: Record<string, number> = {};
  for (const word of words) {
    const [type, id, length] = word.split(" ");
    if (type === "DATA") bytes[id!] = (bytes[id!] ?? 0) + Number(length);
  }
  return bytes;
}

describe("towards the peer", () => {
  it("a stream sends no more than its window, and goes on when it opens", () => {
    const peer = new ServerPeer().greet([Setting.initialWindowSize, 10]);
    peer.receive(headers(1, GET));
    respond(peer, peer.last, 25);
    expect(peer.sent()).toEqual(["HEADERS 1 :status=200", "DATA 1 10"]);
    expect(peer.last.flushed).toBe(0);
    peer.receive(windowUpdate(1, 10));
    expect(peer.sent()).toEqual(["DATA 1 10"]);
    peer.receive(windowUpdate(1, 10));
    expect(peer.sent()).toEqual(["DATA 1 5 END"]);
    expect(peer.last.flushed).toBe(1);
    expect(peer.stats.pendingSendBytes.value).toBe(0);
  });

  it("trailers wait behind the body, an empty end needs no window", () => {
    const peer = new ServerPeer().greet([Setting.initialWindowSize, 3]);
    peer.receive(headers(1, GET), headers(3, GET));
    const [first, second] = peer.requests as [RecordedRequest, RecordedRequest];
    respond(peer, first, 5, false);
    peer.turn(() => first.encoder.sendTrailers(response(200, ["x", "y"])));
    respond(peer, second, 3, false);
    peer.turn(() => second.encoder.sendData(new Uint8Array(0), true));
    expect(peer.sent()).toEqual([
      "HEADERS 1 :status=200",
      "DATA 1 3",
      "HEADERS 3 :status=200",
      "DATA 3 3",
      "DATA 3 0 END",
    ]);
    peer.receive(windowUpdate(1, 2));
    expect(peer.sent()).toEqual(["DATA 1 2", "HEADERS 1 x=y END"]);
  });

  it("an end that is said while data waits goes with the last of it", () => {
    const peer = new ServerPeer().greet([Setting.initialWindowSize, 3]);
    peer.receive(headers(1, GET));
    respond(peer, peer.last, 5, false);
    peer.turn(() => peer.last.encoder.sendData(new Uint8Array(0), true));
    peer.sent();
    peer.receive(windowUpdate(1, 100));
    expect(peer.sent()).toEqual(["DATA 1 2 END"]);
  });

  it("the connection's window is shared, and streams that wait for it take turns", () => {
    const peer = new ServerPeer().greet([Setting.initialWindowSize, 1 << 30]);
    peer.receive(headers(1, GET), headers(3, GET), headers(5, GET));
    for (const request of peer.requests) respond(peer, request, 100 * KB);
    expect(dataBytes(peer.sent())).toEqual({ 1: 65_535 });
    peer.receive(windowUpdate(0, 96 * KB));
    // Frames of 16 KB in turn: none waits for another's end.
    expect(dataBytes(peer.sent())).toEqual({ 1: 32 * KB, 3: 32 * KB, 5: 32 * KB });
    peer.receive(windowUpdate(0, 1 << 20));
    expect(dataBytes(peer.sent())).toEqual({ 1: 300 * KB - 65_535 - 96 * KB - 136 * KB, 3: 68 * KB, 5: 68 * KB });
    expect(peer.requests.map(({ flushed }) => flushed)).toEqual([1, 1, 1]);
  });

  it("a stream without window does not stop its siblings", () => {
    const peer = new ServerPeer().greet([Setting.initialWindowSize, 1]);
    peer.receive(headers(1, GET), headers(3, GET), windowUpdate(3, 1 << 20), windowUpdate(0, 1 << 20));
    for (const request of peer.requests) respond(peer, request, 50 * KB);
    expect(dataBytes(peer.sent())).toEqual({ 1: 1, 3: 50 * KB });
    expect(peer.requests.map(({ flushed }) => flushed)).toEqual([0, 1]);
  });

  it("a window that SETTINGS made negative opens again by and by", () => {
    const peer = new ServerPeer().greet([Setting.initialWindowSize, 10]);
    peer.receive(headers(1, GET));
    respond(peer, peer.last, 12);
    peer.receive(settings([Setting.initialWindowSize, 4]));
    peer.sent();
    peer.receive(windowUpdate(1, 5));
    expect(peer.sent()).toEqual([]);
    peer.receive(windowUpdate(1, 2));
    expect(peer.sent()).toEqual(["DATA 1 1"]);
    peer.receive(settings([Setting.initialWindowSize, 5]));
    expect(peer.sent()).toEqual(["SETTINGS ACK", "DATA 1 1 END"]);
  });

  it("the engine is told of its watermark, and of the way down", () => {
    const peer = new ServerPeer({ streamBufferBytes: 1000 }).greet([Setting.initialWindowSize, 0]);
    peer.receive(headers(1, GET));
    respond(peer, peer.last, 1000, false);
    expect(peer.last.highs).toBe(0);
    peer.turn(() => peer.last.encoder.sendData(Buffer.alloc(1), false));
    expect(peer.last.highs).toBe(1);
    expect(peer.last.encoder.aboveWatermark).toBe(true);
    expect(peer.stats.pendingSendBytes.value).toBe(1001);
    peer.receive(windowUpdate(1, 500));
    expect(peer.last.lows).toBe(0);
    let hasGoneOn = false;
    peer.onLow = ({ encoder }) => {
      hasGoneOn = true;
      encoder.sendData(Buffer.alloc(10), true);
    };
    peer.receive(windowUpdate(1, 1));
    expect(hasGoneOn).toBe(true);
    expect(peer.last.encoder.aboveWatermark).toBe(false);
    peer.receive(windowUpdate(1, 1000));
    expect(peer.last.flushed).toBe(1);
  });

  it("many tiny windows do not hold a buffer each: past the connection's watermark a stream may hold little", () => {
    const peer = new ServerPeer({}, { highWatermark: 1 << 20 }).greet([Setting.initialWindowSize, 0]);
    const ids = Array.from({ length: 100 }, (_, i) => 2 * i + 1);
    peer.receive(...ids.map((id) => headers(id, GET)));
    for (let round = 0; round < 64; round++) {
      for (const request of peer.requests) {
        if (request.encoder.aboveWatermark) continue;
        if (round === 0) respond(peer, request, 4 * KB, false);
        else peer.turn(() => request.encoder.sendData(Buffer.alloc(4 * KB), false));
      }
    }
    expect(peer.requests.every(({ highs }) => highs === 1)).toBe(true);
    expect(peer.stats.pendingSendBytes.value).toBeLessThan((1 << 20) + 100 * 20 * KB);
  });

  it("a whole message that waits too long for the peer's window is reset", () => {
    const peer = new ServerPeer({ streamFlushTimeoutMs: 5000 }).greet([Setting.initialWindowSize, 5]);
    peer.receive(headers(1, GET), headers(3, GET));
    for (const request of peer.requests) respond(peer, request, 20);
    peer.time.advance(3000);
    peer.receive(windowUpdate(3, 5));
    peer.time.advance(3000);
    peer.turn(() => undefined);
    expect(peer.sent().slice(-1)).toEqual(["RST 1 cancel"]);
    expect(peer.requests[0]!.reset).toBe("local_reset http2.stream_flush_timeout");
    expect(peer.requests[1]!.isReset).toBe(false);
    expect(peer.stats.txFlushTimeout.value).toBe(1);
    expect(peer.stats.pendingSendBytes.value).toBe(10);
  });

  it("what a stream had waiting goes with it", () => {
    const peer = new ServerPeer().greet([Setting.initialWindowSize, 5]);
    peer.receive(headers(1, GET));
    respond(peer, peer.last, 20);
    peer.receive(rst(1, 8), windowUpdate(0, 100));
    expect(peer.stats.pendingSendBytes.value).toBe(0);
    expect(peer.codec.activeStreams).toBe(0);
    expect(peer.time.timers.size).toBe(0);
  });
});

describe("a socket that takes nothing", () => {
  it("closes the way for DATA, not for control frames, until everything has left", () => {
    const peer = new ServerPeer().greet([Setting.initialWindowSize, 1 << 30]);
    peer.receive(windowUpdate(0, 1 << 30), headers(1, GET), headers(3, GET));
    peer.connection.stall();
    respond(peer, peer.requests[0]!, 200 * KB);
    const before = dataBytes(peer.sent())["1"]!;
    expect(before).toBeGreaterThanOrEqual(64 * KB);
    expect(before).toBeLessThan(100 * KB);
    respond(peer, peer.requests[1]!, 10 * KB);
    peer.receive(headers(5, POST, false), rst(5, 8));
    expect(peer.sent()).toEqual(["HEADERS 3 :status=200"]);
    peer.connection.drain();
    expect(dataBytes(peer.sent())).toEqual({ 1: 200 * KB - before, 3: 10 * KB });
    expect(peer.requests.map(({ flushed }) => flushed)).toEqual([1, 1, 0]);
  });

  it("never has more waiting than a little, however much there is to send", () => {
    const peer = new ServerPeer({ streamBufferBytes: 8 << 20 }).greet([Setting.initialWindowSize, 1 << 30]);
    peer.receive(windowUpdate(0, 1 << 30), headers(1, GET));
    peer.connection.stall();
    respond(peer, peer.last, 4 << 20);
    let most = 0;
    for (let i = 0; i < 200 && peer.last.flushed === 0; i++) {
      most = Math.max(most, peer.connection.pendingBytes);
      peer.connection.drain();
      peer.connection.stall();
    }
    expect(peer.last.flushed).toBe(1);
    expect(most).toBeLessThan(200 * KB);
    expect(dataBytes(peer.sent())).toEqual({ 1: 4 << 20 });
  });
});

describe("towards the engine", () => {
  const TINY = { initialStreamWindowSize: 65_535, initialConnectionWindowSize: 1 << 20 };

  it("a paused request holds what comes, and gives no room back", () => {
    const peer = new ServerPeer(TINY).greet();
    peer.onHeaders = ({ encoder }) => encoder.pauseRequest();
    peer.receive(headers(1, POST, false), ...Array.from({ length: 6 }, () => data(1, Buffer.alloc(10_000, 98))));
    expect(peer.last.body).toBe("");
    expect(peer.sent()).toEqual([]);
    peer.turn(() => peer.last.encoder.resumeRequest());
    expect(peer.last.body).toBe("b".repeat(60_000));
    expect(peer.sent()).toEqual(["WINDOW 1 40000"]);
  });

  it("a pause in the middle of what was held holds the rest, in order, with the end", () => {
    const peer = new ServerPeer(TINY).greet();
    peer.onHeaders = ({ encoder }) => encoder.pauseRequest();
    peer.receive(headers(1, POST, false), data(1, "a"), data(1, "b"), data(1, "c"), headers(1, [["x", "y"]]));
    const { last } = peer;
    peer.onData = ({ encoder }) => encoder.pauseRequest();
    for (const [body, isComplete] of [
      ["a", false],
      ["ab", false],
      ["abc", false],
    ] as const) {
      peer.turn(() => last.encoder.resumeRequest());
      expect([last.body, last.isComplete]).toEqual([body, isComplete]);
    }
    peer.onData = null;
    peer.turn(() => last.encoder.resumeRequest());
    expect(last.trailers).toEqual([["x", "y"]]);
    expect(last.isComplete).toBe(true);
  });

  it("a pause and its end in one call change nothing", () => {
    const peer = new ServerPeer(TINY).greet();
    peer.onData = ({ encoder }) => {
      encoder.pauseRequest();
      encoder.resumeRequest();
    };
    peer.receive(headers(1, POST, false), data(1, "a"), data(1, "b", true));
    expect(peer.last.body).toBe("ab");
    expect(peer.last.isComplete).toBe(true);
  });

  it("held bytes survive the read buffer that they came in", () => {
    const peer = new ServerPeer().greet();
    peer.onHeaders = ({ encoder }) => encoder.pauseRequest();
    peer.receive(headers(1, POST, false));
    peer.receive(data(1, Buffer.alloc(16_384, 120)));
    peer.receive(data(1, Buffer.alloc(100, 121), true));
    peer.turn(() => peer.last.encoder.resumeRequest());
    expect(peer.last.body).toBe("x".repeat(16_384) + "y".repeat(100));
  });

  it("bytes that wait for the peer survive the read buffer that they came in", () => {
    const peer = new ServerPeer().greet([Setting.initialWindowSize, 0]);
    peer.onHeaders = ({ encoder }) => encoder.sendHeaders(response(200), false);
    peer.onData = ({ encoder }, bytes, end) => encoder.sendData(bytes, end);
    peer.receive(headers(1, POST, false));
    peer.receive(data(1, Buffer.alloc(16_384, 120)));
    peer.receive(data(1, Buffer.alloc(100, 121), true));
    peer.sent();
    peer.receive(windowUpdate(1, 1 << 20));
    const body = Buffer.concat(peer.sentFrames().map(({ payload }) => payload)).toString("latin1");
    expect(body).toBe("x".repeat(16_384) + "y".repeat(100));
  });

  it("one paused request does not stop its siblings", () => {
    const peer = new ServerPeer(TINY).greet().answerAll();
    peer.onHeaders = (request) => {
      if (peer.requests.length === 1) request.encoder.pauseRequest();
    };
    peer.receive(headers(1, POST, false), data(1, Buffer.alloc(16_384)), data(1, Buffer.alloc(16_384)));
    for (let id = 3; id < 41; id += 2) peer.receive(headers(id, POST, false), data(id, Buffer.alloc(16_384), true));
    expect(peer.requests.slice(1).every(({ flushed }) => flushed === 1)).toBe(true);
  });

  it("the room of what a reset stream held goes back to the connection", () => {
    const peer = new ServerPeer({ initialConnectionWindowSize: 65_535 }).greet();
    peer.onHeaders = ({ encoder }) => encoder.pauseRequest();
    for (let id = 1; id < 41; id += 2) {
      peer.receive(headers(id, POST, false), data(id, Buffer.alloc(16_384)), data(id, Buffer.alloc(16_384)));
      peer.receive(rst(id, 8));
    }
    expect(peer.connection.closedBy).toBe("");
    // What still comes for a stream that we reset counts too.
    peer.receive(headers(41, POST, false));
    peer.turn(() => peer.last.encoder.reset("local_reset"));
    for (let i = 0; i < 20; i++) peer.receive(data(41, Buffer.alloc(16_384)));
    expect(peer.connection.closedBy).toBe("");
  });

  it("padding counts, and is given back at once", () => {
    const peer = new ServerPeer({ initialStreamWindowSize: 65_535 }).greet();
    peer.receive(headers(1, POST, false));
    const padded = Buffer.concat([Buffer.from([0, 1, 0, 0, 8, 0, 0, 0, 1, 200]), Buffer.alloc(255, 1)]);
    for (let i = 0; i < 600; i++) peer.receive(padded);
    expect(peer.last.body).toHaveLength(600 * 55);
    expect(peer.connection.closedBy).toBe("");
    expect(peer.sent().filter((word) => word.startsWith("WINDOW 1"))).toHaveLength(4);
  });
});
