/** For tests: the peer's side of an HTTP/2 wire. Frames made by hand, with an HPACK as plain as can be, and what a codec wrote taken apart again. */
import { ErrorCode, Flag, FrameType, PREFACE, uint31, uint32 } from "./frame.ts";
import { HpackDecoder } from "./hpack/decoder.ts";

export type Pair = readonly [name: string, value: string];

// Frames by hand.

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array | string = ""): Buffer {
  const body = typeof payload === "string" ? Buffer.from(payload, "latin1") : Buffer.from(payload);
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, body]);
}

export function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, i * 4);
  return bytes;
}

/** HPACK without compression: literals without indexing, lengths up to 126 + 2^14. */
export function block(...pairs: readonly Pair[]): Buffer {
  return Buffer.concat(pairs.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const head = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest >>>= 7) head.push((rest & 127) | 128);
  head.push(rest);
  return Buffer.concat([Buffer.from(head), bytes]);
}

export function settings(...pairs: ReadonlyArray<readonly [id: number, value: number]>): Buffer {
  const payload = pairs.map(([id, value]) => Buffer.concat([Buffer.from([id >> 8, id]), u32(value)]));
  return frame(FrameType.settings, 0, 0, Buffer.concat(payload));
}

export const SETTINGS_ACK = frame(FrameType.settings, Flag.ack, 0);
export const rst = (id: number, code: number): Buffer => frame(FrameType.rstStream, 0, id, u32(code));
export const windowUpdate = (id: number, increment: number): Buffer => frame(8, 0, id, u32(increment));
export const ping = (payload = "12345678", flags = 0): Buffer => frame(FrameType.ping, flags, 0, payload);
export const goaway = (last: number, code: number): Buffer => frame(FrameType.goaway, 0, 0, u32(last, code));
export const priority = (id: number, on: number): Buffer =>
  frame(2, 0, id, Buffer.concat([u32(on), Buffer.from([15])]));
export const data = (id: number, body: string | Uint8Array, end = false): Buffer =>
  frame(FrameType.data, end ? Flag.endStream : 0, id, body);

export function headers(id: number, pairs: readonly Pair[], end = true, flags: number = Flag.endHeaders): Buffer {
  return frame(FrameType.headers, flags | (end ? Flag.endStream : 0), id, block(...pairs));
}

export const GET: readonly Pair[] = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "example.com"],
];
export const POST: readonly Pair[] = [[":method", "POST"], ...GET.slice(1)];
export const OK: readonly Pair[] = [[":status", "200"]];

// What was written, taken apart.

const CODES = Object.entries(ErrorCode) as ReadonlyArray<readonly [string, number]>;
const codeName = (code: number): string => CODES.find(([, value]) => value === code)?.[0] ?? String(code);

export interface SentFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export class Wire {
  /** Decoded in order, as the table demands. */
  readonly #decoder = new HpackDecoder(4096);
  #rest = Buffer.alloc(0);
  #block: Buffer[] = [];
  #skipsPreface: boolean;

  constructor(skipsPreface: boolean) {
    this.#skipsPreface = skipsPreface;
  }

  /** Whole frames. */
  frames(bytes: Uint8Array): SentFrame[] {
    let rest = Buffer.concat([this.#rest, bytes]);
    if (this.#skipsPreface && rest.length >= PREFACE.length) {
      this.#skipsPreface = false;
      rest = rest.subarray(PREFACE.length);
    }
    const frames: SentFrame[] = [];
    while (rest.length >= 9) {
      const length = rest.readUIntBE(0, 3);
      if (rest.length < 9 + length) break;
      frames.push({
        type: rest[3]!,
        flags: rest[4]!,
        streamId: uint31(rest, 5),
        payload: rest.subarray(9, 9 + length),
      });
      rest = rest.subarray(9 + length);
    }
    this.#rest = rest;
    return frames;
  }

  /** One word or line per frame: `HEADERS 1 :status=200 END`, `DATA 1 5 END`, `GOAWAY 1 protocolError`. */
  words(bytes: Uint8Array): string[] {
    return this.frames(bytes).map((sent) => this.#word(sent));
  }

  #word({ type, flags, streamId, payload }: SentFrame): string {
    const end = (flags & Flag.endStream) !== 0 ? " END" : "";
    switch (type) {
      case FrameType.data:
        return `DATA ${streamId} ${payload.length}${end}`;
      case FrameType.headers:
      case FrameType.continuation: {
        const name = type === FrameType.headers ? "HEADERS" : "CONTINUATION";
        this.#block.push(payload);
        if ((flags & Flag.endHeaders) === 0) return `${name} ${streamId} …${end}`;
        return `${name} ${streamId} ${this.#fields().join(" ")}${end}`;
      }
      case FrameType.rstStream:
        return `RST ${streamId} ${codeName(uint32(payload, 0))}`;
      case FrameType.settings:
        return (flags & Flag.ack) !== 0 ? "SETTINGS ACK" : "SETTINGS";
      case FrameType.ping:
        return (flags & Flag.ack) !== 0 ? `PING ACK ${payload.toString("latin1")}` : "PING";
      case FrameType.goaway:
        return `GOAWAY ${uint32(payload, 0)} ${codeName(uint32(payload, 4))}`;
      case FrameType.windowUpdate:
        return `WINDOW ${streamId} ${uint31(payload, 0)}`;
      default:
        return `FRAME ${type}`;
    }
  }

  #fields(): string[] {
    const fields: string[] = [];
    const whole = Buffer.concat(this.#block);
    this.#block = [];
    const error = this.#decoder.decode(whole, {
      onField: ({ name, value }) => {
        fields.push(`${name}=${value}`);
        return true;
      },
    });
    if (error !== 0) throw new Error(`the codec wrote a block that cannot be decoded: ${error}`);
    return fields;
  }
}
