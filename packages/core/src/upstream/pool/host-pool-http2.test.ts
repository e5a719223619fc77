import { describe, expect, it } from "vitest";
import { OK, goaway, headers, settings } from "../../http/codec/h2/scripted-wire.ts";
import type { ThresholdsModel } from "../../config/retry-model.ts";
import type { PoolSettings } from "./host-pool.ts";
import { StreamRecorder, scriptedPool } from "./scripted-pool.ts";

const MAX_STREAMS = 3;

const setup = (more: Partial<PoolSettings & ThresholdsModel> = {}) =>
  scriptedPool("http2", { maxPendingRequests: 8, ...more });

describe("a pool of HTTP/2 connections", () => {
  it("keeps a burst until the one connection's server has said what it takes, then serves in order", () => {
    const { servers, send } = setup();
    const sent = [send(), send(), send()];
    expect(servers.attempts).toHaveLength(1);
    const connection = servers.accept();
    expect(servers.requests(0)).toEqual([]);
    servers.greet(connection, MAX_STREAMS);
    expect(servers.requests(0)).toEqual([1, 3, 5]);
    connection.receive(headers(3, OK));
    expect(sent.map(({ recorder }) => recorder.events.at(-1))).toEqual([
      "ready 10.0.0.1:80",
      "headers 200 end",
      "ready 10.0.0.1:80",
    ]);
  });

  it("opens another connection for those who find no place, and gives them the place that is free first", () => {
    const { servers, send } = setup();
    const sent = Array.from({ length: MAX_STREAMS + 2 }, () => send());
    const first = servers.greet(undefined, MAX_STREAMS);
    expect(servers.requests(0)).toEqual([1, 3, 5]);
    expect(servers.attempts).toHaveLength(1);
    first.receive(headers(1, OK));
    expect(servers.requests(0)).toEqual([7]);
    servers.greet(undefined, MAX_STREAMS);
    expect(servers.requests(1)).toEqual([1]);
    expect(sent.every(({ recorder }) => recorder.events[0] === "ready 10.0.0.1:80")).toBe(true);
  });

  it("takes requests beyond a GOAWAY to another connection, and closes the old one after its last", () => {
    const { servers, send } = setup();
    const sent = [send(), send(), send()];
    const old = servers.greet(undefined, MAX_STREAMS);
    old.receive(goaway(1, 0));
    servers.greet(undefined, MAX_STREAMS);
    expect(servers.requests(1)).toEqual([1, 3]);
    expect(old.closedBy).toBe("");
    old.receive(headers(1, OK));
    expect(old.closedBy).toBe("flush");
    servers.connections[1]!.receive(Buffer.concat([headers(1, OK), headers(3, OK)]));
    expect(sent.map(({ recorder }) => recorder.events)).toEqual(
      sent.map(() => ["ready 10.0.0.1:80", "headers 200 end"]),
    );
  });

  it("tells all who wait when the connection fails, or its server ends without a word of HTTP/2", () => {
    const { servers, send, value } = setup();
    const refused = [send(), send()];
    servers.fail();
    const mute = [send(), send()];
    servers.accept().receiveClose("ECONNRESET");
    expect(refused.map(({ recorder }) => recorder.events)).toEqual(
      refused.map(() => ["reset connection_failure ECONNREFUSED"]),
    );
    expect(mute.map(({ recorder }) => recorder.events)).toEqual(
      mute.map(() => ["reset connection_failure ECONNRESET"]),
    );
    for (const gauge of ["upstream_cx_active", "upstream_rq_active", "upstream_rq_pending_active"])
      expect([gauge, value(gauge)]).toEqual([gauge, 0]);
  });

  it("refuses more than may wait, and forgets who gives up", () => {
    const { pool, servers, send } = setup();
    const sent = Array.from({ length: 8 }, () => send());
    expect(pool.openStream(new StreamRecorder())).toBe("overflow");
    for (const { stream } of sent.slice(0, 7)) stream.reset();
    servers.greet(undefined, MAX_STREAMS);
    expect(servers.requests(0)).toEqual([1]);
    expect(sent[7]!.recorder.events).toEqual(["ready 10.0.0.1:80"]);
  });

  it("drains: an idle connection takes its leave now, one with streams after them, and then the pool is empty", () => {
    const { pool, servers, send } = setup();
    send();
    const connection = servers.greet(undefined, MAX_STREAMS);
    let empty = 0;
    pool.onEmpty = () => void empty++;
    pool.drain();
    expect(connection.closedBy).toBe("");
    connection.receive(headers(1, OK));
    expect(connection.closedBy).toBe("flush");
    connection.receiveClose("");
    expect(empty).toBe(1);
  });

  it("closes a connection that rests, and one that is old after its last stream", () => {
    const { time, servers, send } = setup({ maxAgeMs: 100_000 });
    send();
    const connection = servers.greet(undefined, MAX_STREAMS);
    connection.receive(headers(1, OK));
    time.advance(59_000);
    expect(connection.closedBy).toBe("");
    time.advance(2000);
    expect(connection.closedBy).toBe("flush");
    send();
    const old = servers.greet(undefined, MAX_STREAMS);
    time.advance(101_000);
    expect(old.closedBy).toBe("");
    old.receive(headers(1, OK));
    expect(old.closedBy).toBe("flush");
  });
});

describe("a server that takes no streams", () => {
  it("because it drains is asked a few times, not for ever; later requests are told at once", () => {
    const { servers, send, count } = scriptedPool("http2");
    const { recorder } = send();
    const drains = () => servers.accept().receive(Buffer.concat([settings(), goaway(0, 0)]));
    while (servers.attempts.length !== 0 && servers.connections.length < 50) drains();
    expect(servers.connections).toHaveLength(4);
    expect(recorder.events).toEqual(["reset connection_failure http2.goaway_before_streams"]);
    const next = send();
    drains();
    expect([next.recorder.last, servers.attempts.length]).toEqual([recorder.last, 0]);
    const served = send();
    servers.greet().receive(headers(1, OK));
    expect(served.recorder.last).toBe("headers 200 end");
    expect(count("upstream_rq_pending_failure_eject")).toBe(2);
  });

  it("at the moment (SETTINGS_MAX_CONCURRENT_STREAMS 0) is waited for, on the one connection", () => {
    const { servers, send } = scriptedPool("http2");
    const { recorder } = send();
    const server = servers.greet(undefined, 0);
    expect(servers.attempts).toHaveLength(0);
    server.receive(settings([3, 2]));
    expect(servers.requests(0)).toEqual([1]);
    send();
    expect([servers.requests(0), servers.attempts.length]).toEqual([[3], 0]);
    server.receive(headers(1, OK));
    expect(recorder.last).toBe("headers 200 end");
  });

  it("on a second connection, which it closes, is not asked again and again: who waits gets the next place on the first", () => {
    const { servers, send, value } = scriptedPool("http2");
    send();
    const first = servers.greet(undefined, 1);
    const waiting = send();
    servers.requests(0);
    servers.accept().receiveClose("ECONNRESET");
    expect([servers.attempts.length, value("upstream_rq_pending_active")]).toEqual([0, 1]);
    first.receive(headers(1, OK));
    expect([servers.requests(0), waiting.recorder.last]).toEqual([[3], "ready 10.0.0.1:80"]);
  });
});
