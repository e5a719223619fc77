/**
 * Hot path: docs/extending/hot-path-rules.md. The HTTP/1 pool of one host in one thread: idle connections in a stack (the warmest first), a queue of streams that wait, a
 * connection opened for each of them. Who waits longest gets the next connection that is free, whichever it is.
 */
import type { OpenFailure, ResetReason, UpstreamStream, UpstreamStreamEvents } from "@sluice/sdk";
import type { Http1ClientOptions } from "../../http/codec/codec.ts";
import type { Connection } from "../../network/connection.ts";
import type { FlushQueue } from "../../network/flush-queue.ts";
import type { Timers, TurnClock } from "../../timing/clock.ts";
import type { ClusterStats } from "../cluster-stats.ts";
import type { Connector, Connecting, ConnectEvents } from "../connector.ts";
import type { Host } from "../host.ts";
import type { Pool, StreamPool } from "./pool.ts";
import { PooledConnection } from "./pooled-connection.ts";
import { PooledStream } from "./upstream-stream.ts";

export interface Http1PoolSettings {
  readonly codec: Http1ClientOptions;
  readonly connectTimeoutMs: number;
  /** 0: never. */
  readonly idleTimeoutMs: number;
  readonly maxAgeMs: number;
  readonly maxRequests: number;
  /** Streams that may wait for a connection. */
  readonly maxPending: number;
  /** Connections of the cluster in this thread; at the limit a pool that has one already opens no other, and streams wait. */
  readonly maxConnections: number;
}

/** Connections of all pools of a cluster in this thread, those on their way included. */
export class ConnectionCount {
  open = 0;
}

export interface PoolServices {
  readonly clock: TurnClock;
  readonly timers: Timers;
  readonly flushQueue: FlushQueue;
}

/** One connection on its way. */
class Attempt implements ConnectEvents {
  readonly #pool: Http1Pool;
  readonly startMs: number;
  connecting: Connecting | null = null;

  constructor(pool: Http1Pool) {
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

export class Http1Pool implements Pool, StreamPool {
  readonly host: Host;
  readonly stats: ClusterStats;
  readonly clock: TurnClock;
  readonly timers: Timers;
  readonly flushQueue: FlushQueue;
  readonly codecOptions: Http1ClientOptions;
  readonly maxRequests: number;
  readonly maxAgeMs: number;
  readonly #settings: Http1PoolSettings;
  readonly #connector: Connector;
  readonly #count: ConnectionCount;
  readonly #idle: PooledConnection[] = [];
  readonly #all = new Set<PooledConnection>();
  readonly #attempts = new Set<Attempt>();
  /** Waiting streams from `#head` on; cancelled ones stay in place for a while, marked `over`. */
  #waiting: PooledStream[] = [];
  #head = 0;
  #waitingCount = 0;
  draining = false;
  onEmpty: (() => void) | null = null;

  constructor(
    host: Host,
    connector: Connector,
    settings: Http1PoolSettings,
    stats: ClusterStats,
    services: PoolServices,
    count: ConnectionCount = new ConnectionCount(),
  ) {
    this.host = host;
    this.stats = stats;
    this.clock = services.clock;
    this.timers = services.timers;
    this.flushQueue = services.flushQueue;
    this.codecOptions = settings.codec;
    this.maxRequests = settings.maxRequests;
    this.maxAgeMs = settings.maxAgeMs;
    this.#settings = settings;
    this.#connector = connector;
    this.#count = count;
  }

  openStream(events: UpstreamStreamEvents): UpstreamStream | OpenFailure {
    const stream = new PooledStream(this, events);
    const idle = this.#idle;
    while (idle.length !== 0) {
      const connection = idle.pop()!;
      if (connection.spent) continue;
      connection.carry(stream);
      return stream;
    }
    if (this.#waitingCount >= this.#settings.maxPending) {
      this.stats.rqPendingOverflow.inc();
      return "overflow";
    }
    this.stats.rqPendingTotal.inc();
    this.stats.rqPendingActive.inc();
    this.#waiting.push(stream);
    this.#waitingCount++;
    this.#connectForWaiting();
    return stream;
  }

  cancelPending(_stream: PooledStream): void {
    this.stats.rqCancelled.inc();
    this.#leftQueue();
    this.#compact();
    // A connection that nobody waits for is still welcome: the next request will.
    this.#checkEmpty();
  }

  /** HTTP/1 knows no such promise. */
  sendAgain(): boolean {
    return false;
  }

  /** A connection is free again. */
  release(connection: PooledConnection): void {
    const next = this.#nextWaiting();
    if (next !== null) {
      connection.carry(next);
      return;
    }
    this.#idle.push(connection);
    const { idleTimeoutMs } = this.#settings;
    if (idleTimeoutMs !== 0) this.timers.arm(connection, idleTimeoutMs);
  }

  connectionEnded(connection: PooledConnection): void {
    this.#all.delete(connection);
    this.#count.open--;
    this.stats.cxActive.dec();
    this.host.cxActive.dec();
    const at = connection.busy ? -1 : this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    // Those who wait counted on this connection becoming free.
    this.#connectForWaiting();
    this.#checkEmpty();
  }

  connected(attempt: Attempt, connection: Connection): void {
    this.#attempts.delete(attempt);
    this.stats.cxConnectMs.record(this.clock.turnNow() - attempt.startMs);
    const pooled = new PooledConnection(this, connection);
    this.#all.add(pooled);
    if (this.draining && this.#waitingCount === 0) {
      pooled.close();
      return;
    }
    this.release(pooled);
  }

  /** Whoever waits beyond the attempts that are still under way is told; the caller decides what comes next. */
  connectFailed(attempt: Attempt, reason: "connection_failure" | "connection_timeout", detail: string): void {
    this.#attempts.delete(attempt);
    this.#count.open--;
    this.stats.cxActive.dec();
    this.host.cxActive.dec();
    this.stats.cxConnectFail.inc();
    this.host.cxConnectFail.inc();
    if (reason === "connection_timeout") this.stats.cxConnectTimeout.inc();
    this.#failWaiting(reason, detail);
    this.#checkEmpty();
  }

  drain(): void {
    if (this.draining) return;
    this.draining = true;
    for (const connection of this.#idle.splice(0)) connection.close();
    this.#checkEmpty();
  }

  /** Everything ends now. */
  destroy(): void {
    this.draining = true;
    for (const attempt of this.#attempts) {
      attempt.connecting?.cancel();
      this.#count.open--;
      this.stats.cxActive.dec();
      this.host.cxActive.dec();
    }
    this.#attempts.clear();
    this.#failWaiting("local_reset", "pool_closed");
    for (const connection of this.#all) connection.close();
    this.#checkEmpty();
  }

  #connectForWaiting(): void {
    if (this.#attempts.size >= this.#waitingCount) return;
    if (this.#count.open >= this.#settings.maxConnections && this.#all.size + this.#attempts.size !== 0) {
      this.stats.cxOverflow.inc();
      return;
    }
    this.#connect();
  }

  #connect(): void {
    this.#count.open++;
    this.stats.cxTotal.inc();
    this.stats.cxHttp1Total.inc();
    this.stats.cxActive.inc();
    this.host.cxTotal.inc();
    this.host.cxActive.inc();
    const attempt = new Attempt(this);
    this.#attempts.add(attempt);
    attempt.connecting = this.#connector.connect(this.host, this.#settings.connectTimeoutMs, attempt);
  }

  #nextWaiting(): PooledStream | null {
    while (this.#head < this.#waiting.length) {
      const stream = this.#waiting[this.#head++]!;
      if (stream.over) continue;
      this.#leftQueue();
      this.#compact();
      return stream;
    }
    this.#waiting = [];
    this.#head = 0;
    return null;
  }

  /** Lets go of streams that were taken or have given up, when they are the most of the list. */
  #compact(): void {
    if (this.#waiting.length <= 2 * this.#waitingCount + 64) return;
    this.#waiting = this.#waiting.slice(this.#head).filter((stream) => !stream.over);
    this.#head = 0;
  }

  #leftQueue(): void {
    this.#waitingCount--;
    this.stats.rqPendingActive.dec();
  }

  #failWaiting(reason: ResetReason, detail: string): void {
    // Streams that are opened in the course of this are not of this round.
    const count = this.#waitingCount - this.#attempts.size;
    for (let i = 0; i < count; i++) {
      const stream = this.#nextWaiting();
      if (stream === null) return;
      this.stats.rqPendingFailureEject.inc();
      stream.fail(reason, detail);
    }
  }

  #checkEmpty(): void {
    if (!this.draining || this.#all.size !== 0 || this.#attempts.size !== 0 || this.#waitingCount !== 0) return;
    const done = this.onEmpty;
    this.onEmpty = null;
    done?.();
  }
}
