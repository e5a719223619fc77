/**
 * Hot path: docs/extending/hot-path-rules.md. Decides which stream's DATA goes out (RFC 9113 sections 5.2, 6.9): the windows of the stream and the connection, and
 * a socket that has bytes waiting counts as a closed window. Streams that the connection holds back take turns, a frame each. Only DATA waits here.
 */
import type { Connection } from "../../../network/connection.ts";
import { ByteQueue, NO_BYTES } from "./byte-queue.ts";
import { DEFAULT_WINDOW, EMPTY } from "./frame.ts";
import type { FrameWriter } from "./frame-writer.ts";
import type { Http2Stats } from "./options.ts";
import type { H2Stream } from "./stream.ts";

/** More than this in the socket's hands: DATA waits until it has left. */
const BLOCKED_ABOVE = 65_536;
/** Of one stream, before the next one's turn. */
const QUANTUM = 16_384;
/** While the connection as a whole holds more than its watermark, a stream may hold this much. */
const SQUEEZED_HIGH = 16_384;

export class Sender {
  /** The connection's. */
  window: number;
  /** The socket has enough to do. */
  isBlocked: boolean;
  /** Bytes in the queues of all streams. */
  waiting: number;
  readonly writer: FrameWriter;
  readonly #connection: Connection;
  readonly #streamBufferBytes: number;
  readonly #stats: Http2Stats;
  /** The next in turn; null: the ring is empty. */
  #ring: H2Stream | null;
  /** Streams that fell below their low watermark in this run. */
  readonly #lows: H2Stream[];
  /** Ran into a window or the socket; `run` may find it open again. */
  isDue: boolean;

  constructor(connection: Connection, writer: FrameWriter, streamBufferBytes: number, stats: Http2Stats) {
    this.window = DEFAULT_WINDOW;
    this.isBlocked = false;
    this.waiting = 0;
    this.writer = writer;
    this.#connection = connection;
    this.#streamBufferBytes = streamBufferBytes;
    this.#stats = stats;
    this.#ring = null;
    this.#lows = [];
    this.isDue = false;
  }

  /** Body bytes of a stream, in order: sent as far as they may, the rest waits. */
  send(stream: H2Stream, data: Uint8Array, end: boolean): void {
    const { length } = data;
    let at = 0;
    if (stream.queue.bytes === 0) {
      if (length === 0) {
        this.#data(stream, EMPTY, 0, 0, end);
        return;
      }
      const { maxFrameSize } = this.writer;
      while (at < length && !this.isBlocked) {
        const count = Math.min(length - at, this.window, stream.sendWindow, maxFrameSize);
        if (count <= 0) break;
        this.#data(stream, data, at, at + count, end && at + count === length);
        at += count;
      }
      if (at === length) return;
    }
    if (at < length) {
      if (stream.queue === NO_BYTES) stream.queue = new ByteQueue();
      stream.queue.keep(data, at);
      this.waiting += length - at;
      this.#stats.pendingSendBytes.inc(length - at);
      if (stream.sendWindow > 0) this.schedule(stream);
      if (!stream.isHigh && this.#isHigh(stream)) {
        stream.isHigh = true;
        stream.tellHigh();
      }
    }
    if (end && stream.owner !== null) stream.owner.armFlushTimer(stream);
  }

  /** Its window has opened, or its bytes wait for the connection alone. */
  schedule(stream: H2Stream): void {
    if (stream.next !== null) return;
    const ring = this.#ring;
    if (ring === null) {
      stream.next = stream;
      stream.prev = stream;
      this.#ring = stream;
    } else {
      // Last in turn.
      stream.next = ring;
      stream.prev = ring.prev;
      ring.prev!.next = stream;
      ring.prev = stream;
    }
  }

  /** The stream is over: what it had waiting is dropped. */
  forget(stream: H2Stream): void {
    this.#unschedule(stream);
    const dropped = stream.queue.clear();
    if (dropped === 0) return;
    this.waiting -= dropped;
    this.#stats.pendingSendBytes.dec(dropped);
  }

  #unschedule(stream: H2Stream): void {
    const { next } = stream;
    if (next === null) return;
    if (next === stream) this.#ring = null;
    else {
      stream.prev!.next = next;
      next.prev = stream.prev;
      if (this.#ring === stream) this.#ring = next;
    }
    stream.next = null;
    stream.prev = null;
  }

  /** The socket took what waited. */
  unblock(): void {
    if (!this.isBlocked || this.#connection.pendingBytes > BLOCKED_ABOVE) return;
    this.isBlocked = false;
    this.isDue = true;
  }

  /** After a write. */
  checkSocket(): void {
    if (this.#connection.pendingBytes > Math.min(BLOCKED_ABOVE, this.#connection.highWatermark)) this.isBlocked = true;
  }

  /** Sends what windows and socket let out, a frame per stream in turn. */
  run(): void {
    this.isDue = false;
    while (this.#ring !== null && !this.isBlocked && this.window > 0) {
      const stream = this.#ring;
      this.#some(stream);
      if (stream.next === null) continue;
      if (stream.queue.bytes === 0 || stream.sendWindow <= 0) this.#unschedule(stream);
      else this.#ring = stream.next;
      if (this.writer.waiting > BLOCKED_ABOVE) {
        this.writer.flush();
        this.checkSocket();
      }
    }
    this.#tellLows();
  }

  #some(stream: H2Stream): void {
    const { queue } = stream;
    const { maxFrameSize } = this.writer;
    let budget = QUANTUM;
    let count = 0;
    for (let data = queue.head; data !== null && budget > 0 && !this.isBlocked; data = queue.head) {
      const from = queue.offset;
      count = Math.min(data.length - from, this.window, stream.sendWindow, maxFrameSize, budget);
      if (count <= 0) break;
      budget -= count;
      const isLast = count === queue.bytes && stream.isEnding && stream.trailers === null;
      queue.take(count);
      this.waiting -= count;
      this.#stats.pendingSendBytes.dec(count);
      this.#data(stream, data, from, from + count, isLast);
    }
    if (stream.isHigh && queue.bytes <= this.#lowMark()) this.#lows.push(stream);
    const { owner, trailers } = stream;
    if (owner === null || !stream.isEnding) return;
    if (queue.bytes !== 0) {
      if (budget < QUANTUM) owner.armFlushTimer(stream);
    } else if (trailers !== null) {
      stream.trailers = null;
      owner.writeTrailers(stream, trailers);
    }
  }

  #data(stream: H2Stream, data: Uint8Array, from: number, to: number, end: boolean): void {
    const count = to - from;
    this.window -= count;
    stream.sendWindow -= count;
    this.writer.data(stream.id, data, from, to, end);
    // Large payloads went to the socket at once.
    if (this.writer.waiting === 0) this.checkSocket();
    if (end) stream.owner!.localEnded(stream);
  }

  #isHigh(stream: H2Stream): boolean {
    const { bytes } = stream.queue;
    if (bytes > this.#streamBufferBytes) return true;
    return bytes > SQUEEZED_HIGH && this.waiting > this.#connection.highWatermark;
  }

  #lowMark(): number {
    const half = this.#streamBufferBytes >> 1;
    return this.waiting * 2 > this.#connection.highWatermark ? Math.min(half, SQUEEZED_HIGH >> 1) : half;
  }

  /** After the run: what the engine sends now finds the ring in order. */
  #tellLows(): void {
    const lows = this.#lows;
    for (let i = 0; i < lows.length; i++) {
      const stream = lows[i]!;
      if (!stream.isHigh || stream.owner === null) continue;
      stream.isHigh = false;
      stream.tellLow();
    }
    lows.length = 0;
  }
}
