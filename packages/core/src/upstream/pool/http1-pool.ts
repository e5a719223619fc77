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
import type { Connector } from "../connector.ts";
import type { Host } from "../host.ts";
import { BasePool, ConnectionCount, type PoolLimits } from "./base-pool.ts";
import type { Pool, StreamPool } from "./pool.ts";
import { PooledConnection } from "./pooled-connection.ts";
import { PooledStream } from "./upstream-stream.ts";

export interface Http1PoolSettings extends PoolLimits {
  readonly codec: Http1ClientOptions;
}

export interface PoolServices {
  readonly clock: TurnClock;
  readonly timers: Timers;
  readonly flushQueue: FlushQueue;
}

export class Http1Pool extends BasePool implements Pool, StreamPool {
  readonly flushQueue: FlushQueue;
  readonly codecOptions: Http1ClientOptions;
  readonly maxRequests: number;
  readonly maxAgeMs: number;
  readonly #idle: PooledConnection[] = [];
  readonly #all = new Set<PooledConnection>();

  constructor(
    host: Host,
    connector: Connector,
    settings: Http1PoolSettings,
    stats: ClusterStats,
    services: PoolServices,
    count: ConnectionCount = new ConnectionCount(),
  ) {
    const { clock, timers, flushQueue } = services;
    super({ host, connector, limits: settings, stats, clock, timers, count });
    this.flushQueue = flushQueue;
    this.codecOptions = settings.codec;
    this.maxRequests = settings.maxRequests;
    this.maxAgeMs = settings.maxAgeMs;
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
    if (!this.mayWait()) return "overflow";
    this.wait(stream);
    return stream;
  }

  /** HTTP/1 knows no such promise. */
  sendAgain(): boolean {
    return false;
  }

  /** A connection is free again. */
  release(connection: PooledConnection): void {
    const next = this.nextWaiting();
    if (next !== null) {
      connection.carry(next);
      return;
    }
    this.#idle.push(connection);
    const { idleTimeoutMs } = this.limits;
    if (idleTimeoutMs !== 0) this.timers.arm(connection, idleTimeoutMs);
  }

  connectionEnded(connection: PooledConnection): void {
    this.#all.delete(connection);
    this.left();
    const at = connection.busy ? -1 : this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    // Those who wait counted on this connection becoming free.
    this.connectForWaiting();
    this.checkEmpty();
  }

  override connected(connection: Connection): void {
    const pooled = new PooledConnection(this, connection);
    this.#all.add(pooled);
    if (this.draining && this.waiting.count === 0) {
      pooled.close();
      return;
    }
    this.release(pooled);
  }

  drain(): void {
    if (this.draining) return;
    this.draining = true;
    for (const connection of this.#idle.splice(0)) connection.close();
    this.checkEmpty();
  }

  /** Everything ends now. */
  destroy(): void {
    this.draining = true;
    this.cancelAttempts();
    this.failWaiting("local_reset", "pool_closed");
    for (const connection of this.#all) connection.close();
    this.checkEmpty();
  }

  protected override get size(): number {
    return this.#all.size;
  }

  protected override connectForWaiting(): void {
    if (this.attempts.size >= this.waiting.count || !this.mayConnect()) return;
    this.stats.cxHttp1Total.inc();
    this.connect();
  }

  /** Whoever waits beyond the attempts that are still under way is told; the caller decides what comes next. */
  protected override failWaiting(reason: ResetReason, detail: string): void {
    this.ejectWaiting(this.waiting.count - this.attempts.size, reason, detail);
  }
}
