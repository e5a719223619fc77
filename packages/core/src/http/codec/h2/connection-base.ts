/**
 * Hot path: docs/extending/hot-path-rules.md. The half of an HTTP/2 connection that acts: its streams and their ends, what is written and in which order a flush
 * goes, errors of streams and of the connection, time-outs. The other half, what comes in, is `H2Connection`.
 */
import type { Connection } from "../../../network/connection.ts";
import type { Flushable } from "../../../network/flush-queue.ts";
import type { HeaderMap } from "../../headers/header-map.ts";
import type { ResetReason } from "../codec.ts";
import { Closed, ClosedStreams } from "./closed-streams.ts";
import { DETAILS } from "./details.ts";
import { encodeTrailers } from "./encode-message.ts";
import { FloodGuard } from "./flood-guard.ts";
import { DEFAULT_FRAME_SIZE, DEFAULT_WINDOW, ErrorCode, PREFACE } from "./frame.ts";
import { FrameWriter } from "./frame-writer.ts";
import { HpackEncoder } from "./hpack/encoder.ts";
import { Keepalive } from "./keepalive.ts";
import type { Http2Environment, Http2Options } from "./options.ts";
import { Sender } from "./sender.ts";
import { ownSettings } from "./settings.ts";
import type { H2Stream, StreamOwner } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";
import { ConnectionTimer, FlushTimer, type TimedConnection, Timeout } from "./timers.ts";

export const Life = {
  open: 0,
  /** Our last GOAWAY is on its way; what comes is not read. */
  closing: 1,
  closed: 2,
} as const;
export type Life = (typeof Life)[keyof typeof Life];

export abstract class ConnectionBase<Stream extends H2Stream> implements Flushable, StreamOwner, TimedConnection {
  flushQueued: boolean;
  readonly sender: Sender;
  protected readonly connection: Connection;
  protected readonly options: Http2Options;
  protected readonly environment: Http2Environment;
  protected readonly writer: FrameWriter;
  protected readonly encoder: HpackEncoder;
  protected readonly table: StreamTable<Stream>;
  protected readonly closed: ClosedStreams;
  protected readonly guard: FloodGuard;
  protected readonly keepalive: Keepalive;
  protected life: Life;
  /** Of the peer's streams, the last one that was opened, and the last one that we said we would serve; -1: we have not. */
  protected lastPeerId: number;
  protected lastServedId: number;
  protected settingsTimer: ConnectionTimer | null;
  /** What the peer may still send on the connection. */
  protected receiveWindow: number;
  /** The same for a new stream. */
  protected streamWindow: number;
  /** What was consumed and not given back. */
  #unreported: number;
  /** For the next flush: END_STREAM was written; held input may go on; the message cannot be completed. */
  readonly #ended: Stream[];
  readonly #resumed: Stream[];
  readonly #failed: Stream[];

  constructor(connection: Connection, options: Http2Options, environment: Http2Environment, isServer: boolean) {
    this.flushQueued = false;
    this.writer = new FrameWriter(connection, DEFAULT_FRAME_SIZE);
    this.sender = new Sender(connection, this.writer, options.streamBufferBytes, environment.stats);
    this.connection = connection;
    this.options = options;
    this.environment = environment;
    this.encoder = new HpackEncoder(options.hpackTableSize);
    this.table = new StreamTable();
    this.closed = new ClosedStreams();
    this.guard = new FloodGuard(options, environment);
    this.keepalive = new Keepalive(this, this.writer, options.connectionKeepalive, environment);
    this.life = Life.open;
    this.lastPeerId = 0;
    this.lastServedId = -1;
    this.settingsTimer = null;
    this.receiveWindow = Math.max(options.initialConnectionWindowSize, DEFAULT_WINDOW);
    this.streamWindow = Math.max(options.initialStreamWindowSize, DEFAULT_WINDOW);
    this.#unreported = 0;
    this.#ended = [];
    this.#resumed = [];
    this.#failed = [];
    this.#greet(isServer);
  }

  #greet(isServer: boolean): void {
    const { writer, options, environment } = this;
    if (!isServer) writer.raw(PREFACE);
    writer.settings(ownSettings(options, isServer));
    if (this.receiveWindow > DEFAULT_WINDOW) writer.windowUpdate(0, this.receiveWindow - DEFAULT_WINDOW);
    if (options.settingsTimeoutMs !== 0) {
      this.settingsTimer = new ConnectionTimer(this, Timeout.settings);
      environment.timers.arm(this.settingsTimer, options.settingsTimeoutMs);
    }
    this.keepalive.start();
    this.queueFlush();
  }

  // What each side does its own way.

  protected abstract stopReading(): void;
  /** END_STREAM of ours is with the socket. */
  protected abstract finishLocal(stream: Stream): void;
  /** The engine was told the end of what comes in. */
  protected abstract remoteEnded(stream: Stream): void;
  /** The stream failed before it had an id: a client's. */
  protected loseUnsent(_stream: Stream): void {}
  /** A stream was taken out of the table. The last thing that is called for it. */
  protected abstract streamGone(stream: Stream): void;
  /** Every stream was told and is gone, the connection is closing by itself or closed. `wereTold`: there were any. */
  protected abstract connectionBroken(detail: string, wereTold: boolean): void;
  abstract onDrainTimeout(): void;
  abstract onSettingsTimeout(): void;
  abstract onKeepaliveDue(): void;
  abstract onKeepaliveTimeout(): void;
  abstract onFlushTimeout(stream: H2Stream): void;

  get activeStreams(): number {
    return this.table.size;
  }

  // From the connection.

  onWriteHigh(): void {
    this.sender.isBlocked = true;
  }

  onWriteLow(): void {
    this.sender.unblock();
    if (this.sender.isDue) this.queueFlush();
  }

  onDrained(): void {
    this.writer.allLeft();
    this.onWriteLow();
  }

  // From the flush queue.

  queueFlush(): void {
    this.environment.flushQueue.addLate(this);
  }

  /** By the event loop's round, not by the turn: what other sockets' turns write to this connection joins it. */
  flush(): void {
    if (this.life === Life.closed) return;
    try {
      this.#flush();
    } catch (error) {
      // No socket's turn is under way whose connection it could cost.
      this.connection.destroy(true);
      throw error;
    }
  }

  #flush(): void {
    if (this.#resumed.length !== 0) this.#deliverResumed();
    if (this.#failed.length !== 0) this.#resetFailed();
    const { sender, writer } = this;
    if (sender.isDue) sender.run();
    writer.flush();
    sender.checkSocket();
    if (
      writer.frames > this.options.maxOutboundFrames ||
      writer.controlFrames > this.options.maxOutboundControlFrames
    ) {
      this.#outboundFlood();
    }
    if (this.#ended.length !== 0) this.#finishEnded();
  }

  #deliverResumed(): void {
    const resumed = this.#resumed;
    for (let i = 0; i < resumed.length; i++) {
      const stream = resumed[i]!;
      if (stream.owner === null || stream.hasToldEnd) continue;
      stream.deliver();
      this.settleRemote(stream);
    }
    resumed.length = 0;
  }

  /** After something came in. */
  protected settleRemote(stream: Stream): void {
    if (stream.hasToldEnd && stream.owner !== null) this.remoteEnded(stream);
  }

  #resetFailed(): void {
    const failed = this.#failed;
    for (let i = 0; i < failed.length; i++) {
      const stream = failed[i]!;
      if (stream.owner === null) continue;
      if (stream.id === 0) this.loseUnsent(stream);
      else this.loseStream(stream, ErrorCode.internalError, "local_reset", stream.failure);
    }
    failed.length = 0;
  }

  #finishEnded(): void {
    const ended = this.#ended;
    for (let i = 0; i < ended.length; i++) {
      const stream = ended[i]!;
      if (stream.owner !== null) this.finishLocal(stream);
    }
    ended.length = 0;
  }

  /** Exchanges that were complete before the connection broke. */
  #finishClosed(): void {
    for (const stream of this.#ended.splice(0)) if (stream.owner !== null && stream.isClosed) this.finishLocal(stream);
  }

  // From streams.

  localEnded(stream: H2Stream): void {
    stream.hasSentEnd = true;
    if (stream.flushTimer !== null) this.environment.timers.cancel(stream.flushTimer);
    this.#ended.push(stream as Stream);
  }

  deliverLater(stream: H2Stream): void {
    this.#resumed.push(stream as Stream);
    this.queueFlush();
  }

  failLater(stream: H2Stream): void {
    this.#failed.push(stream as Stream);
    this.queueFlush();
  }

  writeTrailers(stream: H2Stream, trailers: HeaderMap): void {
    encodeTrailers(this.writer, this.encoder, stream.id, trailers);
    this.localEnded(stream);
  }

  consumed(stream: H2Stream, bytes: number): void {
    if (!stream.hasReceivedEnd) {
      stream.unreported += bytes;
      if (stream.unreported * 2 >= this.options.initialStreamWindowSize) {
        stream.receiveWindow += stream.unreported;
        this.writer.windowUpdate(stream.id, stream.unreported);
        stream.unreported = 0;
        this.queueFlush();
      }
    }
    this.consumedByNobody(bytes);
  }

  /** Gives room on the connection back. */
  protected consumedByNobody(bytes: number): void {
    this.#unreported += bytes;
    if (this.#unreported * 2 < this.options.initialConnectionWindowSize || this.life !== Life.open) return;
    this.receiveWindow += this.#unreported;
    this.writer.windowUpdate(0, this.#unreported);
    this.#unreported = 0;
    this.queueFlush();
  }

  /** A whole message waits for the peer's window; again after every step that it makes. */
  armFlushTimer(stream: H2Stream): void {
    const { streamFlushTimeoutMs } = this.options;
    if (streamFlushTimeoutMs === 0 || stream.hasSentEnd) return;
    stream.flushTimer ??= new FlushTimer(this, stream);
    this.environment.timers.arm(stream.flushTimer, streamFlushTimeoutMs);
  }

  // The ends of streams.

  protected addStream(stream: Stream): void {
    this.table.add(stream);
    this.environment.stats.streamsActive.inc();
  }

  /** Takes the stream out; from here on it is inert. The caller tells whoever waits. */
  protected removeStream(stream: Stream, way: Closed): void {
    this.table.remove(stream.id);
    this.closed.add(stream.id, way);
    this.#letGo(stream);
  }

  #letGo(stream: Stream): void {
    const { stats, timers } = this.environment;
    stats.streamsActive.dec();
    this.sender.forget(stream);
    if (stream.flushTimer !== null) timers.cancel(stream.flushTimer);
    const { held } = stream;
    if (held !== null) {
      stream.held = null;
      const bytes = held.clear();
      if (bytes !== 0) this.consumedByNobody(bytes);
    }
    stream.detach();
  }

  /** Writes RST_STREAM and takes the stream out; nobody is told. */
  protected resetStream(stream: Stream, code: number): void {
    this.environment.stats.txReset.inc();
    this.writer.rstStream(stream.id, code);
    this.removeStream(stream, Closed.resetByUs);
    this.queueFlush();
  }

  /** The stream cannot go on: the peer is told, and the engine. What the peer did wrong counts as a reset of its own. */
  protected loseStream(stream: Stream, code: number, reason: ResetReason, detail: string): void {
    this.resetStream(stream, code);
    stream.tellReset(reason, detail);
    this.streamGone(stream);
    if (reason === "protocol_error") this.countReset();
  }

  /** The peer reset a stream, or made us do it. */
  protected countReset(): void {
    const flood = this.guard.reset();
    if (flood !== "") this.onConnectionError(ErrorCode.enhanceYourCalm, flood);
  }

  // The end of the connection.

  /** A connection error (section 5.4.1): GOAWAY, then the end; every stream is told. */
  onConnectionError(code: number, detail: string): void {
    if (this.life !== Life.open) return;
    this.life = Life.closing;
    this.stopReading();
    this.goaway(code);
    this.writer.flush();
    this.connection.closeAfterFlush(this.options.delayedCloseMs);
    this.release();
    this.#finishClosed();
    this.connectionBroken(detail, this.tellAll("protocol_error", detail));
  }

  /** The last stream never rises again (section 6.8). */
  protected goaway(code: number): void {
    if (this.lastServedId === -1) this.lastServedId = this.lastPeerId;
    this.writer.goaway(this.lastServedId, code);
    this.environment.stats.goawaySent.inc();
    this.queueFlush();
  }

  /** Ends the connection when what was written has left; no stream is open. */
  protected closeQuietly(): void {
    if (this.life !== Life.open) return;
    this.life = Life.closing;
    this.stopReading();
    this.writer.flush();
    this.release();
    this.connection.closeAfterFlush(this.options.delayedCloseMs);
  }

  /** The transport is gone, or cut here and now. */
  protected transportGone(detail: string): void {
    if (this.life === Life.closed) return;
    this.life = Life.closed;
    this.stopReading();
    this.release();
    this.writer.drop();
    this.connectionBroken(detail, this.tellAll("connection_termination", detail));
  }

  protected tellAll(reason: ResetReason, detail: string): boolean {
    const streams = this.table.all();
    for (let i = 0; i < streams.length; i++) {
      const stream = streams[i]!;
      if (stream.owner === null) continue;
      this.table.remove(stream.id);
      this.#letGo(stream);
      stream.tellReset(reason, detail);
      this.streamGone(stream);
    }
    return streams.length !== 0;
  }

  protected release(): void {
    const { timers } = this.environment;
    if (this.settingsTimer !== null) timers.cancel(this.settingsTimer);
    this.keepalive.stop();
  }

  // Floods of what we are made to send.

  /** Many in one turn are no flood yet: only what the socket does not take. */
  protected checkControl(): void {
    if (this.writer.controlFrames <= this.options.maxOutboundControlFrames) return;
    this.writer.flush();
    this.sender.checkSocket();
    if (this.writer.controlFrames > this.options.maxOutboundControlFrames) this.#outboundFlood();
  }

  /** The peer does not read: a GOAWAY would only join the queue. */
  #outboundFlood(): void {
    if (this.life !== Life.open) return;
    const { stats } = this.environment;
    const isControl = this.writer.controlFrames > this.options.maxOutboundControlFrames;
    if (isControl) stats.outboundControlFlood.inc();
    else stats.outboundFlood.inc();
    this.connection.destroy();
    this.transportGone(isControl ? DETAILS.outboundControlFlood : DETAILS.outboundFlood);
  }
}
