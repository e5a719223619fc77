/**
 * Hot path: docs/extending/hot-path-rules.md. Frames out. What one turn writes is joined in one buffer and leaves in one write; large DATA payloads go beside it,
 * uncopied. Counts frames that the socket has not taken. Buffers come from a pool of the thread: when the kernel took everything they are free again.
 */
import type { Connection } from "../../../network/connection.ts";
import { latin1 } from "../h1/bytes.ts";
import { Flag, FrameType } from "./frame.ts";
import { ByteSink } from "./hpack/byte-sink.ts";

/**
 * Payloads up to this size, a frame's as peers are by default, are cheaper copied than as a write of their own: bodies of 1 MB cost a quarter less CPU than with
 * 4 KB here, since a turn's frames leave in one write.
 */
const MAX_COPIED = 16_384;
/** Up to this size a loop is cheaper than the native copy. */
const MAX_LOOPED = 96;
/** More than this does not wait for the turn's end. */
const MAX_JOINED = 65_536;
const BUFFER_BYTES = 4096;
/** What a pooled buffer may have grown to. */
const MAX_POOLED_BYTES = 131_072;
const MAX_POOLED = 16;

const pool: ByteSink[] = [];
const NO_BUFFER = new ByteSink(0);

export class FrameWriter {
  /** DATA frames so far. */
  dataFrames: number;
  /** Frames, and among them PING, SETTINGS and RST_STREAM, that may not have left yet. */
  frames: number;
  controlFrames: number;
  /** The peer's SETTINGS_MAX_FRAME_SIZE. */
  maxFrameSize: number;
  readonly #connection: Connection;
  readonly #isTls: boolean;
  #out: ByteSink;

  constructor(connection: Connection, maxFrameSize: number) {
    this.dataFrames = 0;
    this.frames = 0;
    this.controlFrames = 0;
    this.maxFrameSize = maxFrameSize;
    this.#connection = connection;
    this.#isTls = connection.info.tls !== null;
    this.#out = NO_BUFFER;
  }

  /** Bytes that wait for `flush`. */
  get waiting(): number {
    return this.#out.length;
  }

  /**
   * Begins a HEADERS frame: the caller's encoder appends to what is returned, whose `length` is then the block's start; `endBlock` takes that. Blocks larger
   * than a frame are cut there.
   */
  beginBlock(): ByteSink {
    const out = this.#reserve(64);
    out.length += 9;
    return out;
  }

  endBlock(streamId: number, blockStart: number, end: boolean): void {
    const out = this.#out;
    const start = blockStart - 9;
    const size = out.length - blockStart;
    this.frames++;
    const flag = end ? Flag.endStream : 0;
    if (size <= this.maxFrameSize)
      putHeader(out.bytes, start, size, FrameType.headers, flag | Flag.endHeaders, streamId);
    else this.#cut(streamId, start, size, flag);
    if (out.length > MAX_JOINED) this.flush();
  }

  /** Moves the block's tail apart, from the back, to make room for the headers of CONTINUATION frames. */
  #cut(streamId: number, start: number, size: number, flag: number): void {
    const out = this.#out;
    const step = this.maxFrameSize;
    const extra = Math.ceil(size / step) - 1;
    out.reserve(extra * 9);
    const { bytes } = out;
    for (let i = extra; i > 0; i--) {
      const from = start + 9 + i * step;
      const to = from + i * 9;
      const length = Math.min(step, size - i * step);
      bytes.copyWithin(to, from, from + length);
      putHeader(bytes, to - 9, length, FrameType.continuation, i === extra ? Flag.endHeaders : 0, streamId);
    }
    putHeader(bytes, start, step, FrameType.headers, flag, streamId);
    out.length += extra * 9;
    this.frames += extra;
  }

  /** One DATA frame with what stands in `data` from `from` to `to`: the caller keeps windows and the frame size. */
  data(streamId: number, data: Uint8Array, from: number, to: number, end: boolean): void {
    const length = to - from;
    this.frames++;
    this.dataFrames++;
    if (length > MAX_COPIED) {
      const out = this.#reserve(9);
      putHeader(out.bytes, out.length, length, FrameType.data, end ? Flag.endStream : 0, streamId);
      out.length += 9;
      const head = latin1(out.bytes, 0, out.length);
      out.length = 0;
      this.#connection.writeHeadAndBody(head, from === 0 && to === data.length ? data : data.subarray(from, to));
      return;
    }
    const out = this.#reserve(9 + length);
    const { bytes } = out;
    let at = out.length;
    putHeader(bytes, at, length, FrameType.data, end ? Flag.endStream : 0, streamId);
    at += 9;
    out.length = at + length;
    if (length > MAX_LOOPED) bytes.set(from === 0 && to === data.length ? data : data.subarray(from, to), at);
    else for (let i = from; i < to; i++) bytes[at++] = data[i]!;
    if (out.length > MAX_JOINED) this.flush();
  }

  rstStream(streamId: number, code: number): void {
    this.controlFrames++;
    this.#short(FrameType.rstStream, streamId, code);
  }

  windowUpdate(streamId: number, increment: number): void {
    this.#short(FrameType.windowUpdate, streamId, increment);
  }

  ping(payload: Uint8Array, isAck: boolean): void {
    this.controlFrames++;
    this.#frame(FrameType.ping, isAck ? Flag.ack : 0, payload);
  }

  /** Pairs of identifier and value, in a row. */
  settings(pairs: readonly number[]): void {
    this.controlFrames++;
    this.frames++;
    const length = pairs.length * 3;
    const out = this.#reserve(9 + length);
    const { bytes } = out;
    putHeader(bytes, out.length, length, FrameType.settings, 0, 0);
    let at = out.length + 9;
    for (let i = 0; i < pairs.length; i += 2) {
      bytes[at] = pairs[i]! >>> 8;
      bytes[at + 1] = pairs[i]!;
      put32(bytes, at + 2, pairs[i + 1]!);
      at += 6;
    }
    out.length = at;
  }

  settingsAck(): void {
    this.controlFrames++;
    this.frames++;
    const out = this.#reserve(9);
    putHeader(out.bytes, out.length, 0, FrameType.settings, Flag.ack, 0);
    out.length += 9;
  }

  goaway(lastStreamId: number, code: number): void {
    this.frames++;
    const out = this.#reserve(17);
    const { bytes, length } = out;
    putHeader(bytes, length, 8, FrameType.goaway, 0, 0);
    put32(bytes, length + 9, lastStreamId);
    put32(bytes, length + 13, code);
    out.length = length + 17;
  }

  /** Bytes as they are: the client's preface. */
  raw(bytes: Uint8Array): void {
    const out = this.#reserve(bytes.length);
    out.bytes.set(bytes, out.length);
    out.length += bytes.length;
  }

  /** Everything that waits goes to the socket. */
  flush(): void {
    const out = this.#out;
    const connection = this.#connection;
    if (out.length !== 0) {
      this.#out = NO_BUFFER;
      // A TLS socket never has everything written at once: it gets bytes of its own.
      connection.write(this.#isTls ? Uint8Array.prototype.slice.call(out.bytes, 0, out.length) : out.view());
      if (this.#isTls || connection.pendingBytes === 0) release(out);
    } else if (out !== NO_BUFFER) {
      this.#out = NO_BUFFER;
      release(out);
    }
    if (connection.pendingBytes === 0) this.allLeft();
  }

  /** Nothing that was written is waiting. */
  allLeft(): void {
    this.frames = 0;
    this.controlFrames = 0;
  }

  /** The connection is over. */
  drop(): void {
    const out = this.#out;
    this.#out = NO_BUFFER;
    if (out !== NO_BUFFER) release(out);
  }

  #reserve(count: number): ByteSink {
    let out = this.#out;
    if (out === NO_BUFFER) {
      out = pool.pop() ?? new ByteSink(BUFFER_BYTES);
      this.#out = out;
    }
    out.reserve(count);
    return out;
  }

  /** A frame of one 32-bit number. */
  #short(type: number, streamId: number, value: number): void {
    this.frames++;
    const out = this.#reserve(13);
    const { bytes, length } = out;
    putHeader(bytes, length, 4, type, 0, streamId);
    put32(bytes, length + 9, value);
    out.length = length + 13;
  }

  #frame(type: number, flags: number, payload: Uint8Array): void {
    this.frames++;
    const size = payload.length;
    const out = this.#reserve(9 + size);
    const { bytes, length } = out;
    putHeader(bytes, length, size, type, flags, 0);
    for (let i = 0; i < size; i++) bytes[length + 9 + i] = payload[i]!;
    out.length = length + 9 + size;
  }
}

function release(out: ByteSink): void {
  out.length = 0;
  if (pool.length < MAX_POOLED && out.bytes.length <= MAX_POOLED_BYTES) pool.push(out);
}

function put32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function putHeader(bytes: Uint8Array, at: number, length: number, type: number, flags: number, streamId: number): void {
  bytes[at] = length >>> 16;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  put32(bytes, at + 5, streamId);
}
