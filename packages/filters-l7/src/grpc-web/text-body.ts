/** Hot path. A response's frames in gRPC-Web's text mode: each frame is base64 for itself, so that a client can read a message as soon as it is whole. */
import { GrpcFrames } from "../shared/grpc-frames.ts";
import { Base64Encoder } from "./base64.ts";

export class TextBody {
  readonly #frames = new GrpcFrames();
  readonly #encoder = new Base64Encoder();

  /** `end`: nothing follows. */
  encode(data: Uint8Array, end: boolean): Uint8Array {
    let text = "";
    for (let at = 0; at < data.length; ) {
      const next = this.#frames.next(data, at);
      text += this.#encoder.encode(data, at, next);
      if (this.#frames.isBetween) text += this.#encoder.flush();
      at = next;
    }
    if (end) text += this.#encoder.flush();
    return Buffer.from(text, "latin1");
  }

  /** The last frame, behind a message that may have been cut short. */
  last(frame: Uint8Array): Uint8Array {
    const rest = this.#encoder.flush();
    return Buffer.from(rest + this.#encoder.encode(frame, 0, frame.length) + this.#encoder.flush(), "latin1");
  }
}
