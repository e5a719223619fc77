import type { OpenFailure } from "@sluice/sdk";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RequestHeaderMap } from "../../http/headers/header-map.ts";
import type { ThresholdsModel } from "../../config/retry-model.ts";
import type { PoolSettings } from "./host-pool.ts";
import { type ScriptedStream, StreamRecorder, scriptedPool } from "./scripted-pool.ts";

const setup = (more: Partial<PoolSettings & ThresholdsModel> = {}) =>
  scriptedPool("http1", { maxPendingRequests: 4, ...more });

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

describe("a pool of HTTP/1 connections", () => {
  it("opens a connection for the first request and uses it again for the next", () => {
    const { servers, send } = setup();
    const first = send();
    expect(first.recorder.events).toEqual([]);
    const connection = servers.accept();
    expect(connection.takeText()).toContain("GET / HTTP/1.1\r\nhost: a.test\r\n");
    connection.receive(OK);
    expect(first.recorder.events).toEqual(["ready 10.0.0.1:80", "headers 200", "end"]);
    expect(first.recorder.body).toBe("ok");
    const second = send();
    expect(servers.attempts).toHaveLength(0);
    connection.receive(OK);
    expect(second.recorder.events).toEqual(["ready 10.0.0.1:80", "headers 200", "end"]);
  });

  it("keeps a body that is sent before the connection stands, pressing back at once, and sends it after the head", () => {
    const { servers, open, flushQueue } = setup();
    const { recorder, stream } = open();
    stream.sendHeaders(new RequestHeaderMap("POST", "/", "a.test", "http"), false);
    const bytes = Buffer.from("first ");
    stream.sendData(bytes, false);
    bytes.fill(0);
    expect(recorder.events).toEqual(["high"]);
    const connection = servers.accept();
    flushQueue.enter();
    stream.sendData(Buffer.from("second"), true);
    flushQueue.leave();
    expect(recorder.events).toEqual(["high", "ready 10.0.0.1:80", "low"]);
    expect(connection.text).toContain("first ");
    expect(connection.text.indexOf("POST /")).toBeLessThan(connection.text.indexOf("first "));
    expect(connection.text).toContain("second");
  });

  it("lets the one that waits longest have the connection that is free first", () => {
    const { servers, send } = setup();
    const a = send();
    const b = send();
    expect(servers.attempts).toHaveLength(2);
    const connection = servers.accept();
    connection.receive(OK);
    expect(a.recorder.events.at(-1)).toBe("end");
    connection.receive(OK);
    expect(b.recorder.events.at(-1)).toBe("end");
    // The second attempt is welcome all the same.
    servers.accept();
    send();
    send();
    expect(servers.attempts).toHaveLength(0);
  });

  it("tells a stream whose connection is refused or times out", () => {
    const { servers, send } = setup();
    const a = send();
    servers.fail();
    expect(a.recorder.events).toEqual(["reset connection_failure ECONNREFUSED"]);
    const b = send();
    servers.fail("connection_timeout");
    expect(b.recorder.events).toEqual(["reset connection_timeout ECONNREFUSED"]);
  });

  it("refuses more waiting streams than it may hold", () => {
    const { pool, send } = setup();
    for (let i = 0; i < 4; i++) send();
    expect(pool.openStream(new StreamRecorder())).toBe("overflow" satisfies OpenFailure);
  });

  it("lets streams wait at the limit of connections, and goes on when one is free or gone", () => {
    const { servers, send } = setup({ maxConnections: 1 });
    const a = send();
    const b = send();
    const c = send();
    expect(servers.attempts).toHaveLength(1);
    const connection = servers.accept();
    connection.receive(OK);
    expect(a.recorder.events.at(-1)).toBe("end");
    connection.receive("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    expect(b.recorder.events.at(-1)).toBe("headers 200 end");
    return Promise.resolve().then(() => {
      expect(servers.attempts).toHaveLength(1);
      servers.accept().receive(OK);
      expect(c.recorder.events.at(-1)).toBe("end");
    });
  });

  it("forgets a stream that gives up before it has a connection", () => {
    const { servers, send } = setup();
    const a = send();
    a.stream.reset();
    const connection = servers.accept();
    expect(connection.text).toBe("");
    expect(a.recorder.events).toEqual([]);
    const b = send();
    connection.receive(OK);
    expect(b.recorder.events.at(-1)).toBe("end");
  });

  it("does not use a connection again that the server closes, that was half used, or on which something odd was seen", () => {
    const { servers, send } = setup();
    send();
    servers.accept().receive("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    expect(servers.connections[0]!.closed).toBe(true);

    send().stream.reset();
    servers.accept();
    const aborted = send();
    aborted.stream.reset();
    expect(servers.connections[1]!.closed).toBe(true);

    send();
    servers.accept().receive(`${OK}HTTP/1.1 200 OK\r\n`);
    expect(servers.connections[2]!.closed).toBe(true);
  });

  it("notices at once when an idle connection is closed by the server", () => {
    const { servers, send } = setup();
    send();
    const connection = servers.accept();
    connection.receive(OK);
    connection.receiveEnd();
    expect(connection.closed).toBe(true);
    const next = send();
    expect(servers.attempts).toHaveLength(1);
    servers.accept().receive(OK);
    expect(next.recorder.events.at(-1)).toBe("end");
  });

  it("reports a connection that dies before the response", () => {
    const { servers, send } = setup();
    const a = send();
    servers.accept().receiveClose("ECONNRESET");
    expect(a.recorder.events[1]).toMatch(/^reset connection_termination/);
  });

  it("closes a connection after its greatest number of requests, its age, its idle time", () => {
    const few = setup({ maxRequests: 1 });
    few.send();
    few.servers.accept().receive(OK);
    expect(few.servers.connections[0]!.closed).toBe(true);

    const old = setup({ maxAgeMs: 1000 });
    old.send();
    const aged = old.servers.accept();
    old.time.advance(1001);
    aged.receive(OK);
    expect(aged.closed).toBe(true);

    const idle = setup();
    idle.send();
    const unused = idle.servers.accept();
    unused.receive(OK);
    idle.time.advance(59_000);
    expect(unused.closed).toBe(false);
    idle.time.advance(2000);
    expect(unused.closed).toBe(true);
  });

  it("drains: idle connections close now, busy ones after their response, and then it is empty", async () => {
    const { pool, servers, send } = setup();
    send();
    const idle = servers.accept();
    idle.receive(OK);
    const a = send();
    send();
    const busy = servers.accept();
    let empty = 0;
    pool.onEmpty = () => void empty++;
    pool.drain();
    expect(busy.closed).toBe(false);
    busy.receive(OK);
    expect(busy.closed).toBe(true);
    idle.receive(OK);
    expect(a.recorder.events.at(-1)).toBe("end");
    await Promise.resolve();
    expect(empty).toBe(1);
  });

  it.each([10, 70, 160, 240, 299])(
    "serves those who still wait once and in order when the first %i of 300 gave up",
    (gaveUp) => {
      const { servers, send } = setup({ maxPendingRequests: 1000 });
      const streams = Array.from({ length: 300 }, () => send());
      for (const { stream } of streams.slice(0, gaveUp)) stream.reset();
      const connection = servers.accept();
      for (let next = gaveUp; next < 300; next++) {
        expect(streams.slice(gaveUp).map(({ recorder }) => recorder.events.length)).toEqual(
          streams.slice(gaveUp).map((_, i) => (gaveUp + i < next ? 3 : gaveUp + i === next ? 1 : 0)),
        );
        connection.receive(OK);
      }
      expect(streams.slice(0, gaveUp).every(({ recorder }) => recorder.events.length === 0)).toBe(true);
    },
  );

  it("gives every stream at most one connection, whoever gives up meanwhile", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom("send", "reset", "succeed", "fail", "answer"), fc.nat()), {
          minLength: 200,
          maxLength: 600,
        }),
        (steps) => {
          const { servers, send, value } = setup({ maxPendingRequests: 1000 });
          const streams: ScriptedStream[] = [];
          for (const [step, at] of steps) {
            if (step === "send") for (let i = 0; i < 20; i++) streams.push(send());
            else if (step === "reset")
              for (let i = 0; i < 15; i++) streams[(at + i) % (streams.length || 1)]?.stream.reset();
            else if (step === "succeed" && servers.attempts.length !== 0) servers.accept();
            else if (step === "fail" && servers.attempts.length !== 0) servers.fail();
            else if (step === "answer")
              for (const connection of servers.connections) if (!connection.closed) connection.receive(OK);
          }
          for (const { recorder } of streams)
            expect(recorder.events.filter((event) => event.startsWith("ready")).length).toBeLessThanOrEqual(1);
          expect(value("upstream_rq_pending_active")).toBeGreaterThanOrEqual(0);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("keeps counting right whatever happens", async () => {
    const { servers, send, value } = setup({ maxPendingRequests: 100 });
    for (let i = 0; i < 20; i++) send();
    for (let i = 0; i < 5; i++) servers.fail();
    const connections = Array.from({ length: 15 }, () => servers.accept());
    for (const [i, connection] of connections.entries()) {
      if (i % 3 === 0) connection.receive(OK);
      else if (i % 3 === 1) connection.receiveClose("ECONNRESET");
      else connection.receive("garbage\r\n\r\n");
    }
    for (const connection of connections) if (!connection.closed) connection.receiveClose("");
    await Promise.resolve();
    for (const gauge of ["upstream_cx_active", "upstream_rq_active", "upstream_rq_pending_active"]) {
      expect([gauge, value(gauge)]).toEqual([gauge, 0]);
    }
  });
});
