/**
 * Hot path: docs/extending/hot-path-rules.md. What both sides' streams have in common (RFC 9113 sections 5.1, 5.2, 6.9): windows, bytes that wait on their way
 * out for the peer and on their way in for a paused engine, watermarks, and the promise that `content-length` is. One object per stream; inert when it is over.
 */
import type { ResetReason } from "../codec.ts";
import type { HeaderField } from "../../headers/field.ts";
import { HeaderMap } from "../../headers/header-map.ts";
import { ByteQueue, NO_BYTES } from "./byte-queue.ts";
import { DETAILS } from "./details.ts";
import { EMPTY } from "./frame.ts";
import type { Sender } from "./sender.ts";
import type { FlushTimer } from "./timers.ts";

/** The codec, as its streams see it. */
export interface StreamOwner {
  readonly sender: Sender;
  /** Something waits to be written or to be told: `flush` of the codec will come. */
  queueFlush(): void;
  writeTrailers(stream: H2Stream, trailers: HeaderMap): void;
  /** END_STREAM was written. */
  localEnded(stream: H2Stream): void;
  /** The engine has taken `bytes` of the stream's input. */
  consumed(stream: H2Stream, bytes: number): void;
  /** What was held is to be told at the next flush. */
  deliverLater(stream: H2Stream): void;
  failLater(stream: H2Stream): void;
  armFlushTimer(stream: H2Stream): void;
}

export abstract class H2Stream {
  /** 0: a client's stream whose headers have not been sent. */
  id: number;
  /** null: the stream is over, every call is inert. */
  owner: StreamOwner | null;

  // On the way out.
  sendWindow: number;
  hasSentHeaders: boolean;
  /** The engine has said the end; it may wait behind `queue`. */
  isEnding: boolean;
  /** END_STREAM is written. */
  hasSentEnd: boolean;
  /** The body is not sent: answers to HEAD, 204, 304. */
  dropsBody: boolean;
  /** Bytes that our `content-length` still promises; -1: none does. */
  promised: number;
  isHigh: boolean;
  queue: ByteQueue;
  trailers: HeaderMap | null;
  /** The ring of streams that could send if the connection let them. */
  next: H2Stream | null;
  prev: H2Stream | null;
  flushTimer: FlushTimer | null;
  /** Why the message cannot be completed; "" while it can. */
  failure: string;

  // On the way in.
  /** What the peer may still send. */
  receiveWindow: number;
  /** What was consumed and not yet given back. */
  unreported: number;
  hasReceivedEnd: boolean;
  /** Bytes that the peer's `content-length` still promises; -1: none does. */
  expected: number;
  isPaused: boolean;
  /** Input has no meaning yet: a tunnel was asked for, and there is no answer. */
  isWithheld: boolean;
  /** null: nothing is held. */
  held: ByteQueue | null;
  heldTrailers: HeaderField[] | null;
  isDelivering: boolean;
  /** The engine knows the end. */
  hasToldEnd: boolean;
  /** Raw bytes both ways: CONNECT or an upgrade, answered with 2xx. */
  isRaw: boolean;
  /** Our end is with the socket; the stream waits for the peer's. */
  isFlushed: boolean;

  constructor(owner: StreamOwner, id: number, sendWindow: number, receiveWindow: number) {
    this.id = id;
    this.owner = owner;
    this.sendWindow = sendWindow;
    this.hasSentHeaders = false;
    this.isEnding = false;
    this.hasSentEnd = false;
    this.dropsBody = false;
    this.promised = -1;
    this.isHigh = false;
    this.queue = NO_BYTES;
    this.trailers = null;
    this.next = null;
    this.prev = null;
    this.flushTimer = null;
    this.failure = "";
    this.receiveWindow = receiveWindow;
    this.unreported = 0;
    this.hasReceivedEnd = false;
    this.expected = -1;
    this.isPaused = false;
    this.isWithheld = false;
    this.held = null;
    this.heldTrailers = null;
    this.isDelivering = false;
    this.hasToldEnd = false;
    this.isRaw = false;
    this.isFlushed = false;
  }

  // What the codec tells the engine.

  abstract tellData(data: Uint8Array, end: boolean): void;
  abstract tellTrailers(trailers: HeaderMap): void;
  abstract tellHigh(): void;
  abstract tellLow(): void;
  /** `code`: what the peer said; absent where it said nothing. */
  abstract tellReset(reason: ResetReason, detail: string, code?: number): void;

  /** Both ends are on the wire: for the peer the stream is closed, though the next flush has still to finish it. */
  get isClosed(): boolean {
    return this.hasSentEnd && this.hasReceivedEnd;
  }

  get aboveWatermark(): boolean {
    return this.isHigh;
  }

  /** Nothing that is called from now on has an effect. */
  detach(): void {
    this.owner = null;
  }

  // From the engine.

  sendData(data: Uint8Array, end: boolean): void {
    const { owner } = this;
    if (owner === null || !this.hasSentHeaders || this.isEnding || this.failure !== "") return;
    let bytes = data;
    if (this.dropsBody) bytes = EMPTY;
    else if (this.promised !== -1) {
      this.promised -= data.length;
      if (this.promised < 0) return this.fail(owner, DETAILS.bodyLengthMismatch);
    }
    if (end) {
      if (this.promised > 0) return this.fail(owner, DETAILS.bodyLengthMismatch);
      this.isEnding = true;
    } else if (bytes.length === 0) return;
    owner.sender.send(this, bytes, end);
    owner.queueFlush();
  }

  sendTrailers(trailers: HeaderMap): void {
    const { owner } = this;
    if (owner === null || !this.hasSentHeaders || this.isEnding || this.failure !== "") return;
    if (this.promised > 0) return this.fail(owner, DETAILS.bodyLengthMismatch);
    this.isEnding = true;
    if (this.queue.bytes === 0) {
      owner.writeTrailers(this, trailers);
    } else {
      this.trailers = trailers;
      owner.armFlushTimer(this);
    }
    owner.queueFlush();
  }

  /** Stops the telling of input at once: what still comes, up to the window, is held. */
  protected pause(): void {
    this.isPaused = true;
  }

  protected resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    if (this.held === null && this.heldTrailers === null) return;
    this.owner?.deliverLater(this);
  }

  /** What was sent contradicts what was promised: the stream is reset at the next flush, so that the engine is not called back from its own call. */
  protected fail(owner: StreamOwner, detail: string): void {
    this.failure = detail;
    owner.failLater(this);
  }

  // From the codec.

  /** Input, in order. `end`: nothing follows. Its window and its length have been judged. */
  receive(data: Uint8Array, end: boolean): void {
    if (end) this.hasReceivedEnd = true;
    if (this.isPaused || this.isWithheld || this.held !== null) {
      (this.held ??= new ByteQueue()).keep(data, 0);
      return;
    }
    this.tell(data, end);
  }

  receiveTrailers(fields: HeaderField[]): void {
    this.hasReceivedEnd = true;
    if (this.isPaused || this.held !== null) {
      this.heldTrailers = fields;
      return;
    }
    this.hasToldEnd = true;
    this.tellTrailers(new HeaderMap(fields));
  }

  /** Tells what was held, until the engine pauses again. */
  deliver(): void {
    // The engine, told of something, may resume: the loop below goes on then.
    if (this.isDelivering || this.isWithheld) return;
    this.isDelivering = true;
    this.deliverHeld();
    this.isDelivering = false;
  }

  private deliverHeld(): void {
    const { held } = this;
    if (held !== null) {
      for (let data = held.head; data !== null; data = held.head) {
        if (this.isPaused || this.owner === null) return;
        const piece = held.offset === 0 ? data : data.subarray(held.offset);
        held.take(piece.length);
        const isLast = held.head === null && this.hasReceivedEnd && this.heldTrailers === null;
        this.tell(piece, isLast);
      }
      if (this.isPaused || this.owner === null) return;
      this.held = null;
    }
    const trailers = this.heldTrailers;
    if (trailers !== null) {
      this.heldTrailers = null;
      this.hasToldEnd = true;
      this.tellTrailers(new HeaderMap(trailers));
    } else if (this.hasReceivedEnd && !this.hasToldEnd) {
      this.tell(EMPTY, true);
    }
  }

  private tell(data: Uint8Array, end: boolean): void {
    const { owner } = this;
    if (owner === null) return;
    if (end) this.hasToldEnd = true;
    if (data.length !== 0) owner.consumed(this, data.length);
    else if (!end) return;
    this.tellData(data, end);
  }
}
