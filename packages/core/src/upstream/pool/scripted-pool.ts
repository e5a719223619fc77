/** For tests: a pool whose connections stand or fail when the test says so, and servers of either protocol that it plays behind them. */
import type {
  ConnectionInfo,
  Headers,
  ResetReason,
  ResponseHeaders,
  UpstreamHost,
  UpstreamStream,
  UpstreamStreamEvents,
} from "@sluice/sdk";
import { DEFAULT_THRESHOLDS, type ThresholdsModel } from "../../config/retry-model.ts";
import { HTTP2_CLIENT_DEFAULTS, NO_HTTP2_STATS } from "../../http/codec/h2/index.ts";
import { SETTINGS_ACK, Wire, settings } from "../../http/codec/h2/scripted-wire.ts";
import { RequestHeaderMap } from "../../http/headers/header-map.ts";
import type { Connection } from "../../network/connection.ts";
import { FlushQueue } from "../../network/flush-queue.ts";
import { ScriptedConnection } from "../../network/scripted-connection.ts";
import { SharedTable } from "../../stats/shared-table.ts";
import { StatsStore } from "../../stats/stats-store.ts";
import { VirtualTime } from "../../timing/virtual.ts";
import { CircuitBreakers } from "../circuit-breakers.ts";
import { ClusterStats } from "../cluster-stats.ts";
import type { ConnectEvents, ConnectTarget, Connecting, Connector } from "../connector.ts";
import { Host } from "../host.ts";
import { HostPool, type HostPoolParts, type PoolSettings } from "./host-pool.ts";

export const POOL_SETTINGS: PoolSettings = {
  http1: { maxHeadBytes: 60 * 1024, maxHeaders: 100, enableTrailers: false },
  http2: HTTP2_CLIENT_DEFAULTS,
  connectTimeoutMs: 5000,
  idleTimeoutMs: 60_000,
  maxAgeMs: 0,
  maxRequests: 0,
  maxStreamMs: 0,
  preconnectRatio: 1,
};

interface Attempt {
  readonly host: Host;
  readonly target: ConnectTarget | null;
  readonly events: ConnectEvents;
}

/** Attempts in their order, and the connections that came of them. */
export class ScriptedServers implements Connector {
  readonly attempts: Attempt[] = [];
  readonly connections: ScriptedConnection[] = [];
  readonly #wires: Wire[] = [];
  readonly #flushQueue: FlushQueue;

  constructor(flushQueue: FlushQueue) {
    this.#flushQueue = flushQueue;
  }

  connect(host: Host, _timeoutMs: number, events: ConnectEvents, target: ConnectTarget | null = null): Connecting {
    const attempt = { host, target, events };
    this.attempts.push(attempt);
    return { cancel: () => void this.attempts.splice(this.attempts.indexOf(attempt), 1) };
  }

  /** The oldest attempt has come to a connection; `alpn`: over TLS. */
  accept(alpn: string | null = null): ScriptedConnection {
    const tls: Partial<ConnectionInfo> =
      alpn === null ? {} : { tls: { alpn } as unknown as NonNullable<ConnectionInfo["tls"]> };
    const connection = new ScriptedConnection({ flushQueue: this.#flushQueue, info: tls });
    this.connections.push(connection);
    this.#wires.push(new Wire(true));
    this.#flushQueue.enter();
    this.attempts.shift()!.events.onConnected(connection as Connection);
    this.#flushQueue.leave();
    return connection;
  }

  fail(reason: "connection_failure" | "connection_timeout" = "connection_failure"): void {
    this.#flushQueue.enter();
    this.attempts.shift()!.events.onConnectFailed(reason, "ECONNREFUSED");
    this.#flushQueue.leave();
  }

  /** An HTTP/2 server says that it takes so many streams at a time. */
  greet(connection: ScriptedConnection = this.accept(), streams = 100): ScriptedConnection {
    connection.receive(Buffer.concat([settings([3, streams]), SETTINGS_ACK]));
    return connection;
  }

  /** What came over HTTP/2 since the last call, as words: `HEADERS 1 … END`, `DATA 1 5 END`, `RST 3 cancel`. */
  words(at: number): string[] {
    return this.#wires[at]!.words(Buffer.from(this.connections[at]!.takeText(), "latin1"));
  }

  /** Ids of the requests among them. */
  requests(at: number): number[] {
    return this.words(at)
      .filter((word) => word.startsWith("HEADERS"))
      .map((word) => Number(word.split(" ")[1]));
  }
}

export class StreamRecorder implements UpstreamStreamEvents {
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
    this.body += Buffer.from(data).toString("latin1");
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

  get last(): string | undefined {
    return this.events.at(-1);
  }
}

export interface ScriptedStream {
  readonly recorder: StreamRecorder;
  readonly stream: UpstreamStream;
}

export function scriptedPool(protocol: HostPoolParts["protocol"], more: Partial<PoolSettings & ThresholdsModel> = {}) {
  const time = new VirtualTime();
  const flushQueue = new FlushQueue();
  const store = new StatsStore({ addSlab() {}, add() {}, remove() {} });
  const scope = store.scope("cluster.c.");
  const address = { kind: "ip", host: "10.0.0.1", port: 80 } as const;
  const host = new Host({ address, hostname: "", weight: 1, health: "healthy" }, "c", store.scope("#h."));
  const servers = new ScriptedServers(flushQueue);
  const { clock, timers } = time;
  const stats = new ClusterStats(scope);
  const table = new SharedTable(SharedTable.allocate(16), 1);
  const pool = new HostPool({
    host,
    connector: servers,
    target: null,
    limits: { ...POOL_SETTINGS, ...more },
    stats,
    clock,
    timers,
    breakers: new CircuitBreakers({ ...DEFAULT_THRESHOLDS, ...more }, "c", "default", { table, scope, stats, clock }),
    protocol,
    kind: null,
    flushQueue,
    environment: { clock, timers, flushQueue, stats: NO_HTTP2_STATS, random: () => 0 },
    owner: null,
  });
  const turn = (run: () => void): void => {
    flushQueue.enter();
    run();
    flushQueue.leave();
  };
  const open = (): ScriptedStream => {
    const recorder = new StreamRecorder();
    return { recorder, stream: pool.openStream(recorder) as UpstreamStream };
  };
  /** A request of its headers alone, or the beginning of one with a body. */
  const send = (isWhole = true): ScriptedStream => {
    let opened!: ScriptedStream;
    turn(() => {
      opened = open();
      opened.stream.sendHeaders(new RequestHeaderMap(isWhole ? "GET" : "POST", "/", "a.test", "http"), isWhole);
    });
    return opened;
  };
  const value = (name: string): number => scope.gauge(name).value + 0;
  const count = (name: string): number => scope.counter(name).value;
  return { time, host, pool, servers, open, send, turn, value, count, flushQueue };
}
