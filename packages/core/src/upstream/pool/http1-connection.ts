/** Hot path. An HTTP/1 connection of a pool: idle or with one stream; its idle time-out and its age. */
import type { Connection, ConnectionEvents } from "../../network/connection.ts";
import { TimerNode } from "../../timing/clock.ts";
import type { ClientCallbacks, ClientCodec } from "../../http/codec/codec.ts";
import { createHttp1ClientCodec } from "../../http/codec/h1/index.ts";
import type { HostPool } from "./host-pool.ts";
import type { StreamCarrier } from "./pool.ts";
import type { PooledStream } from "./upstream-stream.ts";

export class Http1Connection extends TimerNode implements ConnectionEvents, ClientCallbacks, StreamCarrier {
  readonly pool: HostPool;
  readonly connection: Connection;
  readonly codec: ClientCodec;
  readonly localAddress: string;
  readonly canRefuse: boolean;
  readonly startMs: number;
  /** Not to be used for another stream. */
  spent: boolean;
  closed: boolean;
  closedLocally: boolean;
  busy: boolean;
  requests: number;

  constructor(pool: HostPool, connection: Connection) {
    super();
    this.pool = pool;
    this.connection = connection;
    this.localAddress = connection.info.local.address;
    this.canRefuse = false;
    this.startMs = pool.clock.turnNow();
    this.spent = false;
    this.closed = false;
    this.closedLocally = false;
    this.busy = false;
    this.requests = 0;
    this.codec = createHttp1ClientCodec(connection, this, pool.settings.http1, pool.flushQueue);
    connection.setEvents(this);
  }

  /** Gives the stream this connection. */
  carry(stream: PooledStream): void {
    const { pool } = this;
    // The idle timer stays armed; `release` moves its deadline.
    this.busy = true;
    this.requests++;
    const { stats } = pool;
    const { maxRequests } = pool.settings;
    pool.requestBegins();
    if (maxRequests !== 0 && this.requests >= maxRequests) {
      this.spent = true;
      stats.cxMaxRequests.inc();
    }
    stream.attach(this, this.codec.openStream(stream));
  }

  // ---- from the codec -----------------------------------------------------------------------------------------------------------------------

  onStreamEnd(reusable: boolean): void {
    const { pool } = this;
    const { maxAgeMs } = pool.settings;
    this.busy = false;
    pool.requestEnds();
    if (!reusable) {
      // The codec closes it, behind the last bytes where it was a tunnel.
      this.spent = true;
      this.closedLocally = true;
      return;
    }
    if (this.closed) return;
    if (!this.spent && maxAgeMs !== 0 && pool.clock.turnNow() - this.startMs >= maxAgeMs) {
      this.spent = true;
      pool.stats.cxMaxDuration.inc();
    }
    if (this.spent || pool.draining) this.close();
    else pool.release(this);
  }

  onDraining(): void {
    if (!this.closedLocally && !this.closed) this.pool.stats.cxCloseNotify.inc();
    this.spent = true;
  }

  // ---- from the connection ------------------------------------------------------------------------------------------------------------------

  onData(data: Uint8Array): void {
    this.codec.onData(data);
  }

  onEnd(): void {
    // An upstream that closes its side of an idle connection closes the connection.
    if (this.busy) this.codec.onEnd();
    else {
      this.spent = true;
      this.close();
    }
  }

  onClose(error: string): void {
    if (this.closed) return;
    this.closed = true;
    this.spent = true;
    const { pool, connection } = this;
    const { stats } = pool;
    pool.timers.cancel(this);
    stats.destroyed(this.closedLocally, this.busy);
    stats.cxLengthMs.record(pool.clock.turnNow() - this.startMs);
    stats.cxRxBytes.inc(connection.bytesRead);
    stats.cxTxBytes.inc(connection.bytesWritten);
    this.codec.onClose(error);
    pool.http1Ended(this);
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

  /** The idle time-out. */
  override onTimeout(): void {
    if (this.busy || this.closed) return;
    this.pool.stats.cxIdleTimeout.inc();
    this.close();
  }

  close(): void {
    this.spent = true;
    this.closedLocally = true;
    if (!this.closed) this.connection.destroy();
  }

  destroy(): void {
    this.close();
  }

  refused(): void {}
}
