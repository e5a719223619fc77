/** Hot path. One downstream connection under the connection manager: its codec, its open streams, its own time-outs and its way to the end. */
import type { Connection, ConnectionEvents } from "../../network/connection.ts";
import type { Drainable, NetworkTerminal } from "../../network/filter-chain/terminal.ts";
import { TimerNode } from "../../timing/clock.ts";
import { createHttp1ServerCodec } from "../codec/h1/index.ts";
import { createHttp2ServerCodec } from "../codec/h2/index.ts";
import type { ProtocolError, ResponseEncoder, ServerCallbacks, ServerCodec } from "../codec/codec.ts";
import { StreamFilterState } from "../chain/stream-data.ts";
import type { ConnectionManager } from "./connection-manager.ts";
import { HttpStream } from "./http-stream.ts";
import { bodyText } from "./local-replies.ts";
import { PrefaceWatch, type WatchedConnection } from "./preface-watch.ts";

/** Time-outs of a connection: idle while no stream is open, header time-out while a request head is incomplete, its greatest age. */
class ConnectionTimer extends TimerNode {
  readonly #connection: ServerConnection;
  readonly #callback: (connection: ServerConnection) => void;

  constructor(connection: ServerConnection, callback: (connection: ServerConnection) => void) {
    super();
    this.#connection = connection;
    this.#callback = callback;
  }

  override onTimeout(): void {
    this.#callback(this.#connection);
  }
}

export class ServerConnection
  extends TimerNode
  implements ServerCallbacks, ConnectionEvents, Drainable, WatchedConnection
{
  /** Of the streams to come: changes when the configuration does. */
  manager: ConnectionManager;
  readonly connection: Connection;
  codec: ServerCodec;
  /** Many streams at a time; false also while it is not known yet. */
  isHttp2: boolean;
  readonly startMs: number;
  closed: boolean;
  closedLocally: boolean;
  requests: number;
  active: number;
  /** The response that comes next is the last on this connection. */
  lastRequest: boolean;
  /** Status with which the codec refused what an open stream sent; 0: it did not. */
  refusedWith: number;
  /** When the first byte of the head came that is being read, or was read last. */
  headStartMs: number;
  #headTimer: ConnectionTimer | null;
  #ageTimer: ConnectionTimer | null;
  #filterState: StreamFilterState | null;
  /** Managers that the connection has left, and how many of its streams each still has; null: none. */
  #left: Map<ConnectionManager, number> | null;
  /** Of all of them. */
  #leftStreams: number;

  constructor(manager: ConnectionManager, connection: Connection, filterState: StreamFilterState | null) {
    super();
    const { settings, stats } = manager;
    this.manager = manager;
    this.connection = connection;
    this.startMs = manager.clock.turnNow();
    this.isHttp2 = false;
    this.closed = false;
    this.closedLocally = false;
    this.requests = 0;
    this.active = 0;
    this.lastRequest = false;
    this.refusedWith = 0;
    this.headStartMs = this.startMs;
    this.#headTimer = null;
    this.#ageTimer = null;
    this.#filterState = filterState;
    this.#left = null;
    this.#leftStreams = 0;
    this.codec = new PrefaceWatch(this);
    stats.cxTotal.inc();
    stats.cxActive.inc();
    if (connection.info.tls !== null) {
      stats.cxSslTotal.inc();
      stats.cxSslActive.inc();
    }
    if (settings.idleTimeoutMs !== 0) manager.timers.arm(this, settings.idleTimeoutMs);
    if (settings.maxConnectionDurationMs !== 0) {
      this.#ageTimer = new ConnectionTimer(this, onMaxAge);
      manager.timers.arm(this.#ageTimer, settings.maxConnectionDurationMs);
    }
    connection.setEvents(this);
    const alpn = connection.info.tls?.alpn ?? "";
    if (settings.codecType === "http2" || (settings.codecType === "auto" && alpn === "h2")) this.useHttp2();
    else if (settings.codecType === "http1" || alpn !== "") this.useHttp1();
  }

  useHttp1(): ServerCodec {
    const { settings, stats, flushQueue } = this.manager;
    stats.cxHttp1Total.inc();
    stats.cxHttp1Active.inc();
    return this.#use(createHttp1ServerCodec(this.connection, this, settings.http1, flushQueue));
  }

  useHttp2(): ServerCodec {
    const { settings, stats, http2 } = this.manager;
    stats.cxHttp2Total.inc();
    stats.cxHttp2Active.inc();
    this.isHttp2 = true;
    return this.#use(createHttp2ServerCodec(this.connection, this, settings.http2, http2));
  }

  #use(codec: ServerCodec): ServerCodec {
    this.codec = codec;
    if (this.lastRequest) codec.shutdown();
    return codec;
  }

  // ---- from the connection ------------------------------------------------------------------------------------------------------------------

  onData(data: Uint8Array): void {
    this.codec.onData(data);
  }

  onEnd(): void {
    this.codec.onEnd();
  }

  onClose(error: string): void {
    if (this.closed) return;
    this.closed = true;
    const { manager, connection } = this;
    const { stats } = manager;
    if (this.active !== 0) {
      stats.cxDestroyActiveRq.inc();
      if (this.closedLocally) stats.cxDestroyLocalActiveRq.inc();
      else stats.cxDestroyRemoteActiveRq.inc();
    }
    this.codec.onClose(error);
    manager.timers.cancel(this);
    if (this.#headTimer !== null) manager.timers.cancel(this.#headTimer);
    if (this.#ageTimer !== null) manager.timers.cancel(this.#ageTimer);
    stats.cxActive.dec();
    if (this.isHttp2) stats.cxHttp2Active.dec();
    else if (!(this.codec instanceof PrefaceWatch)) stats.cxHttp1Active.dec();
    if (connection.info.tls !== null) stats.cxSslActive.dec();
    stats.cxDestroy.inc();
    if (this.closedLocally) stats.cxDestroyLocal.inc();
    else stats.cxDestroyRemote.inc();
    stats.cxLength.record(manager.clock.turnNow() - this.startMs);
    stats.cxRxBytes.inc(connection.bytesRead);
    stats.cxTxBytes.inc(connection.bytesWritten);
    manager.connectionEnded(this);
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

  // ---- from the codec -----------------------------------------------------------------------------------------------------------------------

  onRequestBegin(): void {
    const { timers, clock, settings } = this.manager;
    if (settings.headTimeoutMs === 0) return;
    this.headStartMs = clock.turnNow();
    this.#headTimer ??= new ConnectionTimer(this, onHeadTimeout);
    // It is not taken out when the head is there: it looks at the head that it finds, which costs less.
    if (this.#headTimer.deadline === -1) timers.arm(this.#headTimer, settings.headTimeoutMs);
  }

  onStream(encoder: ResponseEncoder): HttpStream {
    const { manager } = this;
    const { settings, stats } = manager;
    // The idle timer stays armed: moving its deadline at the stream's end costs less than taking it out and putting it back.
    this.active++;
    this.requests++;
    stats.rqTotal.inc();
    stats.rqActive.inc();
    const now = manager.clock.turnNow();
    if (this.isHttp2) {
      stats.rqHttp2Total.inc();
      this.headStartMs = now;
    } else stats.rqHttp1Total.inc();
    if (
      settings.maxRequestsPerConnection !== 0 &&
      this.requests >= settings.maxRequestsPerConnection &&
      !this.lastRequest
    ) {
      this.lastRequest = true;
      stats.cxMaxRequests.inc();
      this.codec.shutdown();
    }
    const { session } = manager.tap;
    if (session !== null) return session.newStream(this, encoder, manager.chain.hooks, now, manager.wallAt(now));
    return new HttpStream(this, encoder, manager.chain.hooks, now, manager.wallAt(now));
  }

  onProtocolError(error: ProtocolError): void {
    const { manager } = this;
    // A client that is only slow has broken no rule.
    if (error.status !== 408) manager.stats.cxProtocolError.inc();
    if (error.status === 0) {
      this.closedLocally = true;
      this.connection.closeAfterFlush(manager.settings.delayedCloseTimeoutMs);
      return;
    }
    // A stream that is open counts and logs itself.
    const { headers, body } = manager.badRequest(this, error, this.active === 0);
    if (this.active !== 0 && !this.isHttp2) this.refusedWith = error.status;
    this.closedLocally = true;
    this.codec.sendErrorAndClose(headers, bodyText(body));
  }

  // ---- from streams and the manager -----------------------------------------------------------------------------------------------------------

  streamEnded(stream: HttpStream): void {
    const { manager } = stream;
    const { stats } = manager;
    stats.rqActive.dec();
    if (stream.upgraded) stats.cxUpgradesActive.dec();
    if (stream.status !== 0 && !stream.isRestarted) {
      stats.rqCompleted.inc();
      stats.byClass[((stream.status / 100) | 0) - 1]?.inc();
      stats.rqTime.record(stream.endMs - stream.startMs);
    }
    if (manager !== this.manager) this.#leave(manager);
    if (--this.active === 0 && !this.closed) {
      const { idleTimeoutMs } = this.manager.settings;
      if (idleTimeoutMs !== 0) this.manager.timers.arm(this, idleTimeoutMs);
    }
  }

  streamId(ordinal: number): string {
    return `${this.connection.info.id}-${ordinal}`;
  }

  filterState(): StreamFilterState {
    return (this.#filterState ??= new StreamFilterState(null));
  }

  get idle(): boolean {
    return this.active === 0 && (this.isHttp2 || !this.codec.readingHead);
  }

  /** Lame duck: what is open is finished. HTTP/1: the next response says that it is the last; HTTP/2: GOAWAY, in two steps. */
  drain(): void {
    if (this.closed) return;
    this.manager.stats.cxDrainClose.inc();
    this.lastRequest = true;
    this.codec.shutdown();
  }

  /** The streams to come are the other manager's, at once; those that are open stay with theirs, which lives until the last of them is over. */
  moveTo(terminal: NetworkTerminal, onMoved: () => void): void {
    if (this.closed) return;
    const before = this.manager;
    const open = this.active - this.#leftStreams;
    this.manager = terminal as ConnectionManager;
    if (open === 0) before.connectionEnded(this);
    else {
      (this.#left ??= new Map()).set(before, open);
      this.#leftStreams += open;
    }
    this.manager.moveIn(this);
    onMoved();
  }

  /** A stream of a manager that the connection has left is over. */
  #leave(manager: ConnectionManager): void {
    const left = this.#left!;
    const open = left.get(manager)! - 1;
    this.#leftStreams--;
    if (open !== 0) {
      left.set(manager, open);
      return;
    }
    left.delete(manager);
    manager.connectionEnded(this);
  }

  closeIfIdle(): void {
    if (!this.closed && this.idle) this.close();
  }

  /** Nothing is open. Closes after what is waiting was written; HTTP/2 takes its leave first, which a request on its way hears in time. */
  close(): void {
    if (this.closed) return;
    this.closedLocally = true;
    if (this.isHttp2) {
      this.codec.shutdown();
      return;
    }
    this.connection.closeAfterFlush(this.manager.settings.delayedCloseTimeoutMs);
  }

  /** The greatest age: the next response is the last; where no request comes, the drain time-out ends the connection. */
  growOld(): void {
    const { stats, timers, settings } = this.manager;
    stats.cxMaxDuration.inc();
    this.drain();
    this.#ageTimer = new ConnectionTimer(this, onDrainTimeout);
    timers.arm(this.#ageTimer, settings.drainTimeoutMs);
  }

  /** The head time-out: armed for some head, which may be long complete. */
  judgeHead(): void {
    if (this.closed || !this.codec.readingHead) return;
    const { stats, timers, clock, settings } = this.manager;
    const leftMs = this.headStartMs + settings.headTimeoutMs - clock.turnNow();
    if (leftMs > 0) {
      timers.arm(this.#headTimer!, leftMs);
      return;
    }
    const detail = settings.headTimeoutDetail;
    if (detail === "request_header_timeout") stats.rqHeaderTimeout.inc();
    else if (detail === "request_overall_timeout") stats.rqTimeout.inc();
    else stats.rqIdleTimeout.inc();
    this.onProtocolError({ status: 408, detail });
  }

  /** The idle time-out. A head that has begun has its own. */
  override onTimeout(): void {
    if (this.closed || this.active !== 0) return;
    const { stats, settings } = this.manager;
    if (!this.isHttp2 && this.codec.readingHead && settings.headTimeoutMs !== 0) return;
    stats.cxIdleTimeout.inc();
    this.close();
  }
}

function onHeadTimeout(connection: ServerConnection): void {
  connection.judgeHead();
}

function onMaxAge(connection: ServerConnection): void {
  if (!connection.closed) connection.growOld();
}

function onDrainTimeout(connection: ServerConnection): void {
  connection.closeIfIdle();
}
