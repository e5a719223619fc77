import { describe, expect, it, test } from "vitest";
import { OK, goaway, headers, rst, settings } from "../../http/codec/h2/scripted-wire.ts";
import { HeaderMap, field } from "../../http/headers/header-map.ts";
import { scriptedPool } from "./scripted-pool.ts";

const REFUSED_STREAM = 7;
const READY = "ready 10.0.0.1:80";
const REFUSED = "reset remote_reset http2.remote_refuse";
const SERVED = [READY, "headers 200 end"];

const setup = () => scriptedPool("http2");

describe("a stream that its server refuses (REFUSED_STREAM)", () => {
  it("goes to another connection, never to the same one again", () => {
    const { servers, send } = setup();
    const [first, second] = [send(), send()];
    const crowded = servers.greet();
    expect(servers.requests(0)).toEqual([1, 3]);
    crowded.receive(rst(3, REFUSED_STREAM));
    expect(servers.attempts).toHaveLength(1);
    crowded.receive(headers(1, OK));
    expect([first.recorder.events, servers.requests(0)]).toEqual([SERVED, []]);
    const other = servers.greet();
    expect(servers.requests(1)).toEqual([1]);
    other.receive(headers(1, OK));
    expect(second.recorder.events).toEqual(SERVED);
  });

  it("takes a place that another connection has at once", () => {
    const { servers, send } = setup();
    const first = send();
    servers.greet(undefined, 1);
    send();
    servers.greet(undefined, 2);
    expect([servers.requests(0), servers.requests(1)]).toEqual([[1], [1]]);
    servers.connections[0]!.receive(rst(1, REFUSED_STREAM));
    expect([servers.requests(1), servers.attempts.length]).toEqual([[3], 0]);
    servers.connections[1]!.receive(headers(3, OK));
    expect(first.recorder.last).toBe("headers 200 end");
  });

  it("shows how many its connection takes: others wait their turn there", () => {
    const { servers, send } = setup();
    const streams = Array.from({ length: 4 }, () => send());
    const crowded = servers.greet();
    crowded.receive(rst(7, REFUSED_STREAM));
    const late = send();
    expect(servers.requests(0)).toEqual([1, 3, 5, 7]);
    crowded.receive(headers(1, OK));
    expect([servers.requests(0), late.recorder.last]).toEqual([[9], READY]);
    expect(streams[3]!.recorder.events).toEqual([READY]);
  });

  it("waits its turn there after all where no other connection comes to be", () => {
    const { servers, send, value } = setup();
    const streams = Array.from({ length: 3 }, () => send());
    const crowded = servers.greet();
    servers.requests(0);
    crowded.receive(rst(5, REFUSED_STREAM));
    servers.fail();
    expect([streams[2]!.recorder.last, servers.requests(0)]).toEqual([READY, []]);
    crowded.receive(headers(1, OK));
    expect(servers.requests(0)).toEqual([7]);
    crowded.receive(headers(7, OK));
    expect(streams[2]!.recorder.events).toEqual(SERVED);
    expect(value("upstream_rq_pending_active")).toBe(0);
  });

  it("is given up after three more servers", () => {
    const { servers, send, count, value } = setup();
    const { recorder } = send();
    for (let i = 0; i < 4; i++) servers.greet().receive(rst(1, REFUSED_STREAM));
    expect(recorder.events).toEqual([READY, REFUSED]);
    expect([count("upstream_rq_sent_again"), count("upstream_rq_rx_reset")]).toEqual([3, 1]);
    expect([value("upstream_rq_active"), value("upstream_rq_pending_active")]).toEqual([0, 0]);
  });

  it("is not sent again once anything of a response has come, or after another kind of reset", () => {
    const { servers, send } = setup();
    const [hinted, answered, cancelled] = [send(), send(), send()];
    const server = servers.greet();
    server.receive(headers(1, [[":status", "103"]], false));
    server.receive(rst(1, REFUSED_STREAM));
    server.receive(headers(3, OK, false));
    server.receive(rst(3, REFUSED_STREAM));
    server.receive(rst(5, 8));
    expect(hinted.recorder.events).toEqual([READY, "1xx 103", REFUSED]);
    expect(answered.recorder.events).toEqual([READY, "headers 200", REFUSED]);
    expect(cancelled.recorder.events).toEqual([READY, "reset remote_reset http2.remote_reset"]);
  });
});

describe("what is sent again", () => {
  it("is the whole request: headers, body, trailers", () => {
    const { servers, send, turn } = setup();
    const { recorder, stream } = send(false);
    const server = servers.greet();
    turn(() => {
      const bytes = Buffer.from("hello ");
      stream.sendData(bytes, false);
      stream.sendData(Buffer.from("world"), false);
      stream.sendTrailers(new HeaderMap([field("x-sum", "1")]));
      bytes.fill(0);
    });
    const before = servers.words(0).filter((word) => /^(HEADERS|DATA)/.test(word));
    server.receive(rst(1, REFUSED_STREAM));
    servers.greet();
    const after = servers.words(1).filter((word) => /^(HEADERS|DATA)/.test(word));
    expect(before.map(squeeze)).toEqual(after.map(squeeze));
    expect(after.at(-1)).toBe("HEADERS 1 x-sum=1 END");
    servers.connections[1]!.receive(headers(1, OK));
    expect(recorder.events).toEqual(SERVED);
  });

  it("goes on where its owner goes on: a body that is not complete yet", () => {
    const { servers, send, turn } = setup();
    const { recorder, stream } = send(false);
    const server = servers.greet();
    turn(() => stream.sendData(Buffer.from("one"), false));
    server.receive(rst(1, REFUSED_STREAM));
    turn(() => stream.sendData(Buffer.from("two"), false));
    expect(recorder.last).toBe("high");
    servers.greet();
    turn(() => stream.sendData(Buffer.from("three"), true));
    const data = servers.words(1).filter((word) => word.startsWith("DATA"));
    expect(bytesOf(data)).toBe(11);
    expect(data.at(-1)).toMatch(/END$/);
    expect(recorder.events).toEqual([READY, "high", "low"]);
  });

  test.each([
    [16 * 1024, true],
    [16 * 1024 + 1, false],
  ])("a body of %i bytes: %s", (length, isSentAgain) => {
    const { servers, send, turn } = setup();
    const { recorder, stream } = send(false);
    const server = servers.greet();
    turn(() => stream.sendData(Buffer.alloc(length), true));
    server.receive(rst(1, REFUSED_STREAM));
    expect(recorder.last).toBe(isSentAgain ? READY : REFUSED);
    if (!isSentAgain) return;
    servers.greet();
    expect(bytesOf(servers.words(1).filter((word) => word.startsWith("DATA")))).toBe(length);
  });

  it("does not wait for a host that is gone: its owner is told when three more attempts fail", () => {
    const { servers, send } = setup();
    const { recorder } = send();
    servers.greet().receive(goaway(0, 0));
    for (let i = 0; i < 3; i++) {
      expect(recorder.last).toBe(READY);
      servers.fail();
    }
    expect(recorder.events).toEqual([READY, "reset connection_failure ECONNREFUSED"]);
  });

  it("is forgotten when its owner gives up meanwhile", () => {
    const { servers, send, value } = setup();
    const { stream, recorder } = send();
    servers.greet().receive(rst(1, REFUSED_STREAM));
    stream.reset();
    servers.greet();
    expect([servers.requests(1), recorder.events]).toEqual([[], [READY]]);
    expect(value("upstream_rq_pending_active")).toBe(0);
  });

  it("stays paused", () => {
    const { servers, send } = setup();
    const { stream, recorder } = send();
    const server = servers.greet();
    stream.pause();
    server.receive(rst(1, REFUSED_STREAM));
    const other = servers.greet();
    other.receive(headers(1, OK, false));
    other.receive(Buffer.concat([Buffer.from([0, 0, 2, 0, 1, 0, 0, 0, 1]), Buffer.from("ok")]));
    expect(recorder.events).toEqual([READY, "headers 200"]);
    stream.unpause();
  });
});

describe("GOAWAY", () => {
  it("before the server's settings: who waits goes elsewhere", async () => {
    const { servers, send } = setup();
    const { recorder } = send();
    const server = servers.accept();
    server.receive(Buffer.concat([settings(), goaway(0, 0)]));
    expect(servers.attempts).toHaveLength(1);
    servers.greet().receive(headers(1, OK));
    expect(recorder.events).toEqual(SERVED);
  });

  it("of a server that is idle: its connection closes, the next request opens one", () => {
    const { servers, send } = setup();
    send();
    const server = servers.greet();
    server.receive(headers(1, OK));
    server.receive(goaway(1, 0));
    expect([server.closedBy, servers.attempts.length]).toEqual(["flush", 0]);
    send();
    servers.greet();
    expect(servers.requests(1)).toEqual([1]);
  });

  it("in two steps: the warning stops new streams, the end tells which were not served", () => {
    const { servers, send, count } = setup();
    const served = send();
    const server = servers.greet();
    const unserved = send();
    server.receive(goaway(2 ** 31 - 1, 0));
    const late = send();
    expect([servers.requests(0), servers.attempts.length]).toEqual([[1, 3], 1]);
    server.receive(goaway(1, 0));
    servers.greet();
    expect(servers.requests(1)).toEqual([1, 3]);
    server.receive(headers(1, OK));
    servers.connections[1]!.receive(Buffer.concat([headers(1, OK), headers(3, OK)]));
    for (const { recorder } of [served, unserved, late]) expect(recorder.events).toEqual(SERVED);
    expect(count("upstream_cx_close_notify")).toBe(1);
  });

  it("with the end of the connection right behind it: only what may have been served is lost", () => {
    const { servers, send } = setup();
    const [lost, unserved] = [send(), send()];
    const server = servers.greet();
    server.receive(goaway(1, 0));
    server.receiveClose("ECONNRESET");
    servers.greet().receive(headers(1, OK));
    expect(lost.recorder.events).toEqual([READY, "reset connection_termination ECONNRESET"]);
    expect(unserved.recorder.events).toEqual(SERVED);
  });

  it("with an error: what is beyond it is sent again all the same", () => {
    const { servers, send } = setup();
    const { recorder } = send();
    servers.greet().receive(goaway(0, 11));
    servers.greet().receive(headers(1, OK));
    expect(recorder.events).toEqual(SERVED);
  });

  it("while a body is on its way", () => {
    const { servers, send, turn } = setup();
    const { recorder, stream } = send(false);
    const server = servers.greet();
    turn(() => stream.sendData(Buffer.from("half "), false));
    server.receive(goaway(0, 0));
    servers.greet();
    turn(() => stream.sendData(Buffer.from("whole"), true));
    expect(bytesOf(servers.words(1).filter((word) => word.startsWith("DATA")))).toBe(10);
    servers.connections[1]!.receive(headers(1, OK));
    expect(recorder.last).toBe("headers 200 end");
  });
});

/** Without what depends on the compression table's state. */
function squeeze(word: string): string {
  return word.replace(/^(\w+) \d+/, "$1");
}

function bytesOf(words: readonly string[]): number {
  return words.reduce((sum, word) => sum + Number(word.split(" ")[2]), 0);
}
