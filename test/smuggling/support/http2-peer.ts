// One end of an HTTP/2 connection, made of frames by hand: keeps every field section as it was on the wire, and sends what no library would. The HPACK decoder is the
// proxy's (it hands over what it decodes, good or bad); what the fields may be is judged elsewhere.
import type { Socket } from "node:net";
import { Flag, FrameType, PREFACE, uint32 } from "../../../packages/core/src/http/codec/h2/frame.ts";
import { HpackDecoder } from "../../../packages/core/src/http/codec/h2/hpack/decoder.ts";
import {
  SETTINGS_ACK,
  type SentFrame,
  Wire,
  data,
  frame,
  headers,
  settings,
  windowUpdate,
} from "../../../packages/core/src/http/codec/h2/scripted-wire.ts";
import type { Pair } from "./strict-http1.ts";
import type { Http2Message } from "./strict-http2.ts";

export class PeerStream {
  readonly id: number;
  /** Heads and trailers, in their order. */
  readonly sections: Pair[][] = [];
  body = "";
  ended = false;
  isReset = false;

  constructor(id: number) {
    this.id = id;
  }
}

export class Http2Peer {
  readonly streams = new Map<number, PeerStream>();
  readonly #socket: Socket;
  readonly #onChange: (stream: PeerStream | null) => void;
  readonly #wire: Wire;
  readonly #decoder = new HpackDecoder(4096);
  #block: Buffer[] = [];
  #blockEnds = false;

  /** `onChange`: a stream has ended or was reset; null: the connection is closed. */
  constructor(socket: Socket, isServer: boolean, onChange: (stream: PeerStream | null) => void) {
    this.#socket = socket;
    this.#onChange = onChange;
    this.#wire = new Wire(isServer);
    socket.setNoDelay(true);
    socket.on("data", (data: Buffer) => {
      for (const sent of this.#wire.frames(data)) this.#take(sent);
    });
    socket.on("error", () => {}).on("close", () => this.#onChange(null));
    const hello = Buffer.concat([settings(), windowUpdate(0, 1 << 30)]);
    socket.write(isServer ? hello : Buffer.concat([Buffer.from(PREFACE), hello]));
  }

  send(bytes: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  #take({ type, flags, streamId, payload }: SentFrame): void {
    switch (type) {
      case FrameType.headers:
      case FrameType.continuation:
        if (type === FrameType.headers) this.#blockEnds = (flags & Flag.endStream) !== 0;
        this.#block.push(payload);
        if ((flags & Flag.endHeaders) !== 0) this.#section(this.#stream(streamId));
        return;
      case FrameType.data: {
        const stream = this.#stream(streamId);
        stream.body += payload.toString("latin1");
        if ((flags & Flag.endStream) !== 0) this.#end(stream);
        return;
      }
      case FrameType.rstStream: {
        const stream = this.#stream(streamId);
        stream.isReset = true;
        this.#onChange(stream);
        return;
      }
      case FrameType.settings:
        if ((flags & Flag.ack) === 0) this.send(SETTINGS_ACK);
        return;
      case FrameType.ping:
        if ((flags & Flag.ack) === 0) this.send(frame(FrameType.ping, Flag.ack, 0, payload));
        return;
      case FrameType.goaway:
        // A connection that failed; one that drains goes on.
        if (uint32(payload, 4) !== 0) this.#socket.destroy();
        return;
      default:
    }
  }

  #stream(id: number): PeerStream {
    let stream = this.streams.get(id);
    if (stream === undefined) this.streams.set(id, (stream = new PeerStream(id)));
    return stream;
  }

  #section(stream: PeerStream): void {
    const fields: Pair[] = [];
    const error = this.#decoder.decode(Buffer.concat(this.#block), {
      onField: ({ name, value }) => {
        fields.push([name, value]);
        return true;
      },
    });
    this.#block = [];
    if (error !== 0) {
      this.close();
      return;
    }
    stream.sections.push(fields);
    if (this.#blockEnds) this.#end(stream);
  }

  #end(stream: PeerStream): void {
    stream.ended = true;
    this.#onChange(stream);
  }
}

/** A message as frames; `hasData`: an empty body is a frame as well. */
export function framesOf(streamId: number, { head, body, trailers }: Http2Message, hasData = body !== ""): Buffer {
  return Buffer.concat([
    headers(streamId, head, !hasData && trailers === null),
    ...(hasData ? [data(streamId, body, trailers === null)] : []),
    ...(trailers === null ? [] : [headers(streamId, trailers, true)]),
  ]);
}
