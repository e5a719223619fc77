/** A header block that comes in several frames (RFC 9113 section 4.3): joined in one buffer, bounded in bytes and in frames. Most blocks come in one and never get here. */
import { EMPTY } from "./frame.ts";

export class HeaderBlock {
  /** 0: none is open. */
  streamId: number;
  ends: boolean;
  dependsOn: number;
  readonly #maxBytes: number;
  readonly #maxFrames: number;
  #bytes: Uint8Array;
  #length: number;
  #frames: number;

  /** `maxFrames`: CONTINUATION frames. */
  constructor(maxBytes: number, maxFrames: number) {
    this.streamId = 0;
    this.ends = false;
    this.dependsOn = -1;
    this.#maxBytes = maxBytes;
    this.#maxFrames = maxFrames;
    this.#bytes = EMPTY;
    this.#length = 0;
    this.#frames = 0;
  }

  /** False: too large. */
  start(streamId: number, data: Uint8Array, from: number, to: number, ends: boolean, dependsOn: number): boolean {
    this.streamId = streamId;
    this.ends = ends;
    this.dependsOn = dependsOn;
    this.#length = 0;
    this.#frames = -1;
    return this.add(data, from, to);
  }

  /** False: too large, or in too many pieces. */
  add(data: Uint8Array, from: number, to: number): boolean {
    const length = this.#length + to - from;
    if (length > this.#maxBytes || ++this.#frames > this.#maxFrames) return false;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2, 1024));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(data.subarray(from, to), this.#length);
    this.#length = length;
    return true;
  }

  /** The whole block; nothing of it is kept. */
  take(): Uint8Array {
    const block = this.#bytes.subarray(0, this.#length);
    this.clear();
    return block;
  }

  clear(): void {
    this.streamId = 0;
    this.#bytes = EMPTY;
    this.#length = 0;
  }
}
