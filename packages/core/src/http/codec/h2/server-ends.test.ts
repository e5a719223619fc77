// How a server connection ends: draining in two steps, time-outs, keep-alive, resets and their codes.
import { describe, expect, it } from "vitest";
import { ServerPeer, response } from "./scripted-peer.ts";
import { GET, POST, data, goaway, headers, ping, rst } from "./scripted-wire.ts";
import { Flag, PREFACE } from "./frame.ts";
import { settings } from "./scripted-wire.ts";

const ANSWER = ping("slucdran", Flag.ack);

describe("draining", () => {
  it("announces, waits a PING's way there and back, names the last stream, finishes it and closes", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, GET));
    peer.turn(() => peer.codec.shutdown());
    expect(peer.sent()).toEqual(["GOAWAY 2147483647 noError", "PING"]);
    // On its way when the client had not heard yet.
    peer.receive(headers(3, GET), ANSWER, headers(5, GET), headers(7, POST, false), data(7, "x", true));
    expect(peer.sent()).toEqual(["GOAWAY 3 noError"]);
    expect(peer.requests).toHaveLength(2);
    peer.turn(() => peer.requests[0]!.encoder.sendHeaders(response(200), true));
    expect(peer.connection.closedBy).toBe("");
    peer.turn(() => peer.requests[1]!.encoder.sendHeaders(response(200), true));
    expect(peer.sent()).toEqual(["HEADERS 1 :status=200 END", "HEADERS 3 :status=200 END"]);
    expect(peer.connection.closedBy).toBe("flush");
    expect(peer.stats.goawaySent.value).toBe(2);
    expect(peer.errors).toEqual([]);
    expect(peer.time.timers.size).toBe(0);
  });

  it("goes on without a client that does not answer", () => {
    const peer = new ServerPeer().greet();
    peer.turn(() => peer.codec.shutdown());
    peer.time.advance(6000);
    peer.turn(() => undefined);
    expect(peer.sent()).toEqual(["GOAWAY 2147483647 noError", "PING", "GOAWAY 0 noError"]);
    expect(peer.connection.closedBy).toBe("flush");
  });

  it("is not begun twice", () => {
    const peer = new ServerPeer().greet();
    peer.turn(() => {
      peer.codec.shutdown();
      peer.codec.shutdown();
    });
    expect(peer.sent()).toHaveLength(2);
  });

  it("begins by itself after so many requests", () => {
    const peer = new ServerPeer({ maxRequestsPerConnection: 2 }).greet().answerAll("");
    peer.receive(headers(1, GET));
    expect(peer.sent()).toEqual(["HEADERS 1 :status=200 END"]);
    peer.receive(headers(3, GET));
    expect(peer.sent()).toEqual(["HEADERS 3 :status=200 END", "GOAWAY 2147483647 noError", "PING"]);
  });

  it("an error while draining names no higher stream than before", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, POST, false));
    peer.turn(() => peer.codec.shutdown());
    peer.receive(ANSWER, headers(3, GET));
    peer.sent();
    peer.receive(data(0, "x"));
    expect(peer.sent()).toEqual(["GOAWAY 1 protocolError"]);
  });
});

describe("time-outs", () => {
  it("of the answer to our SETTINGS", () => {
    const peer = new ServerPeer({ settingsTimeoutMs: 1000 });
    peer.receive(PREFACE, settings());
    peer.sent();
    peer.time.advance(1100);
    expect(peer.sent()).toEqual(["GOAWAY 0 settingsTimeout"]);
    expect(peer.errors).toEqual([{ status: 0, detail: "http2.settings_timeout" }]);
  });

  it("none where the answer came", () => {
    const peer = new ServerPeer({ settingsTimeoutMs: 1000 }).greet();
    peer.time.advance(10_000);
    expect(peer.connection.closedBy).toBe("");
    expect(peer.time.timers.size).toBe(0);
  });
});

describe("keep-alive", () => {
  const connectionKeepalive = {
    intervalMs: 10_000,
    timeoutMs: 2000,
    intervalJitterPercent: 20,
    connectionIdleIntervalMs: 0,
  };

  it("asks at an interval with its jitter, again and again while it is answered", () => {
    const peer = new ServerPeer({ connectionKeepalive }).greet();
    for (let i = 0; i < 3; i++) {
      peer.time.advance(10_900);
      peer.turn(() => undefined);
      expect(peer.sent()).toEqual([]);
      peer.time.advance(150);
      peer.turn(() => undefined);
      expect(peer.sent()).toEqual(["PING"]);
      peer.receive(ping("slkeepal", Flag.ack));
    }
    expect(peer.connection.closedBy).toBe("");
  });

  it("cuts a connection that does not answer", () => {
    const peer = new ServerPeer({ connectionKeepalive }).greet();
    peer.receive(headers(1, GET));
    peer.time.advance(11_050);
    peer.receive(ping("otherone", Flag.ack));
    peer.time.advance(2100);
    expect(peer.connection.closedBy).toBe("now");
    expect(peer.stats.keepaliveTimeout.value).toBe(1);
    expect(peer.last.reset).toBe("connection_termination http2.keepalive_timeout");
    expect(peer.time.timers.size).toBe(0);
  });

  it("asks before a stream on a connection that has rested", () => {
    const idle = { ...connectionKeepalive, intervalMs: 0, connectionIdleIntervalMs: 5000 };
    const peer = new ServerPeer({ connectionKeepalive: idle }).greet().answerAll("");
    peer.receive(headers(1, GET));
    peer.time.advance(6000);
    peer.receive(headers(3, GET));
    expect(peer.sent()).toEqual(["HEADERS 1 :status=200 END", "PING", "HEADERS 3 :status=200 END"]);
  });
});

describe("resets", () => {
  it.each([
    ["local_reset", "internalError"],
    ["protocol_error", "protocolError"],
    ["overflow", "refusedStream"],
    ["remote_reset", "internalError"],
    ["connection_termination", "internalError"],
  ] as const)("by the engine for %s are %s", (reason, code) => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, GET));
    peer.turn(() => peer.last.encoder.reset(reason));
    expect(peer.sent()).toEqual([`RST 1 ${code}`]);
    expect(peer.last.isReset).toBe(false);
    expect(peer.stats.txReset.value).toBe(1);
    peer.turn(() => peer.last.encoder.sendHeaders(response(200), true));
    expect(peer.sent()).toEqual([]);
  });

  it("of a request that was answered never promise that nothing was done", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, GET));
    peer.turn(() => {
      peer.last.encoder.sendHeaders(response(200), false);
      peer.last.encoder.reset("overflow");
    });
    expect(peer.sent()).toEqual(["HEADERS 1 :status=200", "RST 1 internalError"]);
  });

  it("of a tunnel are CONNECT_ERROR", () => {
    const peer = new ServerPeer().greet();
    peer.receive(
      headers(
        1,
        [
          [":method", "CONNECT"],
          [":authority", "a:1"],
        ],
        false,
      ),
    );
    peer.turn(() => peer.last.encoder.reset("connection_failure"));
    expect(peer.sent()).toEqual(["RST 1 connectError"]);
  });

  it("by the client are told, once", () => {
    const peer = new ServerPeer().greet();
    peer.receive(headers(1, POST, false), rst(1, 8), rst(1, 8));
    expect(peer.last.reset).toBe("remote_reset http2.remote_reset");
    expect(peer.stats.rxReset.value).toBe(1);
    expect(peer.codec.activeStreams).toBe(0);
  });

  it("by the client behind a whole response are no failure", () => {
    const peer = new ServerPeer().greet().answerAll("");
    peer.receive(headers(1, GET), rst(1, 8));
    expect(peer.last.flushed).toBe(1);
    expect(peer.last.isReset).toBe(false);
  });
});

it("a client's GOAWAY ends nothing by itself", () => {
  const peer = new ServerPeer().greet().answerAll("");
  peer.receive(headers(1, GET), goaway(0, 0), headers(3, GET));
  expect(peer.sent()).toEqual(["HEADERS 1 :status=200 END", "HEADERS 3 :status=200 END"]);
});

describe("a mistake of our own", () => {
  it("in a flush, for which no socket's turn stands, costs its connection", async () => {
    const peer = new ServerPeer().greet();
    peer.connection.write = () => {
      throw new Error("broken");
    };
    expect(() => peer.receive(headers(1, GET), ping())).toThrow("broken");
    expect(peer.connection.closedBy).toBe("abort");
    await Promise.resolve();
    expect(peer.requests[0]!.isReset).toBe(true);
    expect(peer.codec.activeStreams).toBe(0);
  });
});
