/**
 * Hot path: docs/extending/hot-path-rules.md. The HTTP/2 pool of one host in one thread. A burst shares the connection that is on its way; another is opened
 * when those that are there, or coming, have no place left. What a server refuses with a promise (REFUSED_STREAM, GOAWAY) is sent again where it had no body.
 */
import type { OpenFailure, ResetReason, UpstreamStream, UpstreamStreamEvents } from "@sluice/sdk";
import type { Http2Environment, Http2Options } from "../../http/codec/h2/index.ts";
import type { Connection } from "../../network/connection.ts";
import type { ClusterStats } from "../cluster-stats.ts";
import type { Connector } from "../connector.ts";
import type { Host } from "../host.ts";
import { BasePool, type ConnectionCount, type PoolLimits } from "./base-pool.ts";
import { Http2Connection } from "./http2-connection.ts";
import type { Pool, StreamPool } from "./pool.ts";
import { PooledStream } from "./upstream-stream.ts";

export interface Http2PoolSettings extends PoolLimits {
  readonly codec: Http2Options;
}

/** How often one request is sent again. */
const MAX_REPEATS = 3;

export class Http2Pool extends BasePool implements Pool, StreamPool {
  readonly settings: Http2PoolSettings;
  readonly environment: Http2Environment;
  /** Those that may take streams. */
  readonly #ready: Http2Connection[] = [];
  readonly #all = new Set<Http2Connection>();
  /** Those of them whose server has said nothing yet. */
  #silent = 0;

  constructor(
    host: Host,
    connector: Connector,
    settings: Http2PoolSettings,
    stats: ClusterStats,
    environment: Http2Environment,
    count: ConnectionCount,
  ) {
    const { clock, timers } = environment;
    super({ host, connector, limits: settings, stats, clock, timers, count });
    this.settings = settings;
    this.environment = environment;
  }

  openStream(events: UpstreamStreamEvents): UpstreamStream | OpenFailure {
    const stream = new PooledStream(this, events);
    const ready = this.#ready;
    for (let i = 0; i < ready.length; i++) {
      const connection = ready[i]!;
      if (connection.codec.availableStreams === 0) continue;
      connection.carry(stream);
      return stream;
    }
    if (!this.mayWait()) return "overflow";
    this.wait(stream);
    return stream;
  }

  sendAgain(stream: PooledStream): boolean {
    if (stream.repeats >= MAX_REPEATS || this.waiting.count >= this.settings.maxPending) return false;
    stream.detach();
    this.wait(stream);
    return true;
  }

  /** Whoever waits takes the places that a connection has. */
  serveFrom(connection: Http2Connection): void {
    if (this.waiting.count === 0 || !connection.isReady) return;
    while (connection.codec.availableStreams !== 0) {
      const stream = this.nextWaiting();
      if (stream === null) return;
      connection.carry(stream);
    }
  }

  // From connections.

  override connected(connection: Connection): void {
    const made = new Http2Connection(this, connection);
    this.#all.add(made);
    this.#silent++;
    if (this.draining && this.waiting.count === 0) made.shutdown();
  }

  connectionReady(connection: Http2Connection): void {
    this.#silent--;
    // It may be draining already.
    if (connection.codec.availableStreams !== 0) this.#ready.push(connection);
    this.serveFrom(connection);
    if (this.draining) connection.shutdown();
    this.connectForWaiting();
  }

  connectionDrains(connection: Http2Connection): void {
    const at = this.#ready.indexOf(connection);
    if (at !== -1) this.#ready.splice(at, 1);
    this.connectForWaiting();
  }

  connectionEnded(connection: Http2Connection, error: string): void {
    this.#all.delete(connection);
    this.connectionDrains(connection);
    this.left();
    if (!connection.isReady) {
      this.#silent--;
      if (!connection.isLeaving) {
        this.stats.cxConnectFail.inc();
        this.host.cxConnectFail.inc();
        this.failWaiting("connection_failure", error === "" ? "no HTTP/2" : error);
      }
    }
    this.connectForWaiting();
    this.checkEmpty();
  }

  drain(): void {
    if (this.draining) return;
    this.draining = true;
    for (const connection of this.#all) if (connection.isReady) connection.shutdown();
    this.checkEmpty();
  }

  destroy(): void {
    this.draining = true;
    this.cancelAttempts();
    this.ejectWaiting(this.waiting.count, "local_reset", "pool_closed");
    for (const connection of this.#all) connection.destroy();
    this.checkEmpty();
  }

  protected override get size(): number {
    return this.#all.size;
  }

  protected override connectForWaiting(): void {
    const coming = this.attempts.size + this.#silent;
    if (coming * this.settings.codec.maxConcurrentStreams >= this.waiting.count || !this.mayConnect()) return;
    this.stats.cxHttp2Total.inc();
    this.connect();
  }

  /** While another connection is there, or coming, they wait for that one. */
  protected override failWaiting(reason: ResetReason, detail: string): void {
    if (this.attempts.size !== 0 || this.#silent !== 0 || this.#ready.length !== 0) return;
    this.ejectWaiting(this.waiting.count, reason, detail);
  }
}
