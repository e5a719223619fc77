/** The time-outs of an HTTP/2 connection: the answer to our SETTINGS, keep-alive, the drain's last word; and of a stream whose end waits for the peer's window. */
import { TimerNode } from "../../../timing/clock.ts";
import type { H2Stream } from "./stream.ts";

/** Who is told. */
export interface TimedConnection {
  onSettingsTimeout(): void;
  onKeepaliveDue(): void;
  onKeepaliveTimeout(): void;
  onDrainTimeout(): void;
  onFlushTimeout(stream: H2Stream): void;
}

export const Timeout = { settings: 0, keepaliveDue: 1, keepalive: 2, drain: 3 } as const;
export type Timeout = (typeof Timeout)[keyof typeof Timeout];

export class ConnectionTimer extends TimerNode {
  readonly #connection: TimedConnection;
  readonly #kind: Timeout;

  constructor(connection: TimedConnection, kind: Timeout) {
    super();
    this.#connection = connection;
    this.#kind = kind;
  }

  override onTimeout(): void {
    const connection = this.#connection;
    if (this.#kind === Timeout.settings) connection.onSettingsTimeout();
    else if (this.#kind === Timeout.keepaliveDue) connection.onKeepaliveDue();
    else if (this.#kind === Timeout.keepalive) connection.onKeepaliveTimeout();
    else connection.onDrainTimeout();
  }
}

export class FlushTimer extends TimerNode {
  readonly #connection: TimedConnection;
  readonly #stream: H2Stream;

  constructor(connection: TimedConnection, stream: H2Stream) {
    super();
    this.#connection = connection;
    this.#stream = stream;
  }

  override onTimeout(): void {
    this.#connection.onFlushTimeout(this.#stream);
  }
}
