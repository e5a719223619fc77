/**
 * Hot path: docs/extending/hot-path-rules.md. The connections of one host in one thread. Those of HTTP/1 carry one stream each and rest in a stack, the warmest
 * first; those of HTTP/2 carry many, and a burst shares the one that is on its way. What a connection speaks is said by the cluster, or by its handshake (`auto`):
 * then one connection finds out for all who wait. Who waits longest gets the next place that is free.
 */
import type { OpenFailure, ResetReason, UpstreamStreamEvents } from "@sluice/sdk";
import type { Http1ClientOptions } from "../../http/codec/codec.ts";
import type { Http2Environment, Http2Options } from "../../http/codec/h2/index.ts";
import type { Connection } from "../../network/connection.ts";
import type { FlushQueue } from "../../network/flush-queue.ts";
import { BasePool, type PoolLimits, type PoolParts } from "./base-pool.ts";
import { Http1Connection } from "./http1-connection.ts";
import { Http2Connection } from "./http2-connection.ts";
import { LearnedProtocol } from "./learned-protocol.ts";
import type { ChosenPool } from "./pool-choice.ts";
import type { PoolOwner, PoolProtocol, StreamPool } from "./pool.ts";
import { PooledStream } from "./upstream-stream.ts";

export interface PoolSettings extends PoolLimits {
  readonly http1: Http1ClientOptions;
  readonly http2: Http2Options;
  /** 0: for ever. */
  readonly maxStreamMs: number;
  /** Places that are kept for each stream that is there; 1: none in advance. Envoy: per_upstream_preconnect_ratio. */
  readonly preconnectRatio: number;
}

export interface HostPoolParts extends PoolParts {
  readonly limits: PoolSettings;
  readonly protocol: PoolProtocol;
  /** Which of the host's pools it is; null: the only one. */
  readonly kind: ChosenPool | null;
  readonly flushQueue: FlushQueue;
  /** null where HTTP/2 is never spoken. */
  readonly environment: Http2Environment | null;
  /** null: what is to be sent again is, by this pool. */
  readonly owner: PoolOwner | null;
}

/** Connections that one stream may have opened in advance. */
const MOST_IN_ADVANCE = 3;
/** Connections in a row that drain before they carried anything: those who wait are told then, instead of opening one after the other for ever. */
const MOST_FRUITLESS = 3;
const GOAWAY_FIRST = "http2.goaway_before_streams";

export class HostPool extends BasePool implements StreamPool {
  readonly settings: PoolSettings;
  readonly protocol: PoolProtocol;
  readonly kind: ChosenPool | null;
  readonly flushQueue: FlushQueue;
  readonly environment: Http2Environment | null;
  readonly maxStreamMs: number;
  /** Streams that connections carry. */
  active: number;
  readonly #owner: PoolOwner | null;
  readonly #learned: LearnedProtocol | null;
  /** HTTP/1 connections without a stream. */
  readonly #idle: Http1Connection[];
  /** HTTP/2 connections that may take streams. */
  readonly #ready: Http2Connection[];
  readonly #all: Set<Http1Connection | Http2Connection>;
  /** HTTP/2 connections whose server has said nothing yet. */
  #silent: number;
  /** Streams that one HTTP/2 connection takes, as the last server said. */
  #places: number;
  /** HTTP/2 connections in a row that drained before they took a stream. */
  #fruitless: number;

  constructor(parts: HostPoolParts) {
    super(parts);
    this.settings = parts.limits;
    this.protocol = parts.protocol;
    this.kind = parts.kind;
    this.flushQueue = parts.flushQueue;
    this.environment = parts.environment;
    this.maxStreamMs = parts.limits.maxStreamMs;
    this.active = 0;
    this.#owner = parts.owner;
    this.#learned = parts.protocol === "auto" ? new LearnedProtocol(parts.host, parts.clock) : null;
    this.#idle = [];
    this.#ready = [];
    this.#all = new Set();
    this.#silent = 0;
    this.#places = Math.max(1, parts.limits.http2.maxConcurrentStreams);
    this.#fruitless = 0;
  }

  openStream(events: UpstreamStreamEvents): PooledStream | OpenFailure {
    const stream = new PooledStream(this, events);
    return this.take(stream) ? stream : "overflow";
  }

  /** Gives a stream a place, or lets it wait for one. False: too many wait. */
  take(stream: PooledStream): boolean {
    // One that comes again takes the place that it has.
    if (stream.repeats === 0 && !this.mayRequest()) return false;
    if (!this.inUse && !this.breakers.mayHavePool) {
      this.stats.cxPoolOverflow.inc();
      return false;
    }
    if (!this.#carry(stream)) {
      if (!this.mayWait()) return false;
      stream.pool = this;
      this.wait(stream);
    }
    if (this.settings.preconnectRatio > 1) this.#preconnect();
    return true;
  }

  #carry(stream: PooledStream): boolean {
    const ready = this.#ready;
    for (let i = 0; i < ready.length; i++) {
      const connection = ready[i]!;
      if (connection.places <= 0 || connection === stream.avoids) continue;
      stream.pool = this;
      connection.carry(stream);
      return true;
    }
    const idle = this.#idle;
    while (idle.length !== 0) {
      const connection = idle.pop()!;
      if (connection.spent) continue;
      stream.pool = this;
      connection.carry(stream);
      return true;
    }
    return false;
  }

  override sendAgain(stream: PooledStream): boolean {
    if (!stream.draw() || !stream.detach()) return false;
    if (!(this.#owner === null ? this.take(stream) : this.#owner.sendAgain(stream, this))) return false;
    this.stats.rqSentAgain.inc();
    return true;
  }

  protected override sendElsewhere(stream: PooledStream): boolean {
    if (this.#owner === null || stream.over || !stream.missed(this.host) || !stream.draw()) return false;
    if (!this.#owner.sendElsewhere(stream, this)) return false;
    this.stats.rqSentAgain.inc();
    return true;
  }

  override sendOverHttp1(stream: PooledStream): boolean {
    return (
      this.protocol === "auto" && this.#owner !== null && stream.detach() && this.#owner.sendOverHttp1(stream, this)
    );
  }

  // ---- from connections ---------------------------------------------------------------------------------------------------------------------

  /** An HTTP/1 connection is free again. */
  release(connection: Http1Connection): void {
    for (let next = this.nextWaiting(); next !== null; next = this.nextWaiting()) {
      if (this.mayRequest()) {
        connection.carry(next);
        return;
      }
      next.fail("overflow", "");
    }
    this.#idle.push(connection);
    const { idleTimeoutMs } = this.limits;
    if (idleTimeoutMs !== 0) this.timers.arm(connection, idleTimeoutMs);
  }

  /** Whoever waits takes the places that an HTTP/2 connection has. */
  serveFrom(connection: Http2Connection): void {
    if (this.waiting.count === 0 || !connection.isReady) return;
    while (connection.places > 0) {
      const stream = this.waiting.shiftFor(connection);
      if (stream === null) return;
      this.waited();
      if (this.mayRequest()) connection.carry(stream);
      else stream.fail("overflow", "");
    }
  }

  /** An HTTP/2 server has said what it takes. */
  connectionReady(connection: Http2Connection): void {
    this.#silent--;
    if (connection.isDraining) {
      if (++this.#fruitless > MOST_FRUITLESS) this.failWaiting("connection_failure", GOAWAY_FIRST);
      else this.connectForWaiting();
      return;
    }
    const { availableStreams } = connection.codec;
    this.#ready.push(connection);
    // A server that takes none just now will say so when it does (RFC 9113 section 6.5.2); another connection to it would take none either.
    if (availableStreams !== 0) {
      this.#places = availableStreams;
      this.#fruitless = 0;
    }
    this.serveFrom(connection);
    if (this.draining) connection.shutdown();
    if (availableStreams !== 0) this.connectForWaiting();
  }

  connectionDrains(connection: Http2Connection): void {
    this.#notReady(connection);
    this.connectForWaiting();
  }

  #notReady(connection: Http2Connection): void {
    const at = this.#ready.indexOf(connection);
    if (at !== -1) this.#ready.splice(at, 1);
  }

  http1Ended(connection: Http1Connection): void {
    this.#all.delete(connection);
    this.left();
    const at = connection.busy ? -1 : this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    // Those who wait counted on this connection becoming free.
    this.connectForWaiting();
    this.checkEmpty();
  }

  http2Ended(connection: Http2Connection, error: string): void {
    this.#all.delete(connection);
    this.#notReady(connection);
    this.left();
    if (!connection.isReady) this.#silent--;
    if (connection.isReady || connection.isLeaving) this.connectForWaiting();
    else {
      // As a connection that never stood.
      this.stats.cxConnectFail.inc();
      this.host.cxConnectFail.inc();
      this.failWaiting("connection_failure", error === "" ? "no HTTP/2" : error);
    }
    this.checkEmpty();
  }

  override connected(connection: Connection): void {
    const learned = this.#learned;
    if (learned === null) {
      this.#adopt(connection, this.protocol === "http2");
      return;
    }
    const isHttp2 = connection.info.tls?.alpn === "h2";
    learned.learn(isHttp2 ? "http2" : "http1");
    this.#countProtocol(isHttp2);
    this.#adopt(connection, isHttp2);
    // Those who waited for one connection to find out.
    this.connectForWaiting();
  }

  #adopt(connection: Connection, isHttp2: boolean): void {
    const isUnwanted = this.draining && this.waiting.count === 0;
    if (isHttp2) {
      this.#silent++;
      const made = new Http2Connection(this, connection);
      this.#all.add(made);
      if (isUnwanted) made.shutdown();
      return;
    }
    const made = new Http1Connection(this, connection);
    this.#all.add(made);
    if (isUnwanted) made.close();
    else this.release(made);
  }

  #countProtocol(isHttp2: boolean): void {
    if (isHttp2) this.stats.cxHttp2Total.inc();
    else this.stats.cxHttp1Total.inc();
  }

  /** Whether the cluster may have one more request; where not, that is counted. */
  private mayRequest(): boolean {
    if (this.breakers.mayRequest) return true;
    this.stats.rqActiveOverflow.inc();
    this.stats.rqPendingOverflow.inc();
    return false;
  }

  requestBegins(): void {
    this.active++;
    this.breakers.requestBegins();
    this.stats.rqTotal.inc();
    this.stats.rqActive.inc();
    this.host.rqTotal.inc();
    this.host.rqActive.inc();
  }

  requestEnds(): void {
    this.active--;
    this.breakers.requestEnds();
    this.stats.rqActive.dec();
    this.host.rqActive.dec();
  }

  // ---- connecting ---------------------------------------------------------------------------------------------------------------------------

  /** null: nobody knows. */
  get #expected(): "http1" | "http2" | null {
    if (this.#learned === null) return this.protocol === "http2" ? "http2" : "http1";
    return this.#learned.protocol;
  }

  protected override connectForWaiting(): void {
    while (this.waiting.count > this.#coming() && this.mayConnect()) this.#open();
  }

  /** Streams that the connections on their way will take; while nobody knows what the host speaks, one connection is enough for all. */
  #coming(): number {
    const coming = this.attempts.size + this.#silent;
    return coming === 0 || this.#expected === "http1" ? coming : coming * this.#places;
  }

  #open(): void {
    if (this.#learned === null) this.#countProtocol(this.protocol === "http2");
    this.connect();
  }

  /** Streams that would find a place without waiting, now or when what is on its way has come. */
  get capacity(): number {
    let capacity = this.#idle.length + this.#coming();
    for (const connection of this.#ready) capacity += Math.max(0, connection.places);
    return capacity;
  }

  get pending(): number {
    return this.waiting.count;
  }

  #preconnect(): void {
    for (let i = 0; i < MOST_IN_ADVANCE; i++) {
      const wanted = (this.pending + this.active) * this.settings.preconnectRatio;
      if (this.draining || wanted <= this.capacity + this.active || !this.mayConnect()) return;
      this.#open();
    }
  }

  /** One connection for a stream that is foreseen, unless there is room for it. Envoy: predictive_preconnect_ratio. */
  connectAhead(ratio: number): boolean {
    if (this.draining || ratio <= this.capacity || !this.mayConnect()) return false;
    this.#open();
    return true;
  }

  // ---- ends ---------------------------------------------------------------------------------------------------------------------------------

  /** The host is gone from the cluster: idle connections close now, the others when their last stream ends. */
  drain(): void {
    if (this.draining) return;
    this.draining = true;
    this.#learned?.forget();
    for (const connection of this.#idle.splice(0)) connection.close();
    for (const connection of this.#all)
      if (connection instanceof Http2Connection && connection.isReady) connection.shutdown();
    this.checkEmpty();
  }

  /** Those that there are end now, with what they carry; whoever comes next opens others. */
  closeConnections(): void {
    for (const connection of this.#all) connection.destroy();
  }

  /** Everything ends now. */
  destroy(): void {
    this.draining = true;
    this.#learned?.forget();
    this.cancelAttempts();
    this.ejectWaiting(this.waiting.count, "local_reset", "pool_closed");
    for (const connection of this.#all) connection.destroy();
    this.checkEmpty();
  }

  protected override get size(): number {
    return this.#all.size;
  }

  /** Whoever waits beyond what is still on its way is told; the caller decides what comes next. With HTTP/2 they wait for any connection that is there. */
  protected override failWaiting(reason: ResetReason, detail: string): void {
    const { waiting, attempts } = this;
    const ready = this.#ready;
    if (this.#expected === "http1" && ready.length === 0)
      this.ejectWaiting(waiting.count - attempts.size - this.#silent, reason, detail);
    else if (attempts.size !== 0 || this.#silent !== 0) return;
    else if (ready.length === 0) this.ejectWaiting(waiting.count, reason, detail);
    else if (ready.length === 1) {
      // There is no other one: who was refused there may ask again when others are done.
      waiting.forgive(ready[0]!);
      this.serveFrom(ready[0]!);
    }
  }
}
