/** For tests of both codecs: what is asked of a client's stream that may become a tunnel, so that rules can tell its two directions apart. */
import type { RequestEncoder } from "./codec.ts";
import type { RequestHeaderMap } from "../headers/header-map.ts";

export class RecordedTunnel {
  /** CONNECT, or an upgrade: it becomes one where the answer says so. */
  #isAsked = false;
  #hasRequestEnded = false;

  /** Sees what the encoder is told from now on. Headers that end such a request do not end the tunnel: its bytes come behind the answer. */
  watch(encoder: RequestEncoder, map: RequestHeaderMap): void {
    this.#isAsked = map.method === "CONNECT" || map.upgrade !== "";
    const sendData = encoder.sendData.bind(encoder);
    encoder.sendData = (data, last) => {
      if (last) this.#hasRequestEnded = true;
      sendData(data, last);
    };
    const sendTrailers = encoder.sendTrailers.bind(encoder);
    encoder.sendTrailers = (trailers) => {
      this.#hasRequestEnded = true;
      sendTrailers(trailers);
    };
  }

  /** Whether a reset may still come behind the end of a response of that status: the other direction is open, and can be lost. */
  mayBeLost(status: number): boolean {
    return this.#isAsked && !this.#hasRequestEnded && (status === 101 || (status >= 200 && status < 300));
  }
}
