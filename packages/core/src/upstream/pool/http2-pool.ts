/**
 * Hot path: docs/extending/hot-path-rules.md. The HTTP/2 pool of one host in one thread. A burst shares the connection that is on its way; another is opened
 * when those that are there, or coming, have no place left. What a server refuses with a promise (REFUSED_STREAM, GOAWAY) is sent again where it had no body.
 */
import type { OpenFailure, ResetReason, UpstreamStream, UpstreamStreamEvents } from "@sluice/sdk";
import type { Http2Environment, Http2Options } from "../../http/codec/h2/index.ts";
import type { Connection } from "../../network/connection.ts";
import type { Timers, TurnClock } from "../../timing/clock.ts";
import type { ClusterStats } from "../cluster-stats.ts";
import type { ConnectEvents, Connecting, Connector } from "../connector.ts";
import type { Host } from "../host.ts";
import { Http2Connection } from "./http2-connection.ts";
import type { ConnectionCount } from "./http1-pool.ts";
import type { Pool, StreamPool } from "./pool.ts";
import { PooledStream } from "./upstream-stream.ts";
import { WaitingStreams } from "./waiting-streams.ts";

export interface Http2PoolSettings {
  readonly codec: Http2Options;
  readonly connectTimeoutMs: number;
  /** 0: never. */
  readonly idleTimeoutMs: number;
  readonly maxAgeMs: number;
  readonly maxRequests: number;
  /** Streams that may wait for a place. */
  readonly maxPending: number;
  /** Connections of the cluster in this thread; at the limit a pool that has one already opens no other. */
  readonly maxConnections: number;
}

/** How often one request is sent again. */
const MAX_REPEATS = 3;

/** One connection on its way. */
class Attempt implements ConnectEvents {
  readonly #pool: Http2Pool;
  readonly startMs: number;
  connecting: Connecting | null = null;

  constructor(pool: Http2Pool) {
    this.#pool = pool;
    this.startMs = pool.clock.turnNow();
  }

  onConnected(connection: Connection): void {
    this.#pool.connected(this, connection);
  }

  onConnectFailed(reason: "connection_failure" | "connection_timeout", detail: string): void {
    this.#pool.connectFailed(this, reason, detail);
  }
}

export class Http2Pool implements Pool, StreamPool {
  readonly host: Host;
  readonly stats: ClusterStats;
  readonly settings: Http2PoolSettings;
  readonly environment: Http2Environment;
  readonly clock: TurnClock;
  readonly timers: Timers;
  draining = false;
  onEmpty: (() => void) | null = null;
  readonly #connector: Connector;
  readonly #count: ConnectionCount;
  /** Those that may take streams. */
  readonly #ready: Http2Connection[] = [];
  readonly #all = new Set<Http2Connection>();
  /** Those of them whose server has said nothing yet. */
  #silent = 0;
  readonly #attempts = new Set<Attempt>();
  readonly #waiting = new WaitingStreams();

  constructor(
    host: Host,
    connector: Connector,
    settings: Http2PoolSettings,
    stats: ClusterStats,
    environment: Http2Environment,
    count: ConnectionCount,
  ) {
    this.host = host;
    this.stats = stats;
    this.settings = settings;
    this.environment = environment;
    this.clock = environment.clock;
    this.timers = environment.timers;
    this.#connector = connector;
    this.#count = count;
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
    if (this.#waiting.count >= this.settings.maxPending) {
      this.stats.rqPendingOverflow.inc();
      return "overflow";
    }
    this.#wait(stream);
    return stream;
  }

  sendAgain(stream: PooledStream): boolean {
    if (stream.repeats >= MAX_REPEATS || this.#waiting.count >= this.settings.maxPending) return false;
    stream.detach();
    this.#wait(stream);
    return true;
  }

  #wait(stream: PooledStream): void {
    this.stats.rqPendingTotal.inc();
    this.stats.rqPendingActive.inc();
    this.#waiting.push(stream);
    this.#connectForWaiting();
  }

  cancelPending(_stream: PooledStream): void {
    this.stats.rqCancelled.inc();
    this.stats.rqPendingActive.dec();
    this.#waiting.gaveUp();
    this.#checkEmpty();
  }

  /** Whoever waits takes the places that a connection has. */
  serveFrom(connection: Http2Connection): void {
    if (this.#waiting.count === 0 || !connection.isReady) return;
    while (connection.codec.availableStreams !== 0) {
      const stream = this.#waiting.shift();
      if (stream === null) return;
      this.stats.rqPendingActive.dec();
      connection.carry(stream);
    }
  }

  // From connections.

  connected(attempt: Attempt, connection: Connection): void {
    this.#attempts.delete(attempt);
    this.stats.cxConnectMs.record(this.clock.turnNow() - attempt.startMs);
    const made = new Http2Connection(this, connection);
    this.#all.add(made);
    this.#silent++;
    if (this.draining && this.#waiting.count === 0) made.shutdown();
  }

  connectionReady(connection: Http2Connection): void {
    this.#silent--;
    // It may be draining already.
    if (connection.codec.availableStreams !== 0) this.#ready.push(connection);
    this.serveFrom(connection);
    if (this.draining) connection.shutdown();
    this.#connectForWaiting();
  }

  connectionDrains(connection: Http2Connection): void {
    const at = this.#ready.indexOf(connection);
    if (at !== -1) this.#ready.splice(at, 1);
    this.#connectForWaiting();
  }

  connectionEnded(connection: Http2Connection, error: string): void {
    this.#all.delete(connection);
    this.connectionDrains(connection);
    this.#leave();
    if (!connection.isReady) {
      this.#silent--;
      if (!connection.isLeaving) {
        this.stats.cxConnectFail.inc();
        this.host.cxConnectFail.inc();
        this.#failWaiting("connection_failure", error === "" ? "no HTTP/2" : error);
      }
    }
    this.#connectForWaiting();
    this.#checkEmpty();
  }

  connectFailed(attempt: Attempt, reason: "connection_failure" | "connection_timeout", detail: string): void {
    this.#attempts.delete(attempt);
    this.#leave();
    this.stats.cxConnectFail.inc();
    this.host.cxConnectFail.inc();
    if (reason === "connection_timeout") this.stats.cxConnectTimeout.inc();
    this.#failWaiting(reason, detail);
    this.#checkEmpty();
  }

  drain(): void {
    if (this.draining) return;
    this.draining = true;
    for (const connection of this.#all) if (connection.isReady) connection.shutdown();
    this.#checkEmpty();
  }

  destroy(): void {
    this.draining = true;
    for (const attempt of this.#attempts) {
      attempt.connecting?.cancel();
      this.#leave();
    }
    this.#attempts.clear();
    this.#ejectWaiting("local_reset", "pool_closed");
    for (const connection of this.#all) connection.destroy();
    this.#checkEmpty();
  }

  #connectForWaiting(): void {
    const coming = this.#attempts.size + this.#silent;
    if (coming * this.settings.codec.maxConcurrentStreams >= this.#waiting.count) return;
    if (this.#count.open >= this.settings.maxConnections && this.#all.size + this.#attempts.size !== 0) {
      this.stats.cxOverflow.inc();
      return;
    }
    this.#count.open++;
    this.stats.cxTotal.inc();
    this.stats.cxHttp2Total.inc();
    this.stats.cxActive.inc();
    this.host.cxTotal.inc();
    this.host.cxActive.inc();
    const attempt = new Attempt(this);
    this.#attempts.add(attempt);
    attempt.connecting = this.#connector.connect(this.host, this.settings.connectTimeoutMs, attempt);
  }

  #leave(): void {
    this.#count.open--;
    this.stats.cxActive.dec();
    this.host.cxActive.dec();
  }

  /** While another connection is there, or coming, they wait for that one. */
  #failWaiting(reason: ResetReason, detail: string): void {
    if (this.#attempts.size === 0 && this.#silent === 0 && this.#ready.length === 0) this.#ejectWaiting(reason, detail);
  }

  #ejectWaiting(reason: ResetReason, detail: string): void {
    // Streams that are opened in the course of this are not of this round.
    for (let left = this.#waiting.count; left > 0; left--) {
      const stream = this.#waiting.shift();
      if (stream === null) return;
      this.stats.rqPendingActive.dec();
      this.stats.rqPendingFailureEject.inc();
      stream.fail(reason, detail);
    }
  }

  #checkEmpty(): void {
    if (!this.draining || this.#all.size !== 0 || this.#attempts.size !== 0 || this.#waiting.count !== 0) return;
    const done = this.onEmpty;
    this.onEmpty = null;
    done?.();
  }
}
