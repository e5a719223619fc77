/** Hot path. An HTTP/2 connection of a pool: many streams, its idle time-out and its age. It takes streams when the server's SETTINGS have come. */
import type { Connection, ConnectionEvents } from "../../network/connection.ts";
import type { ClientCallbacks } from "../../http/codec/codec.ts";
import { type Http2ClientCodec, createHttp2ClientCodec } from "../../http/codec/h2/index.ts";
import { TimerNode } from "../../timing/clock.ts";
import type { HostPool } from "./host-pool.ts";
import type { StreamCarrier } from "./pool.ts";
import type { PooledStream } from "./upstream-stream.ts";

class AgeTimer extends TimerNode {
  readonly #connection: Http2Connection;

  constructor(connection: Http2Connection) {
    super();
    this.#connection = connection;
  }

  override onTimeout(): void {
    this.#connection.pool.stats.cxMaxDuration.inc();
    this.#connection.shutdown();
  }
}

export class Http2Connection extends TimerNode implements ConnectionEvents, ClientCallbacks, StreamCarrier {
  readonly pool: HostPool;
  readonly codec: Http2ClientCodec;
  readonly localAddress: string;
  readonly canRefuse: boolean;
  /** The server has said what it takes. */
  isReady: boolean;
  closed: boolean;
  /** We end it. */
  isLeaving: boolean;
  /** It takes no stream any more. */
  isDraining: boolean;
  active: number;
  /** Streams that the server takes at a time, as its refusals show; at most what it says. */
  limit: number;
  readonly #connection: Connection;
  readonly #startMs: number;
  readonly #ageTimer: AgeTimer | null;
  #requests: number;

  constructor(pool: HostPool, connection: Connection) {
    super();
    this.pool = pool;
    this.localAddress = connection.info.local.address;
    this.canRefuse = true;
    this.isReady = false;
    this.closed = false;
    this.isLeaving = false;
    this.isDraining = false;
    this.active = 0;
    this.limit = Number.MAX_SAFE_INTEGER;
    this.#connection = connection;
    this.#startMs = pool.clock.turnNow();
    this.#requests = 0;
    this.codec = createHttp2ClientCodec(connection, this, pool.settings.http2, pool.environment!);
    const { maxAgeMs } = pool.settings;
    this.#ageTimer = maxAgeMs === 0 ? null : new AgeTimer(this);
    if (this.#ageTimer !== null) pool.timers.arm(this.#ageTimer, maxAgeMs);
    connection.setEvents(this);
  }

  /** Streams that may be opened now. */
  get places(): number {
    return Math.min(this.codec.availableStreams, this.limit - this.active);
  }

  /** Gives the stream a place here; there MUST be one. */
  carry(stream: PooledStream): void {
    const { pool } = this;
    const { stats, settings } = pool;
    this.active++;
    pool.requestBegins();
    const encoder = this.codec.openStream(stream);
    if (settings.maxRequests !== 0 && ++this.#requests >= settings.maxRequests) {
      stats.cxMaxRequests.inc();
      this.shutdown();
    }
    stream.attach(this, encoder);
  }

  /** The server refused one of the streams that are open: it takes no more than the others. */
  refused(): void {
    this.limit = Math.min(this.limit, this.active - 1);
  }

  /** No new streams; closes when the last one is over. */
  shutdown(): void {
    if (this.closed) return;
    this.isLeaving = true;
    this.codec.shutdown();
  }

  destroy(): void {
    if (this.closed) return;
    this.isLeaving = true;
    this.#connection.destroy();
  }

  // From the codec.

  onStreamEnd(): void {
    const { pool } = this;
    this.active--;
    pool.requestEnds();
    if (this.closed) return;
    if (this.limit <= 0) this.shutdown();
    else if (this.active === 0) this.armIdle();
    pool.serveFrom(this);
  }

  onDraining(): void {
    this.isDraining = true;
    if (!this.isLeaving && !this.closed) this.pool.stats.cxCloseNotify.inc();
    this.pool.connectionDrains(this);
  }

  armIdle(): void {
    const { idleTimeoutMs } = this.pool.settings;
    if (idleTimeoutMs !== 0) this.pool.timers.arm(this, idleTimeoutMs);
  }

  // From the connection.

  onData(data: Uint8Array): void {
    this.codec.onData(data);
    if (!this.isReady && this.codec.hasPeerSettings) {
      this.isReady = true;
      this.armIdle();
      this.pool.connectionReady(this);
    } else this.pool.serveFrom(this);
  }

  onEnd(): void {
    this.codec.onEnd();
  }

  onClose(error: string): void {
    if (this.closed) return;
    this.closed = true;
    const { pool } = this;
    const { stats, timers } = pool;
    timers.cancel(this);
    if (this.#ageTimer !== null) timers.cancel(this.#ageTimer);
    stats.destroyed(this.isLeaving, this.active !== 0);
    stats.cxLengthMs.record(pool.clock.turnNow() - this.#startMs);
    stats.cxRxBytes.inc(this.#connection.bytesRead);
    stats.cxTxBytes.inc(this.#connection.bytesWritten);
    this.codec.onClose(error);
    pool.http2Ended(this, error);
  }

  onWriteHigh(): void {
    this.codec.onWriteHigh();
  }

  onWriteLow(): void {
    this.codec.onWriteLow();
  }

  onDrained(): void {
    this.codec.onDrained();
  }

  /** The idle time-out: armed at some stream's end, after which others may have come. */
  override onTimeout(): void {
    if (this.active !== 0 || this.closed) return;
    this.pool.stats.cxIdleTimeout.inc();
    this.shutdown();
  }
}
