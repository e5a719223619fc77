import { describe, expect, it, test } from "vitest";
import { OK as OK2, headers, settings } from "../../http/codec/h2/scripted-wire.ts";
import { scriptedPool } from "./scripted-pool.ts";

const OK1 = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const SERVED = ["ready 10.0.0.1:80", "headers 200 end"];

const setup = (more: Parameters<typeof scriptedPool>[1] = {}) => scriptedPool("auto", more);

describe("a host whose protocol the handshake tells", () => {
  it("gets one connection from a burst of a hundred, which is enough where it speaks HTTP/2", () => {
    const { servers, send, count } = setup();
    const streams = Array.from({ length: 100 }, () => send());
    expect(servers.attempts).toHaveLength(1);
    servers.greet(servers.accept("h2"));
    expect(servers.attempts).toHaveLength(0);
    expect(servers.requests(0)).toHaveLength(100);
    expect(streams.every(({ recorder }) => recorder.events.length === 1)).toBe(true);
    expect([count("upstream_cx_http2_total"), count("upstream_cx_http1_total")]).toEqual([1, 0]);
  });

  it("gets one for each of them as soon as it is known to speak HTTP/1", () => {
    const { servers, send, count } = setup();
    const streams = Array.from({ length: 100 }, () => send());
    servers.accept("http/1.1");
    expect(servers.attempts).toHaveLength(99);
    while (servers.attempts.length !== 0) servers.accept("http/1.1");
    for (const connection of servers.connections) connection.receive(OK1);
    expect(streams.map(({ recorder }) => recorder.events)).toEqual(streams.map(() => SERVED));
    expect(count("upstream_cx_http2_total")).toBe(0);
  });

  test.each(["", "http/1.1", "spdy/3", null])("speaks HTTP/1 where it chooses %j", (alpn) => {
    const { servers, send } = setup();
    send();
    servers.accept(alpn);
    expect(servers.connections[0]!.text).toContain("GET / HTTP/1.1");
  });

  it("opens as many as a limit of streams needs, once it is known", () => {
    const { servers, send } = setup();
    Array.from({ length: 10 }, () => send());
    servers.greet(servers.accept("h2"), 3);
    // Seven are left, three to a connection.
    expect(servers.attempts).toHaveLength(3);
  });

  it("tells all who wait for the one that finds out when it fails", () => {
    const { servers, send, value } = setup();
    const streams = Array.from({ length: 3 }, () => send());
    servers.fail();
    for (const { recorder } of streams) expect(recorder.events).toEqual(["reset connection_failure ECONNREFUSED"]);
    expect([value("upstream_cx_active"), value("upstream_rq_pending_active")]).toEqual([0, 0]);
  });
});

describe("what was learned", () => {
  it("decides how many connections the next burst opens", () => {
    const { servers, send } = setup();
    send();
    const first = servers.accept("http/1.1");
    first.receive(OK1);
    first.receiveEnd();
    Array.from({ length: 5 }, () => send());
    expect(servers.attempts).toHaveLength(5);
  });

  it("is forgotten when nobody has spoken to the host for five minutes", () => {
    const { servers, send, time, host } = setup();
    send();
    const first = servers.accept("http/1.1");
    first.receive(OK1);
    first.receiveEnd();
    expect(host.speaks("http1").value).toBe(1);
    time.advance(5 * 60_000 + 1);
    Array.from({ length: 5 }, () => send());
    expect(servers.attempts).toHaveLength(1);
    expect(host.speaks("http1").value).toBe(0);
  });

  it("does not bind: a host that spoke HTTP/1 comes back with HTTP/2", () => {
    const { servers, send, host } = setup();
    send();
    const old = servers.accept("http/1.1");
    old.receive(OK1);
    old.receiveEnd();
    const streams = [send(), send(), send()];
    expect(servers.attempts).toHaveLength(3);
    const fresh = servers.greet(servers.accept("h2"));
    expect(servers.requests(1)).toEqual([1, 3, 5]);
    // Those that were on their way already are welcome, and rest.
    servers.greet(servers.accept("h2"));
    servers.greet(servers.accept("h2"));
    fresh.receive(Buffer.concat([1, 3, 5].map((id) => headers(id, OK2))));
    expect(streams.map(({ recorder }) => recorder.events)).toEqual(streams.map(() => SERVED));
    expect([host.speaks("http1").value, host.speaks("http2").value]).toEqual([0, 1]);
  });

  it("does not bind: a host that spoke HTTP/2 comes back with HTTP/1, and nobody is forgotten", () => {
    const { servers, send, host } = setup();
    send();
    const old = servers.greet(servers.accept("h2"));
    old.receive(headers(1, OK2));
    old.receiveClose("");
    const streams = Array.from({ length: 4 }, () => send());
    expect(servers.attempts).toHaveLength(1);
    const fresh = servers.accept("");
    expect(servers.attempts).toHaveLength(3);
    for (let i = 0; i < 4; i++) fresh.receive(OK1);
    expect(streams.map(({ recorder }) => recorder.events)).toEqual(streams.map(() => SERVED));
    expect([host.speaks("http1").value, host.speaks("http2").value]).toEqual([1, 0]);
  });

  it("does not bind: both at once, while old connections last", () => {
    const { servers, send } = setup();
    send();
    const old = servers.greet(servers.accept("h2"), 1);
    const second = send();
    const fresh = servers.accept("http/1.1");
    fresh.receive(OK1);
    expect(second.recorder.events).toEqual(SERVED);
    old.receive(headers(1, OK2));
    const [third, fourth] = [send(), send()];
    expect(servers.attempts).toHaveLength(0);
    old.receive(headers(3, OK2));
    fresh.receive(OK1);
    for (const { recorder } of [third, fourth]) expect(recorder.events).toEqual(SERVED);
  });

  it("ends with the pool", () => {
    const { servers, send, pool, host } = setup();
    send();
    servers.accept("h2").receive(settings());
    expect(host.speaks("http2").value).toBe(1);
    pool.drain();
    expect(host.speaks("http2").value + 0).toBe(0);
  });
});

describe("connections in advance", () => {
  it("are opened for each stream at that ratio, and at most three at a time", () => {
    const { servers, send, count } = scriptedPool("http1", { preconnectRatio: 1.5 });
    send();
    expect(servers.attempts).toHaveLength(2);
    send();
    expect(servers.attempts).toHaveLength(3);
    for (let i = 0; i < 3; i++) servers.accept();
    expect(count("upstream_cx_total")).toBe(3);
    // A stream that finds the spare connection has another one opened.
    send();
    expect(servers.attempts).toHaveLength(2);
  });

  it("are none where one HTTP/2 connection has room", () => {
    const { servers, send } = scriptedPool("http2", { preconnectRatio: 3 });
    send();
    servers.greet();
    for (let i = 0; i < 20; i++) send();
    expect(servers.attempts).toHaveLength(0);
  });

  it("do not go beyond the limit of connections", () => {
    const { servers, send } = scriptedPool("http1", { preconnectRatio: 3, maxConnections: 2 });
    send();
    expect(servers.attempts).toHaveLength(2);
  });

  it("are made for a stream that is foreseen, unless there is room for it", () => {
    const { servers, pool } = scriptedPool("http1");
    expect([pool.connectAhead(1.5), pool.connectAhead(1.5), pool.connectAhead(1.5)]).toEqual([true, true, false]);
    expect(servers.attempts).toHaveLength(2);
  });
});

describe("max_stream_duration", () => {
  it("ends a stream that takes longer, counted from its connection, and no other", () => {
    const { servers, send, time, turn, count } = scriptedPool("http2", { maxStreamMs: 1000 });
    const { recorder } = send();
    time.advance(5000);
    const server = servers.greet();
    server.receive(headers(1, OK2, false));
    const quick = send();
    server.receive(headers(3, OK2));
    turn(() => time.advance(1100));
    expect(recorder.events).toEqual(["ready 10.0.0.1:80", "headers 200", "reset max_duration"]);
    expect(quick.recorder.events).toEqual(SERVED);
    expect(servers.words(0).at(-1)).toBe("RST 1 cancel");
    expect(count("upstream_rq_max_duration_reached")).toBe(1);
    expect(time.timers.size).toBe(1);
  });
});
