/**
 * Hot path. Finds the frames of gRPC in a body that comes in any pieces (gRPC over HTTP/2, "Length-Prefixed-Message"). It keeps a handful of numbers and no bytes,
 * so that no length which a peer promises costs memory.
 */

/** Flag and length before each message. */
export const FRAME_HEAD_BYTES = 5;
/** Flag of the frame that carries trailers in gRPC-Web. */
export const TRAILERS_FLAG = 0x80;

export class GrpcFrames {
  /** Frames that have begun. */
  count: number;
  /** Of the frame that began last. */
  flags: number;
  /** Bytes of the head of the open frame; 0: none is open, or its head is whole. */
  #head: number;
  #length: number;
  /** Bytes of its message that have yet to come. */
  #left: number;

  constructor() {
    this.count = 0;
    this.flags = 0;
    this.#head = 0;
    this.#length = 0;
    this.#left = 0;
  }

  /** No frame is open: what came is whole frames. */
  get isBetween(): boolean {
    return this.#head === 0 && this.#left === 0;
  }

  /** Reads from `at` to the end of the frame that is open there, or to the end of `data`; tells how far. */
  next(data: Uint8Array, at: number): number {
    const { length } = data;
    while (this.#left === 0 && at < length) {
      const byte = data[at++]!;
      if (this.#head === 0) {
        this.count++;
        this.flags = byte;
        this.#length = 0;
      } else this.#length = this.#length * 256 + byte;
      if (++this.#head < FRAME_HEAD_BYTES) continue;
      this.#head = 0;
      this.#left = this.#length;
      if (this.#left === 0) return at;
    }
    const taken = Math.min(this.#left, length - at);
    this.#left -= taken;
    return at + taken;
  }

  /** How many frames begin in `data`. */
  add(data: Uint8Array): number {
    const before = this.count;
    for (let at = 0; at < data.length; ) at = this.next(data, at);
    return this.count - before;
  }
}

/** A frame around one message. */
export function grpcFrame(message: Uint8Array, flags = 0): Uint8Array {
  const frame = new Uint8Array(FRAME_HEAD_BYTES + message.length);
  frame[0] = flags;
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, FRAME_HEAD_BYTES);
  return frame;
}
