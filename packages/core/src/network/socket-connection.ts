/**
 * Hot path (docs/extending/hot-path-rules.md). A connection over net.Socket or tls.TLSSocket, downstream and upstream: watermarks, counted pauses,
 * delayed close, one `onClose`. The socket's listeners are functions of the module that find the connection on the socket. Where everything that is
 * written fits into the kernel's buffer, a write costs no callback and no allocation; only a connection that has bytes waiting asks to be called back.
 */
import type { Socket } from "node:net";
import type { ConnectionInfo } from "@sluice/sdk";
import { TimerNode, type Timers } from "../timing/clock.ts";
import type { LogSink } from "../worker/log.ts";
import { type Connection, type ConnectionEvents, NO_EVENTS, readBuffer, retainReadBuffer } from "./connection.ts";
import type { FlushQueue } from "./flush-queue.ts";
import {
  type BufferReader,
  DEFAULT_READ_BUFFER,
  READER,
  ReadBufferPolicy,
  type ReadBufferSizes,
} from "./read-buffer.ts";
import { errorWord } from "./socket-error.ts";

/** What a connection needs of its thread; the worker's services have it. */
export interface ConnectionEnvironment {
  readonly timers: Timers;
  readonly flushQueue: FlushQueue;
  readonly log: LogSink;
}

/** Whoever keeps count of connections; told after the events' own `onClose`. */
export interface ConnectionOwner {
  onConnectionClosed(connection: SocketConnection, error: string): void;
}

export interface SocketConnectionOptions {
  readonly socket: Socket;
  /** The TCP socket below a TLS one; the socket itself on a plain connection. A reset goes through it. */
  readonly transport: Socket;
  readonly info: ConnectionInfo;
  readonly environment: ConnectionEnvironment;
  readonly highWatermark: number;
  readonly owner: ConnectionOwner | null;
  /** The socket was made with `onread`: reads go into buffers of its own. */
  readonly usesReadBuffer: boolean;
  readonly readBufferSizes?: ReadBufferSizes;
}

/** How long a delayed close waits for a peer that takes nothing of what is waiting. */
const STALLED_FLUSH_MS = 30_000;
const EMPTY = new Uint8Array(0);

/** As Node's own time-outs of sockets look at it. */
interface WithHandle {
  readonly _handle?: { readonly writeQueueSize?: number } | null;
}

interface OwnedSocket extends Socket {
  [READER]: SocketConnection;
}

export class SocketConnection extends TimerNode implements Connection, BufferReader {
  readonly info: ConnectionInfo;
  highWatermark: number;
  aboveWatermark = false;
  closed = false;
  bytesRead = 0;
  bytesWritten = 0;

  readonly #socket: Socket;
  readonly #transport: Socket;
  readonly #environment: ConnectionEnvironment;
  readonly #owner: ConnectionOwner | null;
  readonly #policy: ReadBufferPolicy | null;
  readonly #isTls: boolean;
  #events: ConnectionEvents = NO_EVENTS;
  #pauses = 0;
  /** Whether `write` still does something. */
  #isWritable = true;
  /** Whether bytes wait to be written, and `onDrained` is owed. */
  #isWaiting = false;
  /** After `closeAfterFlush`: what comes in is dropped. */
  #isClosing = false;
  #closeTimeoutMs = 0;
  #pendingAtLastCheck = 0;
  #onWritten: (() => void) | null = null;
  #error = "";

  constructor(options: SocketConnectionOptions) {
    super();
    const { socket } = options;
    this.info = options.info;
    this.highWatermark = options.highWatermark;
    this.#socket = socket;
    this.#transport = options.transport;
    this.#environment = options.environment;
    this.#owner = options.owner;
    this.#isTls = options.socket !== options.transport;
    this.#policy = options.usesReadBuffer ? new ReadBufferPolicy(options.readBufferSizes ?? DEFAULT_READ_BUFFER) : null;
    (socket as OwnedSocket)[READER] = this;
    if (!options.usesReadBuffer) socket.on("data", onSocketData);
    socket.on("end", onSocketEnd);
    socket.on("error", onSocketError);
    socket.on("close", onSocketClose);
  }

  setEvents(events: ConnectionEvents): void {
    this.#events = events;
  }

  get paused(): boolean {
    return this.#pauses !== 0;
  }

  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  write(data: Uint8Array): void {
    if (!this.#isWritable || data.length === 0) return;
    this.bytesWritten += data.length;
    const socket = this.#socket;
    if (this.#isWaiting || this.#isTls) socket.write(data, this.#writtenCallback());
    else socket.write(data);
    if (socket.writableLength !== 0) this.#wait();
  }

  writeLatin1(text: string): void {
    if (!this.#isWritable || text.length === 0) return;
    this.bytesWritten += text.length;
    const socket = this.#socket;
    if (this.#isWaiting || this.#isTls) socket.write(text, "latin1", this.#writtenCallback());
    else socket.write(text, "latin1");
    if (socket.writableLength !== 0) this.#wait();
  }

  writeHeadAndBody(head: string, body: Uint8Array): void {
    if (!this.#isWritable) return;
    this.bytesWritten += head.length + body.length;
    const socket = this.#socket;
    socket.cork();
    socket.write(head, "latin1");
    if (this.#isWaiting || this.#isTls) socket.write(body, this.#writtenCallback());
    else socket.write(body);
    socket.uncork();
    if (socket.writableLength !== 0) this.#wait();
  }

  end(): void {
    if (!this.#isWritable) return;
    this.#isWritable = false;
    this.#socket.end();
  }

  closeAfterFlush(timeoutMs: number): void {
    if (this.closed || this.#isClosing) return;
    this.#isClosing = true;
    const socket = this.#socket;
    // Unread bytes would make the kernel answer the close with a reset, which may destroy what the peer has not read yet.
    if (this.#pauses !== 0) socket.resume();
    this.end();
    this.#closeTimeoutMs = timeoutMs;
    if (timeoutMs === 0) {
      if (socket.writableFinished) {
        this.destroy();
        return;
      }
      socket.once("finish", onSocketFinish);
    }
    this.#pendingAtLastCheck = this.#unsent;
    if (this.#pendingAtLastCheck !== 0) this.#environment.timers.arm(this, Math.max(timeoutMs, STALLED_FLUSH_MS));
    else if (timeoutMs !== 0) this.#environment.timers.arm(this, timeoutMs);
  }

  destroy(abort = false): void {
    if (this.closed) return;
    this.#release();
    if (abort && this.info.directRemote.ip !== "") this.#transport.resetAndDestroy();
    else this.#socket.destroy();
  }

  pause(): void {
    if (this.#pauses++ === 0 && !this.#isClosing) this.#socket.pause();
  }

  unpause(): void {
    if (this.#pauses === 0) throw new Error("unpause() without a pause()");
    if (--this.#pauses === 0 && !this.closed) this.#socket.resume();
  }

  /** What the stream counts, and what the kernel has not taken of the write that is under way: of that one the stream counts all until it is done. */
  get #unsent(): number {
    const { writableLength } = this.#socket;
    return writableLength === 0
      ? 0
      : writableLength + ((this.#socket as unknown as WithHandle)._handle?.writeQueueSize ?? 0);
  }

  /** The delayed close's deadline. */
  override onTimeout(): void {
    if (this.closed) return;
    const waiting = this.#unsent;
    const isMoving = waiting < this.#pendingAtLastCheck;
    if (!isMoving) {
      // An orderly end would make what has arrived look whole.
      this.destroy(waiting !== 0);
      return;
    }
    this.#pendingAtLastCheck = waiting;
    const ms = waiting === 0 ? this.#closeTimeoutMs : Math.max(this.#closeTimeoutMs, STALLED_FLUSH_MS);
    if (ms !== 0) this.#environment.timers.arm(this, ms);
  }

  readInto(buffer: Uint8Array, count: number): Uint8Array {
    readBuffer.retained = false;
    this.received(count === buffer.length ? buffer : buffer.subarray(0, count));
    return this.#policy!.after(buffer, count, readBuffer.retained);
  }

  /** For the socket's listeners. */
  received(data: Uint8Array): void {
    if (this.closed || this.#isClosing) return;
    this.bytesRead += data.length;
    const queue = this.#environment.flushQueue;
    queue.enter();
    try {
      this.#events.onData(data);
    } catch (error) {
      this.#fault(error);
    }
    try {
      queue.leave();
    } catch (error) {
      this.#fault(error);
    }
  }

  /** For the socket's listeners. */
  ended(): void {
    if (this.closed || this.#isClosing) return;
    const queue = this.#environment.flushQueue;
    queue.enter();
    try {
      this.#events.onEnd();
    } catch (error) {
      this.#fault(error);
    }
    try {
      queue.leave();
    } catch (error) {
      this.#fault(error);
    }
  }

  /** For the socket's listeners. */
  failed(error: unknown): void {
    if (this.closed) return;
    this.#error = errorWord(error);
    this.#release();
  }

  /** For the socket's listeners. */
  gone(): void {
    if (!this.closed) this.#release();
    const events = this.#events;
    this.#events = NO_EVENTS;
    try {
      events.onClose(this.#error);
    } catch (error) {
      this.#environment.log.write("error", "network", "a connection's close handler threw", { error });
    } finally {
      this.#owner?.onConnectionClosed(this, this.#error);
    }
  }

  #release(): void {
    this.closed = true;
    this.#isWritable = false;
    if (this.#isClosing) this.#environment.timers.cancel(this);
  }

  /** The kernel did not take everything: what was written stays in use, and its end must be noticed. */
  #wait(): void {
    retainReadBuffer();
    const socket = this.#socket;
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      // The write that is under way was given no callback; an empty one behind it has one.
      if (!this.#isTls) socket.write(EMPTY, this.#writtenCallback());
    }
    if (!this.aboveWatermark && socket.writableLength > this.highWatermark) {
      this.aboveWatermark = true;
      this.#events.onWriteHigh();
    }
  }

  /** One closure for a connection's whole life, made when it first has to wait. */
  #writtenCallback(): () => void {
    this.#onWritten ??= () => this.#written();
    return this.#onWritten;
  }

  #written(): void {
    if (this.closed || !this.#isWaiting) return;
    const socket = this.#socket;
    if (this.#isClosing) {
      if (socket.writableLength === 0) this.#flushed();
      return;
    }
    const queue = this.#environment.flushQueue;
    queue.enter();
    try {
      if (this.aboveWatermark && socket.writableLength * 2 <= this.highWatermark) {
        this.aboveWatermark = false;
        this.#events.onWriteLow();
      }
      if (this.#isWaiting && socket.writableLength === 0) {
        this.#isWaiting = false;
        this.#events.onDrained();
      }
    } catch (error) {
      this.#fault(error);
    }
    try {
      queue.leave();
    } catch (error) {
      this.#fault(error);
    }
  }

  /** Everything is written: from now on only the peer's close is waited for. */
  #flushed(): void {
    this.#isWaiting = false;
    this.#pendingAtLastCheck = 0;
    if (this.#closeTimeoutMs !== 0) this.#environment.timers.arm(this, this.#closeTimeoutMs);
  }

  /** The rescue point: a mistake in a codec or an engine costs one connection. */
  #fault(error: unknown): void {
    this.#environment.log.write("error", "network", "a connection's handler threw; the connection is reset", {
      connection: this.info.id,
      error,
    });
    this.#error = "internal_error";
    this.destroy(true);
  }
}

function onSocketData(this: Socket, data: Uint8Array): void {
  (this as OwnedSocket)[READER].received(data);
}

function onSocketEnd(this: Socket): void {
  (this as OwnedSocket)[READER].ended();
}

function onSocketError(this: Socket, error: unknown): void {
  (this as OwnedSocket)[READER].failed(error);
}

function onSocketClose(this: Socket): void {
  (this as OwnedSocket)[READER].gone();
}

function onSocketFinish(this: Socket): void {
  (this as OwnedSocket)[READER].destroy();
}
