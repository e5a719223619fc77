import type {
  Headers,
  ResetReason,
  ResponseHeaders,
  UpstreamHost,
  UpstreamStream,
  UpstreamStreamEvents,
} from "@sluice/sdk";
import { describe, expect, it } from "vitest";
import { HTTP2_CLIENT_DEFAULTS, NO_HTTP2_STATS } from "../../http/codec/h2/index.ts";
import { OK, SETTINGS_ACK, Wire, goaway, headers, rst, settings } from "../../http/codec/h2/scripted-wire.ts";
import { RequestHeaderMap } from "../../http/headers/header-map.ts";
import type { Connection } from "../../network/connection.ts";
import { FlushQueue } from "../../network/flush-queue.ts";
import { ScriptedConnection } from "../../network/scripted-connection.ts";
import { StatsStore } from "../../stats/stats-store.ts";
import { VirtualTime } from "../../timing/virtual.ts";
import { ClusterStats } from "../cluster-stats.ts";
import type { ConnectEvents, Connecting, Connector } from "../connector.ts";
import { Host } from "../host.ts";
import { ConnectionCount } from "./base-pool.ts";
import { Http2Pool, type Http2PoolSettings } from "./http2-pool.ts";

const MAX_STREAMS = 3;
const REFUSED_STREAM = 7;

/** The test says when a connection stands or fails, and plays the server behind it. */
class Server implements Connector {
  readonly attempts: ConnectEvents[] = [];
  readonly connections: ScriptedConnection[] = [];
  readonly #wires: Wire[] = [];
  readonly #flushQueue: FlushQueue;

  constructor(flushQueue: FlushQueue) {
    this.#flushQueue = flushQueue;
  }

  connect(_host: Host, _timeoutMs: number, events: ConnectEvents): Connecting {
    this.attempts.push(events);
    return { cancel: () => void this.attempts.splice(this.attempts.indexOf(events), 1) };
  }

  /** A connection stands; its server has said nothing. */
  accept(): ScriptedConnection {
    const connection = new ScriptedConnection({ flushQueue: this.#flushQueue });
    this.connections.push(connection);
    this.#wires.push(new Wire(true));
    this.#flushQueue.enter();
    this.attempts.shift()!.onConnected(connection as Connection);
    this.#flushQueue.leave();
    return connection;
  }

  /** A connection whose server takes so many streams at a time. */
  greet(connection = this.accept(), streams = MAX_STREAMS): ScriptedConnection {
    connection.receive(Buffer.concat([settings([3, streams]), SETTINGS_ACK]));
    return connection;
  }

  /** Ids of the requests that came since the last call. */
  requests(at: number): number[] {
    const words = this.#wires[at]!.words(Buffer.from(this.connections[at]!.takeText(), "latin1"));
    return words.filter((word) => word.startsWith("HEADERS")).map((word) => Number(word.split(" ")[1]));
  }
}

class Recorder implements UpstreamStreamEvents {
  readonly events: string[] = [];
  onUpstreamReady(host: UpstreamHost): void {
    this.events.push(`ready ${host.address}`);
  }
  onUpstreamInformational(): void {}
  onUpstreamHeaders(response: ResponseHeaders, end: boolean): void {
    this.events.push(`headers ${response.status}${end ? " end" : ""}`);
  }
  onUpstreamData(_data: Uint8Array, end: boolean): void {
    this.events.push(end ? "data end" : "data");
  }
  onUpstreamTrailers(_trailers: Headers): void {
    this.events.push("trailers");
  }
  onUpstreamReset(reason: ResetReason, detail: string): void {
    this.events.push(`reset ${reason} ${detail}`);
  }
  onUpstreamWriteHigh(): void {}
  onUpstreamWriteLow(): void {}
}

function setup(more: Partial<Http2PoolSettings> = {}) {
  const time = new VirtualTime();
  const flushQueue = new FlushQueue();
  const store = new StatsStore({ addSlab() {}, add() {}, remove() {} });
  const scope = store.scope("cluster.c.");
  const address = { kind: "ip", host: "10.0.0.1", port: 80 } as const;
  const host = new Host({ address, hostname: "", weight: 1, health: "healthy" }, "c", store.scope("#h."));
  const server = new Server(flushQueue);
  const pool = new Http2Pool(
    host,
    server,
    {
      codec: HTTP2_CLIENT_DEFAULTS,
      connectTimeoutMs: 5000,
      idleTimeoutMs: 60_000,
      maxAgeMs: 0,
      maxRequests: 0,
      maxPending: 8,
      maxConnections: 1024,
      ...more,
    },
    new ClusterStats(scope),
    { clock: time.clock, timers: time.timers, flushQueue, stats: NO_HTTP2_STATS, random: () => 0 },
    new ConnectionCount(),
  );
  const send = (isWhole = true): { recorder: Recorder; stream: UpstreamStream } => {
    const recorder = new Recorder();
    flushQueue.enter();
    const stream = pool.openStream(recorder) as UpstreamStream;
    stream.sendHeaders(new RequestHeaderMap("GET", "/", "a.test", "http"), isWhole);
    flushQueue.leave();
    return { recorder, stream };
  };
  return { time, pool, server, send, value: (name: string) => scope.gauge(name).value };
}

describe("HTTP/2 pool", () => {
  it("keeps a burst until the one connection's server has said what it takes, then serves in order", () => {
    const { server, send } = setup();
    const sent = [send(), send(), send()];
    expect(server.attempts).toHaveLength(1);
    const connection = server.accept();
    expect(server.requests(0)).toEqual([]);
    server.greet(connection);
    expect(server.requests(0)).toEqual([1, 3, 5]);
    connection.receive(headers(3, OK));
    expect(sent.map(({ recorder }) => recorder.events.at(-1))).toEqual([
      "ready 10.0.0.1:80",
      "headers 200 end",
      "ready 10.0.0.1:80",
    ]);
  });

  it("opens another connection for those who find no place, and gives them the place that is free first", () => {
    const { server, send } = setup();
    const sent = Array.from({ length: MAX_STREAMS + 2 }, () => send());
    const first = server.greet();
    expect(server.requests(0)).toEqual([1, 3, 5]);
    expect(server.attempts).toHaveLength(1);
    first.receive(headers(1, OK));
    expect(server.requests(0)).toEqual([7]);
    server.greet();
    expect(server.requests(1)).toEqual([1]);
    expect(sent.every(({ recorder }) => recorder.events[0] === "ready 10.0.0.1:80")).toBe(true);
  });

  it("sends again what the server refused unserved, up to three times, and what had a body never", () => {
    const { server, send } = setup();
    const { recorder } = send();
    const connection = server.greet();
    for (const id of [1, 3, 5]) {
      connection.receive(rst(id, REFUSED_STREAM));
      expect(recorder.events).toEqual(["ready 10.0.0.1:80"]);
    }
    connection.receive(rst(7, REFUSED_STREAM));
    expect(recorder.events.at(-1)).toBe("reset remote_reset http2.remote_refuse");
    const body = send(false);
    connection.receive(rst(9, REFUSED_STREAM));
    expect(body.recorder.events.at(-1)).toBe("reset remote_reset http2.remote_refuse");
  });

  it("takes requests beyond a GOAWAY to another connection, and closes the old one after its last", () => {
    const { server, send } = setup();
    const sent = [send(), send(), send()];
    const old = server.greet();
    old.receive(goaway(1, 0));
    server.greet();
    expect(server.requests(1)).toEqual([1, 3]);
    expect(old.closedBy).toBe("");
    old.receive(headers(1, OK));
    expect(old.closedBy).toBe("flush");
    server.connections[1]!.receive(Buffer.concat([headers(1, OK), headers(3, OK)]));
    expect(sent.map(({ recorder }) => recorder.events)).toEqual(
      sent.map(() => ["ready 10.0.0.1:80", "headers 200 end"]),
    );
  });

  it("tells all who wait when the connection fails, or its server ends without a word of HTTP/2", () => {
    const { server, send, value } = setup();
    const refused = [send(), send()];
    server.attempts.shift()!.onConnectFailed("connection_failure", "ECONNREFUSED");
    const mute = [send(), send()];
    server.accept().receiveClose("ECONNRESET");
    expect(refused.map(({ recorder }) => recorder.events)).toEqual(
      refused.map(() => ["reset connection_failure ECONNREFUSED"]),
    );
    expect(mute.map(({ recorder }) => recorder.events)).toEqual(
      mute.map(() => ["reset connection_failure ECONNRESET"]),
    );
    for (const gauge of ["upstream_cx_active", "upstream_rq_active", "upstream_rq_pending_active"])
      expect([gauge, value(gauge) + 0]).toEqual([gauge, 0]);
  });

  it("refuses more than may wait, and forgets who gives up", () => {
    const { pool, server, send } = setup();
    const sent = Array.from({ length: 8 }, () => send());
    expect(pool.openStream(new Recorder())).toBe("overflow");
    for (const { stream } of sent.slice(0, 7)) stream.reset();
    server.greet();
    expect(server.requests(0)).toEqual([1]);
    expect(sent[7]!.recorder.events).toEqual(["ready 10.0.0.1:80"]);
  });

  it("drains: an idle connection takes its leave now, one with streams after them, and then the pool is empty", () => {
    const { pool, server, send } = setup();
    send();
    const connection = server.greet();
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
    const { time, server, send } = setup({ maxAgeMs: 100_000 });
    send();
    const connection = server.greet();
    connection.receive(headers(1, OK));
    time.advance(59_000);
    expect(connection.closedBy).toBe("");
    time.advance(2000);
    expect(connection.closedBy).toBe("flush");
    send();
    const old = server.greet();
    time.advance(101_000);
    expect(old.closedBy).toBe("");
    old.receive(headers(1, OK));
    expect(old.closedBy).toBe("flush");
  });
});
