import type {
  Headers,
  OpenFailure,
  ResetReason,
  ResponseHeaders,
  UpstreamHost,
  UpstreamStream,
  UpstreamStreamEvents,
} from "@sluice/sdk";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RequestHeaderMap } from "../../http/headers/header-map.ts";
import type { Connection } from "../../network/connection.ts";
import { FlushQueue } from "../../network/flush-queue.ts";
import { ScriptedConnection } from "../../network/scripted-connection.ts";
import { StatsStore } from "../../stats/stats-store.ts";
import { VirtualTime } from "../../timing/virtual.ts";
import { ClusterStats } from "../cluster-stats.ts";
import type { ConnectEvents, Connecting, Connector } from "../connector.ts";
import { Host } from "../host.ts";
import { Http1Pool, type Http1PoolSettings } from "./http1-pool.ts";

const SETTINGS: Http1PoolSettings = {
  codec: { maxHeadBytes: 60 * 1024, maxHeaders: 100, enableTrailers: false },
  connectTimeoutMs: 5000,
  idleTimeoutMs: 60_000,
  maxAgeMs: 0,
  maxRequests: 0,
  maxPending: 4,
  maxConnections: 1024,
};

/** The test says when a connection stands or fails. */
class ScriptedConnector implements Connector {
  readonly attempts: { events: ConnectEvents; cancelled: boolean }[] = [];
  readonly connections: ScriptedConnection[] = [];
  readonly #flushQueue: FlushQueue;

  constructor(flushQueue: FlushQueue) {
    this.#flushQueue = flushQueue;
  }

  connect(_host: Host, _timeoutMs: number, events: ConnectEvents): Connecting {
    const attempt = { events, cancelled: false };
    this.attempts.push(attempt);
    return { cancel: () => void (attempt.cancelled = true) };
  }

  succeed(): ScriptedConnection {
    const connection = new ScriptedConnection({ flushQueue: this.#flushQueue });
    this.connections.push(connection);
    this.#flushQueue.enter();
    this.attempts.shift()!.events.onConnected(connection as Connection);
    this.#flushQueue.leave();
    return connection;
  }

  fail(reason: "connection_failure" | "connection_timeout" = "connection_failure"): void {
    this.attempts.shift()!.events.onConnectFailed(reason, "ECONNREFUSED");
  }
}

class Recorder implements UpstreamStreamEvents {
  readonly events: string[] = [];
  body = "";

  onUpstreamReady(host: UpstreamHost): void {
    this.events.push(`ready ${host.address}`);
  }
  onUpstreamInformational(headers: ResponseHeaders): void {
    this.events.push(`1xx ${headers.status}`);
  }
  onUpstreamHeaders(headers: ResponseHeaders, end: boolean): void {
    this.events.push(`headers ${headers.status}${end ? " end" : ""}`);
  }
  onUpstreamData(data: Uint8Array, end: boolean): void {
    this.body += Buffer.from(data).toString();
    if (end) this.events.push("end");
  }
  onUpstreamTrailers(_trailers: Headers): void {
    this.events.push("trailers");
  }
  onUpstreamReset(reason: ResetReason, detail: string): void {
    this.events.push(`reset ${reason} ${detail}`.trim());
  }
  onUpstreamWriteHigh(): void {
    this.events.push("high");
  }
  onUpstreamWriteLow(): void {
    this.events.push("low");
  }
}

function setup(settings: Partial<Http1PoolSettings> = {}) {
  const time = new VirtualTime();
  const flushQueue = new FlushQueue();
  const store = new StatsStore({ addSlab() {}, add() {}, remove() {} });
  const scope = store.scope("cluster.c.");
  const host = new Host(
    { address: { kind: "ip", host: "10.0.0.1", port: 80 }, hostname: "", weight: 1, health: "healthy" },
    "c",
    store.scope("#h."),
  );
  const connector = new ScriptedConnector(flushQueue);
  const pool = new Http1Pool(host, connector, { ...SETTINGS, ...settings }, new ClusterStats(scope), {
    clock: time.clock,
    timers: time.timers,
    flushQueue,
  });
  const open = (): { recorder: Recorder; stream: UpstreamStream } => {
    const recorder = new Recorder();
    const stream = pool.openStream(recorder) as UpstreamStream;
    return { recorder, stream };
  };
  const get = (): { recorder: Recorder; stream: UpstreamStream } => {
    const opened = open();
    flushQueue.enter();
    opened.stream.sendHeaders(new RequestHeaderMap("GET", "/", "a.test", "http"), true);
    flushQueue.leave();
    return opened;
  };
  return { time, pool, connector, open, get, flushQueue, value: (name: string) => scope.gauge(name) };
}

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

describe("HTTP/1 pool", () => {
  it("opens a connection for the first request and uses it again for the next", () => {
    const { connector, get } = setup();
    const first = get();
    expect(first.recorder.events).toEqual([]);
    const connection = connector.succeed();
    expect(connection.takeText()).toContain("GET / HTTP/1.1\r\nhost: a.test\r\n");
    connection.receive(OK);
    expect(first.recorder.events).toEqual(["ready 10.0.0.1:80", "headers 200", "end"]);
    expect(first.recorder.body).toBe("ok");
    const second = get();
    expect(connector.attempts).toHaveLength(0);
    connection.receive(OK);
    expect(second.recorder.events).toEqual(["ready 10.0.0.1:80", "headers 200", "end"]);
  });

  it("keeps a body that is sent before the connection stands, pressing back at once, and sends it after the head", () => {
    const { connector, open, flushQueue } = setup();
    const { recorder, stream } = open();
    stream.sendHeaders(new RequestHeaderMap("POST", "/", "a.test", "http"), false);
    const bytes = Buffer.from("first ");
    stream.sendData(bytes, false);
    bytes.fill(0);
    expect(recorder.events).toEqual(["high"]);
    const connection = connector.succeed();
    flushQueue.enter();
    stream.sendData(Buffer.from("second"), true);
    flushQueue.leave();
    expect(recorder.events).toEqual(["high", "ready 10.0.0.1:80", "low"]);
    expect(connection.text).toContain("first ");
    expect(connection.text.indexOf("POST /")).toBeLessThan(connection.text.indexOf("first "));
    expect(connection.text).toContain("second");
  });

  it("lets the one that waits longest have the connection that is free first", () => {
    const { connector, get } = setup();
    const a = get();
    const b = get();
    expect(connector.attempts).toHaveLength(2);
    const connection = connector.succeed();
    connection.receive(OK);
    expect(a.recorder.events.at(-1)).toBe("end");
    connection.receive(OK);
    expect(b.recorder.events.at(-1)).toBe("end");
    // The second attempt is welcome all the same.
    connector.succeed();
    get();
    get();
    expect(connector.attempts).toHaveLength(0);
  });

  it("tells a stream whose connection is refused or times out", () => {
    const { connector, get } = setup();
    const a = get();
    connector.fail();
    expect(a.recorder.events).toEqual(["reset connection_failure ECONNREFUSED"]);
    const b = get();
    connector.fail("connection_timeout");
    expect(b.recorder.events).toEqual(["reset connection_timeout ECONNREFUSED"]);
  });

  it("refuses more waiting streams than it may hold", () => {
    const { pool, get } = setup();
    for (let i = 0; i < 4; i++) get();
    expect(pool.openStream(new Recorder())).toBe("overflow" satisfies OpenFailure);
  });

  it("lets streams wait at the limit of connections, and goes on when one is free or gone", () => {
    const { connector, get } = setup({ maxConnections: 1 });
    const a = get();
    const b = get();
    const c = get();
    expect(connector.attempts).toHaveLength(1);
    const connection = connector.succeed();
    connection.receive(OK);
    expect(a.recorder.events.at(-1)).toBe("end");
    connection.receive("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    expect(b.recorder.events.at(-1)).toBe("headers 200 end");
    return Promise.resolve().then(() => {
      expect(connector.attempts).toHaveLength(1);
      connector.succeed().receive(OK);
      expect(c.recorder.events.at(-1)).toBe("end");
    });
  });

  it("forgets a stream that gives up before it has a connection", () => {
    const { connector, get } = setup();
    const a = get();
    a.stream.reset();
    const connection = connector.succeed();
    expect(connection.text).toBe("");
    expect(a.recorder.events).toEqual([]);
    const b = get();
    connection.receive(OK);
    expect(b.recorder.events.at(-1)).toBe("end");
  });

  it("does not use a connection again that the server closes, that was half used, or on which something odd was seen", () => {
    const { connector, get } = setup();
    get();
    connector.succeed().receive("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    expect(connector.connections[0]!.closed).toBe(true);

    get().stream.reset();
    connector.succeed();
    const aborted = get();
    aborted.stream.reset();
    expect(connector.connections[1]!.closed).toBe(true);

    get();
    connector.succeed().receive(`${OK}HTTP/1.1 200 OK\r\n`);
    expect(connector.connections[2]!.closed).toBe(true);
  });

  it("notices at once when an idle connection is closed by the server", () => {
    const { connector, get } = setup();
    get();
    const connection = connector.succeed();
    connection.receive(OK);
    connection.receiveEnd();
    expect(connection.closed).toBe(true);
    const next = get();
    expect(connector.attempts).toHaveLength(1);
    connector.succeed().receive(OK);
    expect(next.recorder.events.at(-1)).toBe("end");
  });

  it("reports a connection that dies before the response", () => {
    const { connector, get } = setup();
    const a = get();
    connector.succeed().receiveClose("ECONNRESET");
    expect(a.recorder.events[1]).toMatch(/^reset connection_termination/);
  });

  it("closes a connection after its greatest number of requests, its age, its idle time", () => {
    const few = setup({ maxRequests: 1 });
    few.get();
    few.connector.succeed().receive(OK);
    expect(few.connector.connections[0]!.closed).toBe(true);

    const old = setup({ maxAgeMs: 1000 });
    old.get();
    const aged = old.connector.succeed();
    old.time.advance(1001);
    aged.receive(OK);
    expect(aged.closed).toBe(true);

    const idle = setup();
    idle.get();
    const unused = idle.connector.succeed();
    unused.receive(OK);
    idle.time.advance(59_000);
    expect(unused.closed).toBe(false);
    idle.time.advance(2000);
    expect(unused.closed).toBe(true);
  });

  it("drains: idle connections close now, busy ones after their response, and then it is empty", async () => {
    const { pool, connector, get } = setup();
    get();
    const idle = connector.succeed();
    idle.receive(OK);
    const a = get();
    get();
    const busy = connector.succeed();
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
      const { connector, get } = setup({ maxPending: 1000 });
      const streams = Array.from({ length: 300 }, () => get());
      for (const { stream } of streams.slice(0, gaveUp)) stream.reset();
      const connection = connector.succeed();
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
        fc.array(fc.tuple(fc.constantFrom("get", "reset", "succeed", "fail", "answer"), fc.nat()), {
          minLength: 200,
          maxLength: 600,
        }),
        (steps) => {
          const { connector, get, value } = setup({ maxPending: 1000 });
          const streams: { recorder: Recorder; stream: UpstreamStream }[] = [];
          for (const [step, at] of steps) {
            if (step === "get") for (let i = 0; i < 20; i++) streams.push(get());
            else if (step === "reset")
              for (let i = 0; i < 15; i++) streams[(at + i) % (streams.length || 1)]?.stream.reset();
            else if (step === "succeed" && connector.attempts.length !== 0) connector.succeed();
            else if (step === "fail" && connector.attempts.length !== 0) connector.fail();
            else if (step === "answer")
              for (const connection of connector.connections) if (!connection.closed) connection.receive(OK);
          }
          for (const { recorder } of streams)
            expect(recorder.events.filter((event) => event.startsWith("ready")).length).toBeLessThanOrEqual(1);
          expect(value("upstream_rq_pending_active").value).toBeGreaterThanOrEqual(0);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("keeps counting right whatever happens", async () => {
    const { connector, get, value } = setup({ maxPending: 100 });
    for (let i = 0; i < 20; i++) get();
    for (let i = 0; i < 5; i++) connector.fail();
    const connections = Array.from({ length: 15 }, () => connector.succeed());
    for (const [i, connection] of connections.entries()) {
      if (i % 3 === 0) connection.receive(OK);
      else if (i % 3 === 1) connection.receiveClose("ECONNRESET");
      else connection.receive("garbage\r\n\r\n");
    }
    for (const connection of connections) if (!connection.closed) connection.receiveClose("");
    await Promise.resolve();
    for (const gauge of ["upstream_cx_active", "upstream_rq_active", "upstream_rq_pending_active"]) {
      expect([gauge, value(gauge).value + 0]).toEqual([gauge, 0]);
    }
  });
});
