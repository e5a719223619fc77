/** A connection as it looks behind network filters: what the connection manager gets where other filters stand before it. */
import type { ConnectionInfo, WatermarkListener } from "@sluice/sdk";
import { type Connection, type ConnectionEvents, NO_EVENTS } from "../connection.ts";
import type { ChainConnection } from "./chain-connection.ts";
import type { Drainable } from "./terminal.ts";

const NO_BYTES = new Uint8Array(0);

export class ChainTail implements Connection, WatermarkListener {
  events: ConnectionEvents = NO_EVENTS;
  drainable: Drainable | null = null;
  readonly #chained: ChainConnection;
  readonly #connection: Connection;
  /** Filters with `onWrite` see what is written. */
  readonly #isFiltered: boolean;
  #pauses = 0;
  /** Bytes wait, and `onDrained` is owed. */
  #isWaiting = false;
  /** The terminal has closed: it hears of nothing but the end. */
  #isDone = false;

  constructor(chained: ChainConnection) {
    this.#chained = chained;
    this.#connection = chained.connection;
    this.#isFiltered = chained.write.stageCount !== 0;
    chained.write.pressure.watch(this);
  }

  get info(): ConnectionInfo {
    return this.#connection.info;
  }

  setEvents(events: ConnectionEvents): void {
    this.events = events;
  }

  write(data: Uint8Array): void {
    if (this.closed || data.length === 0) return;
    this.#chained.write.push(0, data, false);
    this.#noteWaiting();
  }

  writeLatin1(text: string): void {
    if (this.closed || text.length === 0) return;
    if (this.#isFiltered) this.#chained.write.push(0, Buffer.from(text, "latin1"), false);
    else this.#connection.writeLatin1(text);
    this.#noteWaiting();
  }

  writeHeadAndBody(head: string, body: Uint8Array): void {
    if (this.closed) return;
    if (this.#isFiltered) this.#chained.write.push(0, Buffer.concat([Buffer.from(head, "latin1"), body]), false);
    else this.#connection.writeHeadAndBody(head, body);
    this.#noteWaiting();
  }

  end(): void {
    if (!this.closed) this.#chained.write.push(0, NO_BYTES, true);
  }

  closeAfterFlush(timeoutMs: number): void {
    if (this.closed) return;
    this.#isDone = true;
    this.#chained.closeFlush(0, timeoutMs, "");
  }

  destroy(abort = false): void {
    this.#isDone = true;
    this.#chained.finishFromTail();
    this.#connection.destroy(abort);
  }

  pause(): void {
    this.#pauses++;
    this.#chained.read.pressure.raise();
  }

  unpause(): void {
    if (this.#pauses === 0) throw new Error("unpause() without a pause()");
    this.#pauses--;
    this.#chained.read.pressure.lower();
  }

  get paused(): boolean {
    return this.#pauses !== 0;
  }

  get pendingBytes(): number {
    return this.#connection.pendingBytes + this.#chained.write.heldBytes;
  }

  get aboveWatermark(): boolean {
    return this.#chained.write.pressure.isHigh;
  }

  get highWatermark(): number {
    return this.#connection.highWatermark;
  }

  set highWatermark(bytes: number) {
    this.#connection.highWatermark = bytes;
  }

  /** Also after this side has closed and what it wrote is still under way. */
  get closed(): boolean {
    return this.#isDone || this.#chained.isOver || this.#connection.closed;
  }

  get bytesRead(): number {
    return this.#connection.bytesRead;
  }

  get bytesWritten(): number {
    return this.#connection.bytesWritten;
  }

  onAboveHighWatermark(): void {
    if (!this.#isDone) this.events.onWriteHigh();
  }

  onBelowLowWatermark(): void {
    if (!this.#isDone) this.events.onWriteLow();
  }

  /** Something left: was it the last of what waited? */
  checkDrained(): void {
    if (!this.#isWaiting || this.#isDone || this.pendingBytes !== 0) return;
    this.#isWaiting = false;
    this.events.onDrained();
  }

  #noteWaiting(): void {
    if (this.pendingBytes !== 0) this.#isWaiting = true;
  }
}
