/**
 * Hot path. The body of one message on its way through a decoder, in another thread unless it comes whole and small. What comes out of a chunk may be a thousand
 * times as much: it goes on in pieces, and waits where the receiver is slow. A body that is none, ends too early or is a bomb is answered.
 */
import {
  type DataVerdict,
  type Direction,
  type HttpStream,
  type LocalReply,
  type Verdict,
  type WatermarkListener,
  Continue,
} from "@sluice/sdk";
import type { Decoder } from "../shared/compression/decoders.ts";
import { EMPTY, Pieces } from "../shared/compression/pieces.ts";
import { ZlibBody, type ZlibListener } from "../shared/compression/zlib-body.ts";
import type { DirectionLimits } from "./limits.ts";
import type { DirectionStats } from "./stats.ts";

/** A whole body of at most so many bytes is decoded at once, if not more than so many come out. */
const WHOLE_BYTES = 16 * 1024;
const WHOLE_OUTPUT_BYTES = 256 * 1024;
/** What is gathered before it goes on. */
const PIECE_BYTES = 64 * 1024;
/** What comes out is no bomb before it is as large as this. */
const BOMB_BYTES = 1024 * 1024;
/** Frames that begin inside of a chunk cost a decoder each, however small they are: so many, and one more for each KiB. */
const FREE_FRAMES = 64;

type Answer = Uint8Array | LocalReply;

export class DecompressedBody implements ZlibListener, WatermarkListener {
  readonly #decoder: Decoder;
  readonly #stream: HttpStream;
  readonly #direction: Direction;
  readonly #limits: DirectionLimits;
  readonly #stats: DirectionStats;
  readonly #pieces: Pieces;
  #zlib: ZlibBody | null;
  #settle: ((answer: Answer) => void) | null;
  /** The chunk in work, and whether the message ends with it. */
  #chunk: Uint8Array;
  #isLast: boolean;
  /** The compressed data are at their end; what still comes can only be padding. */
  #isEnded: boolean;
  #frames: number;
  #bytesIn: number;
  #bytesOut: number;

  constructor(
    decoder: Decoder,
    stream: HttpStream,
    direction: Direction,
    limits: DirectionLimits,
    stats: DirectionStats,
  ) {
    this.#decoder = decoder;
    this.#stream = stream;
    this.#direction = direction;
    this.#limits = limits;
    this.#stats = stats;
    this.#pieces = new Pieces();
    this.#zlib = null;
    this.#settle = null;
    this.#chunk = EMPTY;
    this.#isLast = false;
    this.#isEnded = false;
    this.#frames = 0;
    this.#bytesIn = 0;
    this.#bytesOut = 0;
  }

  data(chunk: Uint8Array, end: boolean): DataVerdict | Promise<DataVerdict> {
    this.#bytesIn += chunk.length;
    this.#stats.compressedBytes.inc(chunk.length);
    if (this.#isEnded) return this.#isPadding(chunk) ? EMPTY : this.#malformed();
    // A body without a byte is no compressed body, and none that anybody takes for broken.
    if (chunk.length === 0 && (!end || this.#bytesIn === 0)) return EMPTY;
    if (end && this.#zlib === null && chunk.length <= WHOLE_BYTES) {
      const whole = this.#whole(chunk);
      if (whole !== null) return whole;
    }
    return this.#pass(chunk, end);
  }

  /** The message ends with trailers: what is left of the body goes first. */
  trailers(): Verdict | Promise<Verdict> {
    return this.#isEnded || this.#bytesIn === 0 ? Continue : this.#finish();
  }

  async #finish(): Promise<Verdict> {
    const answer = await this.#pass(EMPTY, true);
    if (!(answer instanceof Uint8Array)) return answer;
    if (answer.length !== 0) this.#direction.inject(answer, false);
    return Continue;
  }

  /** null: not this way. */
  #whole(body: Uint8Array): Answer | null {
    const limit = Math.min(WHOLE_OUTPUT_BYTES, this.#limits.maxBytes.value || WHOLE_OUTPUT_BYTES);
    let whole: Uint8Array | null;
    try {
      whole = this.#decoder.whole(body, limit);
    } catch (error) {
      return this.#broken(error as Error);
    }
    if (whole !== null) this.#count(whole.length);
    return whole;
  }

  #pass(chunk: Uint8Array, end: boolean): Promise<Answer> {
    if (this.#zlib === null) {
      this.#zlib = new ZlibBody(this.#decoder.stream(), this);
      this.#direction.watch(this);
    }
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#settle = resolve;
    this.#chunk = chunk;
    this.#isLast = end;
    this.#zlib.write(chunk, end);
    return promise;
  }

  #count(bytes: number): void {
    this.#bytesOut += bytes;
    this.#stats.uncompressedBytes.inc(bytes);
  }

  onBytes(bytes: Uint8Array): void {
    this.#count(bytes.length);
    if (this.#isTooMuch()) {
      this.#stats.tooLarge.inc();
      this.#answer(this.#limits.tooLarge);
      return;
    }
    this.#pieces.add(bytes);
    // Without a promise the chunk is done, and this is what a slow receiver had left behind.
    if (this.#settle === null || this.#pieces.length >= PIECE_BYTES) this.#passOn();
  }

  #isTooMuch(): boolean {
    const { value: maxBytes } = this.#limits.maxBytes;
    if (maxBytes > 0 && this.#bytesOut > maxBytes) return true;
    return this.#bytesOut > BOMB_BYTES && this.#bytesOut > this.#bytesIn * this.#decoder.maxRatio;
  }

  #passOn(): void {
    this.#direction.inject(this.#pieces.take(), false);
    if (this.#direction.aboveWatermark) this.#zlib?.pause();
  }

  onAboveHighWatermark(): void {
    this.#zlib?.pause();
  }

  onBelowLowWatermark(): void {
    this.#zlib?.resume();
  }

  onTaken(): void {
    this.#answer(this.#pieces.take());
  }

  onEnd(unread: number): void {
    const rest = unread === 0 ? EMPTY : this.#chunk.subarray(this.#chunk.length - unread);
    if (rest.length !== 0 && this.#decoder.trailing === "another frame") {
      this.#nextFrame(rest);
      return;
    }
    this.#isEnded = true;
    this.#answer(this.#isPadding(rest) ? this.#pieces.take() : this.#malformed());
    this.destroy();
  }

  #nextFrame(rest: Uint8Array): void {
    if (++this.#frames > FREE_FRAMES + this.#bytesIn / 1024) {
      this.#answer(this.#malformed());
      return;
    }
    this.#zlib?.destroy();
    this.#zlib = new ZlibBody(this.#decoder.stream(), this);
    if (this.#direction.aboveWatermark) this.#zlib.pause();
    this.#chunk = rest;
    this.#zlib.write(rest, this.#isLast);
  }

  #isPadding(bytes: Uint8Array): boolean {
    if (bytes.length === 0) return true;
    return this.#decoder.trailing === "padding" && bytes.every((byte) => byte === 0);
  }

  onFailed(error: Error): void {
    this.#answer(this.#broken(error));
    this.destroy();
  }

  #malformed(): LocalReply {
    this.#stats.malformed.inc();
    return this.#limits.malformed;
  }

  #broken(error: Error): LocalReply {
    if ((error as { readonly code?: string }).code !== "Z_BUF_ERROR") return this.#malformed();
    this.#stats.truncated.inc();
    return this.#limits.malformed;
  }

  /** Bytes, or the end of the stream. */
  #answer(answer: Answer): void {
    const settle = this.#settle;
    this.#settle = null;
    if (!(answer instanceof Uint8Array)) this.destroy();
    if (settle !== null) settle(answer);
    else if (!(answer instanceof Uint8Array)) this.#stream.reply(answer);
  }

  destroy(): void {
    this.#zlib?.destroy();
  }
}
