/**
 * An HTTP/2 client as thin as can be, in front of node:http2 (nghttp2) on the other end of a pair of streams: header blocks go out and come in as octets, so that an
 * HPACK implementation can be held against nghttp2's, both ways. It knows no flow control, no CONTINUATION and no body.
 */
import http2 from "node:http2";
import { type Duplex, duplexPair } from "node:stream";

const FRAME = { headers: 1, settings: 4, goaway: 7 } as const;
const ACK = 1;
const END_STREAM = 1;
const END_HEADERS = 4;
const PADDED = 8;
const PRIORITY = 32;
const HEADER_TABLE_SIZE = 1;

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** What the test wants to hear, in the order of the wire. */
export interface RawEvents {
  /** A header block of a response. */
  onBlock(streamId: number, block: Buffer): void;
  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  onTableSize(bytes: number): void;
  /** The peer has taken our SETTINGS. */
  onAck(): void;
}

export type StreamHandler = (
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
  rawHeaders: string[],
) => void;

function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

export class RawClient {
  readonly session: http2.ServerHttp2Session;
  /** Error code of GOAWAY; -1 before. */
  goaway = -1;
  /** Settles when the session is over. */
  readonly closed: Promise<void>;
  readonly #near: Duplex;
  readonly #far: Duplex;
  readonly #events: RawEvents;
  #held: Buffer = Buffer.alloc(0);
  #nextStream = 1;
  #waiting: (() => void)[] = [];

  constructor(events: RawEvents, onStream: StreamHandler, options: http2.ServerSessionOptions = {}) {
    const [near, far] = duplexPair();
    this.#near = near;
    this.#far = far;
    this.#events = events;
    this.session = http2.performServerHandshake(far, options);
    this.session.on("stream", (stream, headers, _flags, rawHeaders) => {
      // A reset is what some tests are after.
      stream.on("error", () => {});
      onStream(stream, headers, rawHeaders as unknown as string[]);
    });
    this.session.on("error", () => {});
    this.closed = new Promise((resolve) => {
      this.session.on("close", resolve);
    });
    near.on("error", () => {});
    near.on("data", (data: Buffer) => this.#read(data));
    near.write(PREFACE);
    near.write(frame(FRAME.settings, 0, 0, Buffer.alloc(0)));
  }

  /** Returns the stream's id. */
  request(block: Uint8Array): number {
    const id = this.#nextStream;
    this.#nextStream += 2;
    this.#near.write(frame(FRAME.headers, END_STREAM | END_HEADERS, id, block));
    return id;
  }

  announceTableSize(bytes: number): void {
    const payload = Buffer.alloc(6);
    payload.writeUInt16BE(HEADER_TABLE_SIZE, 0);
    payload.writeUInt32BE(bytes, 2);
    this.#near.write(frame(FRAME.settings, 0, 0, payload));
  }

  /** Until `isDone`, which is asked after every frame. Rejects when the session ends before. */
  async until(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      if (this.session.destroyed) throw new Error(`the session is over, with code ${this.goaway}`);
      await Promise.race([new Promise<void>((resolve) => this.#waiting.push(resolve)), this.closed]);
    }
  }

  async close(): Promise<void> {
    this.session.destroy();
    this.#near.destroy();
    this.#far.destroy();
    await this.closed;
  }

  #read(data: Buffer): void {
    this.#held = Buffer.concat([this.#held, data]);
    while (this.#held.length >= 9) {
      const length = this.#held.readUIntBE(0, 3);
      if (this.#held.length < 9 + length) break;
      const [, , , type, flags] = this.#held;
      const streamId = this.#held.readUInt32BE(5) & 0x7fffffff;
      this.#frame(type!, flags!, streamId, this.#held.subarray(9, 9 + length));
      this.#held = this.#held.subarray(9 + length);
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  #frame(type: number, flags: number, streamId: number, payload: Buffer): void {
    if (type === FRAME.headers) {
      if ((flags & END_HEADERS) === 0 || (flags & (PADDED | PRIORITY)) !== 0) throw new Error(`odd flags ${flags}`);
      this.#events.onBlock(streamId, payload);
    } else if (type === FRAME.goaway) {
      this.goaway = payload.readUInt32BE(4);
    } else if (type === FRAME.settings && (flags & ACK) !== 0) {
      this.#events.onAck();
    } else if (type === FRAME.settings) {
      for (let at = 0; at < payload.length; at += 6) {
        if (payload.readUInt16BE(at) === HEADER_TABLE_SIZE) this.#events.onTableSize(payload.readUInt32BE(at + 2));
      }
      this.#near.write(frame(FRAME.settings, ACK, 0, Buffer.alloc(0)));
    }
  }
}
