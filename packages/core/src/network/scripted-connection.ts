/**
 * A connection without a socket, for tests of codecs, pools, connection managers and network filters: the test plays the peer. Records what is written, can hold
 * it back (a slow reader), and spoils every delivered buffer after its turn, so that whoever kept a view without `retainReadBuffer()` is found.
 */
import type { ConnectionInfo, TlsInfo } from "@sluice/sdk";
import { type Connection, type ConnectionEvents, readBuffer, retainReadBuffer } from "./connection.ts";
import { SocketInfo } from "./connection-info.ts";
import type { FlushQueue } from "./flush-queue.ts";

export interface ScriptedConnectionOptions {
  /** Run around every delivery, as a socket does. */
  readonly flushQueue?: FlushQueue;
  readonly info?: Partial<ConnectionInfo>;
  readonly tls?: TlsInfo | null;
  readonly highWatermark?: number;
  /** Tells `onClose` in a microtask after `destroy`, and after `closeAfterFlush` when everything was taken. @default true */
  readonly closesItself?: boolean;
}

/** How this side closed the connection; "" while it did not. */
export type ScriptedClose = "" | "end" | "flush" | "now" | "abort";

const SPOILT = 0x21;
let lastId = 0;

export class ScriptedConnection implements Connection {
  readonly info: SocketInfo;
  highWatermark: number;
  aboveWatermark = false;
  closed = false;
  bytesRead = 0;
  bytesWritten = 0;
  /** One entry per system call that a socket would make, oldest first. */
  readonly writes: Buffer[] = [];
  closedBy: ScriptedClose = "";
  /** Of `closeAfterFlush`; -1 where it was not called. */
  closeTimeoutMs = -1;
  /** Calls so far. */
  pauses = 0;
  unpauses = 0;
  readonly #flushQueue: FlushQueue | null;
  readonly #closesItself: boolean;
  #events: ConnectionEvents | null = null;
  #isStalled = false;
  #pending = 0;
  #hasToldClose = false;

  constructor(options: ScriptedConnectionOptions = {}) {
    const address = { address: "192.0.2.1:4711", ip: "192.0.2.1", port: 4711 };
    const local = { address: "192.0.2.2:80", ip: "192.0.2.2", port: 80 };
    const { info = {}, tls = null } = options;
    this.info = Object.assign(
      new SocketInfo(info.id ?? ++lastId, info.directRemote ?? address, info.local ?? local, info.tls ?? tls),
      info,
    );
    this.highWatermark = options.highWatermark ?? 1024 * 1024;
    this.#flushQueue = options.flushQueue ?? null;
    this.#closesItself = options.closesItself ?? true;
  }

  // The connection's side.

  setEvents(events: ConnectionEvents): void {
    this.#events = events;
  }

  write(data: Uint8Array): void {
    this.#record(Buffer.from(data));
  }

  writeLatin1(text: string): void {
    this.#record(Buffer.from(text, "latin1"));
  }

  writeHeadAndBody(head: string, body: Uint8Array): void {
    this.#record(Buffer.concat([Buffer.from(head, "latin1"), body]));
  }

  end(): void {
    if (this.closedBy === "") this.closedBy = "end";
  }

  closeAfterFlush(timeoutMs: number): void {
    if (this.closed) return;
    this.closedBy = "flush";
    this.closeTimeoutMs = timeoutMs;
    if (this.#pending === 0) this.#close();
  }

  destroy(abort = false): void {
    if (this.closed) return;
    this.closedBy = abort ? "abort" : "now";
    this.#close();
  }

  pause(): void {
    this.pauses++;
  }

  unpause(): void {
    this.unpauses++;
  }

  get paused(): boolean {
    return this.pauses > this.unpauses;
  }

  get pendingBytes(): number {
    return this.#pending;
  }

  // The peer's side.

  /** Everything written so far, one character per byte. */
  get text(): string {
    return Buffer.concat(this.writes).toString("latin1");
  }

  /** The same, and forgets it. */
  takeText(): string {
    const { text } = this;
    this.writes.length = 0;
    return text;
  }

  /** Bytes (or one per character) arrive, in one turn of their own. They are spoilt after it unless they were retained. */
  receive(data: Uint8Array | string, spoils = true): void {
    if (this.closed) return;
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : Buffer.from(data);
    this.bytesRead += bytes.length;
    readBuffer.retained = false;
    this.#turn((events) => events.onData(bytes));
    if (spoils && !readBuffer.retained) bytes.fill(SPOILT);
    readBuffer.retained = false;
  }

  /** The peer closes its write side. */
  receiveEnd(): void {
    this.#turn((events) => events.onEnd());
  }

  /** The connection is gone. */
  receiveClose(error = ""): void {
    this.closed = true;
    this.#tellClose(error);
  }

  /** The peer stops reading: what is written from now on waits. */
  stall(): void {
    this.#isStalled = true;
  }

  /** The peer reads `bytes` of what waits (all of it by default), and goes on reading where nothing is left. */
  drain(bytes = this.#pending): void {
    const before = this.#pending;
    this.#pending = Math.max(0, before - bytes);
    if (this.#pending === 0) this.#isStalled = false;
    if (this.aboveWatermark && this.#pending <= this.highWatermark / 2) {
      this.aboveWatermark = false;
      this.#turn((events) => events.onWriteLow());
    }
    if (before === 0 || this.#pending !== 0) return;
    this.#turn((events) => events.onDrained());
    if (this.closedBy === "flush") this.#close();
  }

  #record(bytes: Buffer): void {
    if (this.closedBy !== "" || this.closed) return;
    this.writes.push(bytes);
    this.bytesWritten += bytes.length;
    if (!this.#isStalled) return;
    retainReadBuffer();
    this.#pending += bytes.length;
    if (this.aboveWatermark || this.#pending <= this.highWatermark) return;
    this.aboveWatermark = true;
    this.#events?.onWriteHigh();
  }

  #turn(run: (events: ConnectionEvents) => void): void {
    const events = this.#events;
    if (events === null || this.#hasToldClose) return;
    this.#flushQueue?.enter();
    try {
      run(events);
    } finally {
      this.#flushQueue?.leave();
    }
  }

  #close(): void {
    this.closed = true;
    if (this.#closesItself) queueMicrotask(() => this.#tellClose(""));
  }

  #tellClose(error: string): void {
    this.#turn((events) => {
      this.#hasToldClose = true;
      events.onClose(error);
    });
  }
}
