/** What a host speaks, as the last handshake with it told (ALPN), and for how long that is believed without another one. */
import type { TurnClock } from "../../timing/clock.ts";
import type { Host } from "../host.ts";

/** A host that nobody spoke to for so long may have become another server. */
const BELIEVED_MS = 5 * 60_000;

export class LearnedProtocol {
  readonly #host: Host;
  readonly #clock: TurnClock;
  #protocol: "http1" | "http2" | null = null;
  #atMs = 0;

  constructor(host: Host, clock: TurnClock) {
    this.#host = host;
    this.#clock = clock;
  }

  /** null: nothing is known. */
  get protocol(): "http1" | "http2" | null {
    if (this.#protocol !== null && this.#clock.turnNow() - this.#atMs > BELIEVED_MS) this.forget();
    return this.#protocol;
  }

  learn(protocol: "http1" | "http2"): void {
    this.#atMs = this.#clock.turnNow();
    if (protocol === this.#protocol) return;
    this.forget();
    this.#protocol = protocol;
    this.#host.speaks(protocol).inc();
  }

  forget(): void {
    if (this.#protocol === null) return;
    this.#host.speaks(this.#protocol).dec();
    this.#protocol = null;
  }
}
