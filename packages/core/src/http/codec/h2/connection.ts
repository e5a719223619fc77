/**
 * Hot path: docs/extending/hot-path-rules.md. The half of an HTTP/2 connection that listens: what each frame means to streams, windows and settings (RFC 9113
 * sections 5 and 6), and which of them break a rule. What HEADERS and GOAWAY mean is each side's own.
 */
import type { Connection } from "../../../network/connection.ts";
import { Closed } from "./closed-streams.ts";
import { ConnectionBase, Life } from "./connection-base.ts";
import { DETAILS } from "./details.ts";
import { DEFAULT_FRAME_SIZE, DEFAULT_TABLE_SIZE, ErrorCode, MAX_WINDOW, PREFACE } from "./frame.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { HeaderBlock } from "./header-block.ts";
import { HpackDecoder } from "./hpack/decoder.ts";
import type { FieldSink } from "./hpack/field-sink.ts";
import { HPACK_ERROR } from "./hpack/hpack-error.ts";
import type { Http2Environment, Http2Options } from "./options.ts";
import { PeerSettings } from "./settings.ts";
import type { H2Stream } from "./stream.ts";

const MIN_BLOCK_BYTES = 65_536;

export abstract class H2Connection<Stream extends H2Stream> extends ConnectionBase<Stream> implements FrameSink {
  /** The peer's first SETTINGS have come. */
  hasPeerSettings: boolean;
  protected readonly peer: PeerSettings;
  protected readonly reader: FrameReader;
  readonly #decoder: HpackDecoder;
  readonly #isServer: boolean;
  /** Of the DATA frame that is being read; null where nobody wants it. */
  #dataStream: Stream | null;
  /** The peer has not acknowledged our SETTINGS. */
  #isSettingsPending: boolean;

  constructor(connection: Connection, options: Http2Options, environment: Http2Environment, isServer: boolean) {
    super(connection, options, environment, isServer);
    const block = new HeaderBlock(
      Math.max(options.maxHeaderListBytes * 2, MIN_BLOCK_BYTES),
      options.maxContinuationFrames,
    );
    this.hasPeerSettings = false;
    this.peer = new PeerSettings();
    this.reader = new FrameReader(this, DEFAULT_FRAME_SIZE, block, isServer ? PREFACE : null);
    this.#decoder = new HpackDecoder(DEFAULT_TABLE_SIZE);
    this.#isServer = isServer;
    this.#dataStream = null;
    this.#isSettingsPending = true;
  }

  // What each side does its own way.

  /** Whether a stream of that id was never opened. */
  protected abstract isIdle(id: number): boolean;
  abstract onHeaderBlock(
    streamId: number,
    data: Uint8Array,
    from: number,
    to: number,
    end: boolean,
    dependsOn: number,
  ): void;
  abstract onGoaway(lastStreamId: number, code: number): void;
  /** The peer reset an open stream. */
  protected abstract resetByPeer(stream: Stream, code: number): void;
  /** Whether a body may come at this point. */
  protected abstract acceptsData(stream: Stream): boolean;
  /** An answer that keep-alive did not ask for. */
  protected abstract pingAnswered(payload: Uint8Array): void;

  onData(data: Uint8Array): void {
    if (this.life !== Life.open) return;
    this.environment.flushQueue.addLate(this);
    this.reader.read(data);
  }

  /** Ends a connection without streams, politely: GOAWAY, then the end. For the owner's idle time-out. */
  closeIdle(): void {
    if (this.life !== Life.open || this.activeStreams !== 0) return;
    this.goaway(ErrorCode.noError);
    this.closeQuietly();
  }

  protected override stopReading(): void {
    this.reader.stop();
  }

  // Header blocks.

  /** Every block must be decoded, or the table of the next one would be wrong. False: the connection is broken. */
  protected decode(data: Uint8Array, from: number, to: number, sink: FieldSink): boolean {
    if (this.#decoder.decode(data, sink, from, to) === HPACK_ERROR.ok) return true;
    this.onConnectionError(ErrorCode.compressionError, DETAILS.compression);
    return false;
  }

  /** HEADERS or DATA for a stream that is not open (section 5.1). */
  protected strayFrame(streamId: number): void {
    if (this.isIdle(streamId)) return this.onConnectionError(ErrorCode.protocolError, DETAILS.idleStream);
    switch (this.closed.way(streamId)) {
      case Closed.resetByUs:
        return;
      case Closed.ended:
        return this.onConnectionError(ErrorCode.streamClosed, DETAILS.streamClosed);
      case Closed.skipped:
        return this.onConnectionError(ErrorCode.protocolError, DETAILS.badStreamId);
      default:
        this.onStreamError(streamId, ErrorCode.streamClosed, DETAILS.streamClosed);
    }
  }

  // Errors of streams.

  /** The message is malformed (RFC 9113 section 8.1.1). */
  protected messagingError(stream: Stream, detail: string): void {
    this.environment.stats.rxMessagingError.inc();
    if (this.options.streamErrorOnInvalidHttpMessage) {
      this.loseStream(stream, ErrorCode.protocolError, "protocol_error", detail);
    } else {
      this.onConnectionError(ErrorCode.protocolError, detail);
    }
  }

  /** A frame for a stream that is not in the table and not to be answered for: reset, without a stream to tell. */
  onStreamError(streamId: number, code: number, detail: string): void {
    const stream = this.table.get(streamId);
    if (stream !== null && !stream.isClosed) return this.loseStream(stream, code, "protocol_error", detail);
    this.environment.stats.txReset.inc();
    this.writer.rstStream(streamId, code);
    this.countReset();
    this.checkControl();
  }

  /** HEADERS or DATA behind END_STREAM (section 5.1): in the closed state the connection's error. */
  protected behindEnd(stream: Stream): void {
    if (stream.isClosed) this.onConnectionError(ErrorCode.streamClosed, DETAILS.streamClosed);
    else this.loseStream(stream, ErrorCode.streamClosed, "protocol_error", DETAILS.streamClosed);
  }

  // DATA.

  onMessageFrame(isEmpty: boolean): void {
    const flood = this.guard.messageFrame(isEmpty);
    if (flood !== "") this.onConnectionError(ErrorCode.enhanceYourCalm, flood);
  }

  onDataBegin(streamId: number, length: number): void {
    this.#dataStream = null;
    this.receiveWindow -= length;
    if (this.receiveWindow < 0) {
      return this.onConnectionError(ErrorCode.flowControlError, DETAILS.windowExceeded);
    }
    const stream = this.table.get(streamId);
    if (stream === null) return this.strayFrame(streamId);
    if (stream.hasReceivedEnd) return this.behindEnd(stream);
    if (length > stream.receiveWindow) {
      return this.loseStream(stream, ErrorCode.flowControlError, "protocol_error", DETAILS.windowExceeded);
    }
    stream.receiveWindow -= length;
    if (this.acceptsData(stream)) this.#dataStream = stream;
    else this.messagingError(stream, DETAILS.messagingRule);
  }

  onDataPadding(length: number): void {
    const stream = this.#dataStream;
    if (stream === null) this.consumedByNobody(length);
    else this.consumed(stream, length);
  }

  onDataPiece(data: Uint8Array, end: boolean): void {
    const stream = this.#dataStream;
    if (stream === null || stream.owner === null) {
      this.consumedByNobody(data.length);
      return;
    }
    if (stream.expected !== -1) {
      stream.expected -= data.length;
      if (stream.expected < 0 || (end && stream.expected !== 0)) {
        this.consumedByNobody(data.length);
        return this.messagingError(stream, DETAILS.bodyLengthMismatch);
      }
    }
    stream.receive(data, end);
    if (end) this.settleRemote(stream);
  }

  // Everything else.

  onPriority(streamId: number, dependsOn: number): void {
    const flood = this.guard.priority();
    if (flood !== "") return this.onConnectionError(ErrorCode.enhanceYourCalm, flood);
    if (dependsOn === streamId) this.onStreamError(streamId, ErrorCode.protocolError, DETAILS.selfDependency);
  }

  onRstStream(streamId: number, code: number): void {
    const stream = this.table.get(streamId);
    if (stream === null) {
      if (this.isIdle(streamId)) this.onConnectionError(ErrorCode.protocolError, DETAILS.idleStream);
      return;
    }
    if (stream.isClosed) return;
    this.environment.stats.rxReset.inc();
    this.resetByPeer(stream, code);
    this.countReset();
  }

  onWindowUpdate(streamId: number, increment: number): void {
    const flood = this.guard.windowUpdate(this.writer.dataFrames);
    if (flood !== "") return this.onConnectionError(ErrorCode.enhanceYourCalm, flood);
    if (streamId === 0) return this.#widenConnection(increment);
    const stream = this.table.get(streamId);
    if (stream === null) {
      if (this.isIdle(streamId)) this.onConnectionError(ErrorCode.protocolError, DETAILS.idleStream);
      return;
    }
    if (stream.isClosed) return;
    if (increment === 0) {
      return this.loseStream(stream, ErrorCode.protocolError, "protocol_error", DETAILS.windowIncrement);
    }
    if (stream.sendWindow + increment > MAX_WINDOW) {
      return this.loseStream(stream, ErrorCode.flowControlError, "protocol_error", DETAILS.windowOverflow);
    }
    this.#widen(stream, increment);
  }

  #widenConnection(increment: number): void {
    const { sender } = this;
    if (increment === 0) return this.onConnectionError(ErrorCode.protocolError, DETAILS.windowIncrement);
    if (sender.window + increment > MAX_WINDOW) {
      return this.onConnectionError(ErrorCode.flowControlError, DETAILS.windowOverflow);
    }
    sender.window += increment;
    sender.isDue = true;
  }

  #widen(stream: Stream, change: number): void {
    stream.sendWindow += change;
    if (stream.queue.bytes === 0 || stream.sendWindow <= 0) return;
    this.sender.schedule(stream);
    this.sender.isDue = true;
  }

  onSettings(payload: Uint8Array): void {
    const { peer } = this;
    const { initialWindowSize, headerTableSize } = peer;
    const error = peer.read(payload, !this.#isServer);
    if (error !== ErrorCode.noError) return this.onConnectionError(error, DETAILS.badSettings);
    this.hasPeerSettings = true;
    this.writer.maxFrameSize = peer.maxFrameSize;
    if (peer.leastTableSize < headerTableSize) {
      this.encoder.setMaxDynamicTableSize(peer.leastTableSize);
    }
    if (peer.headerTableSize > peer.leastTableSize || peer.headerTableSize > headerTableSize) {
      this.encoder.setMaxDynamicTableSize(peer.headerTableSize);
    }
    const change = peer.initialWindowSize - initialWindowSize;
    if (change !== 0) {
      for (const stream of this.table.all()) {
        // The connection's error, not the stream's (section 6.9.2).
        if (stream.sendWindow + change > MAX_WINDOW) {
          return this.onConnectionError(ErrorCode.flowControlError, DETAILS.windowOverflow);
        }
        this.#widen(stream, change);
      }
    }
    this.writer.settingsAck();
    this.checkControl();
  }

  onSettingsAck(): void {
    if (!this.#isSettingsPending) return;
    this.#isSettingsPending = false;
    // Until now the peer may have counted with the protocol's own window.
    const change = this.options.initialStreamWindowSize - this.streamWindow;
    this.streamWindow += change;
    if (change !== 0) for (const stream of this.table.all()) stream.receiveWindow += change;
    if (this.settingsTimer !== null) this.environment.timers.cancel(this.settingsTimer);
    this.#decoder.setMaxDynamicTableSize(this.options.hpackTableSize);
  }

  onPing(payload: Uint8Array, isAck: boolean): void {
    if (!isAck) {
      this.writer.ping(payload, true);
      this.checkControl();
    } else if (!this.keepalive.answered(payload)) {
      this.pingAnswered(payload);
    }
  }

  // From timers.

  onSettingsTimeout(): void {
    this.onConnectionError(ErrorCode.settingsTimeout, DETAILS.settingsTimeout);
  }

  onKeepaliveDue(): void {
    this.keepalive.ask();
    this.queueFlush();
  }

  onKeepaliveTimeout(): void {
    if (this.life !== Life.open) return;
    this.environment.stats.keepaliveTimeout.inc();
    this.connection.destroy();
    this.transportGone(DETAILS.keepaliveTimeout);
  }

  onFlushTimeout(stream: H2Stream): void {
    if (stream.owner === null) return;
    this.environment.stats.txFlushTimeout.inc();
    this.loseStream(stream as Stream, ErrorCode.cancel, "local_reset", DETAILS.flushTimeout);
  }
}
