/**
 * Hot path: docs/extending/hot-path-rules.md. From bytes in any pieces to frames (RFC 9113 sections 4.1, 4.2, 6), without an object per frame: numbers and views go
 * to a `FrameSink`. DATA passes through as it comes; of other frames only what a piece cuts apart is copied. Header blocks arrive whole. What a frame looks like
 * is judged here, what it means by the sink.
 */
import { DETAILS } from "./details.ts";
import { EMPTY, ErrorCode, FRAME_HEADER_BYTES, Flag, FrameType, uint31, uint32 } from "./frame.ts";
import { HeaderBlock } from "./header-block.ts";

/** Where frames go. Views are valid until the call returns. */
export interface FrameSink {
  /** A DATA frame begins. `length` counts against the windows: padding too. */
  onDataBegin(streamId: number, length: number): void;
  /** So much of the frame that began last is padding, its length included. */
  onDataPadding(length: number): void;
  /** A piece of the frame that began last. `end`: the stream's last byte. */
  onDataPiece(data: Uint8Array, end: boolean): void;
  /** A whole block, which stands in `data` from `from` to `to`. `dependsOn`: of the priority fields; -1 where there are none. */
  onHeaderBlock(streamId: number, data: Uint8Array, from: number, to: number, end: boolean, dependsOn: number): void;
  onPriority(streamId: number, dependsOn: number): void;
  onRstStream(streamId: number, code: number): void;
  onSettings(payload: Uint8Array): void;
  onSettingsAck(): void;
  onPing(payload: Uint8Array, isAck: boolean): void;
  onGoaway(lastStreamId: number, code: number): void;
  onWindowUpdate(streamId: number, increment: number): void;
  /** HEADERS, CONTINUATION and DATA, when their length is known; for the count of empty ones. */
  onMessageFrame(isEmpty: boolean): void;
  /** The stream's last frame was not legal; the connection goes on. */
  onStreamError(streamId: number, code: number, detail: string): void;
  /** Nothing that follows can be understood. The sink MUST call `stop`. */
  onConnectionError(code: number, detail: string): void;
}

const State = { preface: 0, header: 1, payload: 2, padLength: 3, data: 4, skip: 5, stopped: 6 } as const;
type State = (typeof State)[keyof typeof State];

const CONTROL_PAYLOAD = 16;

export class FrameReader {
  readonly #sink: FrameSink;
  readonly #maxFrameSize: number;
  readonly #block: HeaderBlock;
  #state: State;
  /** The first frame must be SETTINGS. */
  #isFirst: boolean;
  #type: number;
  #flags: number;
  #streamId: number;
  /** Of the payload, not read yet. */
  #left: number;
  #padding: number;
  /** A frame header or payload that a piece cut apart: its bytes so far. */
  #partial: Uint8Array;
  #filled: number;
  /** Bytes of the client's preface that are expected still. */
  #preface: Uint8Array | null;
  #prefaceAt: number;

  constructor(sink: FrameSink, maxFrameSize: number, block: HeaderBlock, preface: Uint8Array | null) {
    this.#sink = sink;
    this.#maxFrameSize = maxFrameSize;
    this.#block = block;
    this.#state = preface === null ? State.header : State.preface;
    this.#isFirst = true;
    this.#type = 0;
    this.#flags = 0;
    this.#streamId = 0;
    this.#left = 0;
    this.#padding = 0;
    this.#partial = EMPTY;
    this.#filled = 0;
    this.#preface = preface;
    this.#prefaceAt = 0;
  }

  /** The stream of which a header block has begun and not ended; 0: none. */
  get blockStreamId(): number {
    const { streamId } = this.#block;
    if (streamId !== 0) return streamId;
    return this.#state === State.payload && this.#type === FrameType.headers ? this.#streamId : 0;
  }

  stop(): void {
    this.#state = State.stopped;
    this.#partial = EMPTY;
    this.#filled = 0;
    this.#block.clear();
  }

  read(data: Uint8Array): void {
    const { length } = data;
    let at = 0;
    while (at < length) {
      switch (this.#state) {
        case State.header:
          at = this.#readHeader(data, at);
          break;
        case State.data:
          at = this.#readData(data, at);
          break;
        case State.payload:
          at = this.#readPayload(data, at);
          break;
        case State.padLength:
          at = this.#readPadLength(data, at);
          break;
        case State.skip:
          at = this.#skip(data, at);
          break;
        case State.preface:
          at = this.#readPreface(data, at);
          break;
        default:
          return;
      }
    }
  }

  #readPreface(data: Uint8Array, from: number): number {
    const preface = this.#preface!;
    let at = from;
    while (at < data.length && this.#prefaceAt < preface.length) {
      if (data[at] !== preface[this.#prefaceAt]) return this.#break(ErrorCode.protocolError, DETAILS.badPreface, data);
      at++;
      this.#prefaceAt++;
    }
    if (this.#prefaceAt === preface.length) {
      this.#preface = null;
      this.#state = State.header;
    }
    return at;
  }

  #readHeader(data: Uint8Array, at: number): number {
    if (this.#filled === 0 && data.length - at >= FRAME_HEADER_BYTES) {
      this.#begin(data, at);
      return at + FRAME_HEADER_BYTES;
    }
    const next = this.#collect(data, at, FRAME_HEADER_BYTES);
    if (this.#filled === FRAME_HEADER_BYTES) {
      this.#filled = 0;
      this.#begin(this.#partial, 0);
    }
    return next;
  }

  /** Copies into `#partial` up to `size` bytes in all. Returns where it stopped in `data`. */
  #collect(data: Uint8Array, at: number, size: number): number {
    if (this.#partial.length < size) {
      // Only at the beginning of a header or payload: nothing is lost.
      this.#partial = new Uint8Array(Math.max(size, CONTROL_PAYLOAD));
    }
    const count = Math.min(size - this.#filled, data.length - at);
    const partial = this.#partial;
    const filled = this.#filled;
    for (let i = 0; i < count; i++) partial[filled + i] = data[at + i]!;
    this.#filled = filled + count;
    return at + count;
  }

  /** A frame header: what it alone can have wrong, and how its payload is read. */
  #begin(data: Uint8Array, at: number): void {
    const length = (data[at]! << 16) | (data[at + 1]! << 8) | data[at + 2]!;
    const type = data[at + 3]!;
    const flags = data[at + 4]!;
    const streamId = uint31(data, at + 5);
    this.#type = type;
    this.#flags = flags;
    this.#streamId = streamId;
    this.#left = length;
    const blockId = this.#block.streamId;
    if (length > this.#maxFrameSize) return this.#fail(ErrorCode.frameSizeError, DETAILS.frameTooLarge);
    if (this.#isFirst) {
      if (type !== FrameType.settings || (flags & Flag.ack) !== 0) {
        return this.#fail(ErrorCode.protocolError, DETAILS.noSettingsFirst);
      }
      this.#isFirst = false;
    }
    if (blockId !== 0 && (type !== FrameType.continuation || streamId !== blockId)) {
      return this.#fail(ErrorCode.protocolError, DETAILS.blockInterrupted);
    }
    if (type === FrameType.data) this.#beginData(length, flags, streamId);
    else if (type <= FrameType.continuation) this.#beginOther(type, length, flags, streamId);
    else this.#state = length === 0 ? State.header : State.skip;
  }

  #beginData(length: number, flags: number, streamId: number): void {
    if (streamId === 0) return this.#fail(ErrorCode.protocolError, DETAILS.badStreamId);
    this.#padding = 0;
    const isPadded = (flags & Flag.padded) !== 0;
    if (isPadded && length === 0) return this.#fail(ErrorCode.frameSizeError, DETAILS.badPadding);
    // Set before the sink is told: it may stop the reader.
    this.#state = isPadded ? State.padLength : length === 0 ? State.header : State.data;
    if (!isPadded) this.#sink.onMessageFrame(length === 0 && (flags & Flag.endStream) === 0);
    if (this.#isStopped()) return;
    this.#sink.onDataBegin(streamId, length);
    if (length === 0 && (flags & Flag.endStream) !== 0 && !this.#isStopped()) this.#sink.onDataPiece(EMPTY, true);
  }

  #beginOther(type: number, length: number, flags: number, streamId: number): void {
    const fault = this.#fault(type, length, flags, streamId);
    if (fault !== "") {
      if (type === FrameType.priority && fault === DETAILS.badLength) {
        this.#state = State.skip;
        if (length === 0) this.#state = State.header;
        this.#sink.onStreamError(streamId, ErrorCode.frameSizeError, fault);
        return;
      }
      return this.#fail(fault === DETAILS.badLength ? ErrorCode.frameSizeError : ErrorCode.protocolError, fault);
    }
    this.#state = State.payload;
    if (length === 0) {
      this.#state = State.header;
      this.#payload(EMPTY, 0, 0);
    }
  }

  /** "" or what is wrong with the header of a frame other than DATA. */
  #fault(type: number, length: number, flags: number, streamId: number): string {
    switch (type) {
      case FrameType.headers:
        if (streamId === 0) return DETAILS.badStreamId;
        return (flags & Flag.padded) !== 0 && length === 0 ? DETAILS.badLength : "";
      case FrameType.continuation:
        if (this.#block.streamId === 0) return DETAILS.unexpectedContinuation;
        return "";
      case FrameType.priority:
        if (streamId === 0) return DETAILS.badStreamId;
        return length === 5 ? "" : DETAILS.badLength;
      case FrameType.rstStream:
        if (streamId === 0) return DETAILS.badStreamId;
        return length === 4 ? "" : DETAILS.badLength;
      case FrameType.settings:
        if (streamId !== 0) return DETAILS.badStreamId;
        if ((flags & Flag.ack) !== 0) return length === 0 ? "" : DETAILS.badLength;
        return length % 6 === 0 ? "" : DETAILS.badLength;
      case FrameType.ping:
        if (streamId !== 0) return DETAILS.badStreamId;
        return length === 8 ? "" : DETAILS.badLength;
      case FrameType.goaway:
        if (streamId !== 0) return DETAILS.badStreamId;
        return length >= 8 ? "" : DETAILS.badLength;
      case FrameType.windowUpdate:
        return length === 4 ? "" : DETAILS.badLength;
      default:
        // PUSH_PROMISE: a client must not send it, and our clients forbid it (section 6.6).
        return DETAILS.pushPromise;
    }
  }

  #readPadLength(data: Uint8Array, at: number): number {
    const padding = data[at]!;
    this.#left--;
    if (padding > this.#left) return this.#break(ErrorCode.protocolError, DETAILS.badPadding, data);
    this.#padding = padding;
    this.#left -= padding;
    const ends = (this.#flags & Flag.endStream) !== 0;
    const isEmpty = this.#left === 0;
    this.#state = isEmpty ? this.#afterData() : State.data;
    this.#sink.onMessageFrame(isEmpty && !ends);
    if (!this.#isStopped()) this.#sink.onDataPadding(padding + 1);
    if (isEmpty && ends && !this.#isStopped()) this.#sink.onDataPiece(EMPTY, true);
    return at + 1;
  }

  #readData(data: Uint8Array, at: number): number {
    const count = Math.min(this.#left, data.length - at);
    this.#left -= count;
    const isLast = this.#left === 0;
    if (isLast) this.#state = this.#afterData();
    const end = at + count;
    this.#sink.onDataPiece(
      at === 0 && end === data.length ? data : data.subarray(at, end),
      isLast && (this.#flags & Flag.endStream) !== 0,
    );
    return end;
  }

  #afterData(): State {
    this.#left = this.#padding;
    return this.#padding === 0 ? State.header : State.skip;
  }

  #skip(data: Uint8Array, at: number): number {
    const count = Math.min(this.#left, data.length - at);
    this.#left -= count;
    if (this.#left === 0) this.#state = State.header;
    return at + count;
  }

  #readPayload(data: Uint8Array, at: number): number {
    const size = this.#left;
    if (this.#filled === 0 && data.length - at >= size) {
      this.#state = State.header;
      this.#payload(data, at, at + size);
      return at + size;
    }
    const next = this.#collect(data, at, size);
    if (this.#filled < size) return next;
    const partial = this.#partial;
    this.#filled = 0;
    this.#state = State.header;
    this.#payload(partial, 0, size);
    // An idle connection keeps no large buffer.
    if (partial.length > CONTROL_PAYLOAD) this.#partial = EMPTY;
    return next;
  }

  /** A whole payload of any frame but DATA. */
  #payload(data: Uint8Array, start: number, end: number): void {
    const sink = this.#sink;
    const flags = this.#flags;
    switch (this.#type) {
      case FrameType.headers:
        return this.#headers(data, start, end);
      case FrameType.continuation:
        return this.#continuation(data, start, end);
      case FrameType.windowUpdate:
        return sink.onWindowUpdate(this.#streamId, uint31(data, start));
      case FrameType.rstStream:
        return sink.onRstStream(this.#streamId, uint32(data, start));
      case FrameType.priority:
        return sink.onPriority(this.#streamId, uint31(data, start));
      case FrameType.ping:
        return sink.onPing(data.subarray(start, end), (flags & Flag.ack) !== 0);
      case FrameType.goaway:
        return sink.onGoaway(uint31(data, start), uint32(data, start + 4));
      default:
        if ((flags & Flag.ack) !== 0) sink.onSettingsAck();
        else sink.onSettings(data.subarray(start, end));
    }
  }

  #headers(data: Uint8Array, start: number, end: number): void {
    const flags = this.#flags;
    let at = start;
    let stop = end;
    let dependsOn = -1;
    if ((flags & Flag.padded) !== 0) stop -= data[at++]!;
    if ((flags & Flag.priority) !== 0) {
      if (end - at < 5) return this.#fail(ErrorCode.frameSizeError, DETAILS.badLength);
      dependsOn = uint31(data, at);
      at += 5;
    }
    if (stop < at) return this.#fail(ErrorCode.protocolError, DETAILS.badPadding);
    const ends = (flags & Flag.endStream) !== 0;
    this.#sink.onMessageFrame(at === stop && !ends);
    if (this.#isStopped()) return;
    if ((flags & Flag.endHeaders) !== 0) {
      this.#sink.onHeaderBlock(this.#streamId, data, at, stop, ends, dependsOn);
      return;
    }
    if (!this.#block.start(this.#streamId, data, at, stop, ends, dependsOn)) {
      this.#fail(ErrorCode.enhanceYourCalm, DETAILS.blockTooLarge);
    }
  }

  #continuation(data: Uint8Array, start: number, end: number): void {
    const block = this.#block;
    // As Envoy: here the flag of HEADERS has no meaning, and an empty one serves nothing.
    this.#sink.onMessageFrame(start === end);
    if (this.#isStopped()) return;
    if (!block.add(data, start, end)) return this.#fail(ErrorCode.enhanceYourCalm, DETAILS.blockTooLarge);
    if ((this.#flags & Flag.endHeaders) === 0) return;
    const { streamId, ends, dependsOn } = block;
    const bytes = block.take();
    this.#sink.onHeaderBlock(streamId, bytes, 0, bytes.length, ends, dependsOn);
  }

  /** Read anew: the sink may have stopped the reader. */
  #isStopped(): boolean {
    return this.#state === State.stopped;
  }

  #fail(code: number, detail: string): void {
    this.#sink.onConnectionError(code, detail);
  }

  #break(code: number, detail: string, data: Uint8Array): number {
    this.#fail(code, detail);
    return data.length;
  }
}
