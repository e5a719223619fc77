/** Keep-alive by PING (Envoy: `connection_keepalive`): asks at an interval with jitter, and before a new stream on a connection that was idle; an answer that does not come ends the connection. */
import type { FrameWriter } from "./frame-writer.ts";
import type { Http2Environment, Http2Keepalive } from "./options.ts";
import { ConnectionTimer, type TimedConnection, Timeout } from "./timers.ts";

const PAYLOAD: Uint8Array = Buffer.from("slkeepal", "latin1");

export class Keepalive {
  readonly #settings: Http2Keepalive | null;
  readonly #connection: TimedConnection;
  readonly #writer: FrameWriter;
  readonly #environment: Http2Environment;
  #dueTimer: ConnectionTimer | null;
  #answerTimer: ConnectionTimer | null;
  #isWaiting: boolean;
  /** When a stream was opened or ended last. */
  #usedMs: number;

  constructor(
    connection: TimedConnection,
    writer: FrameWriter,
    settings: Http2Keepalive | null,
    environment: Http2Environment,
  ) {
    this.#settings = settings;
    this.#connection = connection;
    this.#writer = writer;
    this.#environment = environment;
    this.#dueTimer = null;
    this.#answerTimer = null;
    this.#isWaiting = false;
    this.#usedMs = settings === null ? 0 : environment.clock.turnNow();
  }

  start(): void {
    const settings = this.#settings;
    if (settings === null || settings.intervalMs === 0) return;
    this.#dueTimer ??= new ConnectionTimer(this.#connection, Timeout.keepaliveDue);
    const jitter = (settings.intervalMs * settings.intervalJitterPercent * this.#environment.random()) / 100;
    this.#environment.timers.arm(this.#dueTimer, settings.intervalMs + jitter);
  }

  ask(): void {
    const settings = this.#settings;
    if (settings === null || this.#isWaiting) return;
    this.#isWaiting = true;
    this.#writer.ping(PAYLOAD, false);
    this.#answerTimer ??= new ConnectionTimer(this.#connection, Timeout.keepalive);
    this.#environment.timers.arm(this.#answerTimer, settings.timeoutMs);
  }

  /** Whether that is the answer to a question of ours. */
  answered(payload: Uint8Array): boolean {
    if (!this.#isWaiting || !isEqual(payload, PAYLOAD)) return false;
    this.#isWaiting = false;
    this.#environment.timers.cancel(this.#answerTimer!);
    this.start();
    return true;
  }

  /** A stream is opened: after a long rest the connection is asked first, without waiting for the answer. */
  streamOpens(): void {
    const settings = this.#settings;
    if (settings === null || settings.connectionIdleIntervalMs === 0) return;
    const now = this.#environment.clock.turnNow();
    if (now - this.#usedMs >= settings.connectionIdleIntervalMs) this.ask();
    this.#usedMs = now;
  }

  streamEnded(): void {
    if (this.#settings !== null) this.#usedMs = this.#environment.clock.turnNow();
  }

  stop(): void {
    const { timers } = this.#environment;
    if (this.#dueTimer !== null) timers.cancel(this.#dueTimer);
    if (this.#answerTimer !== null) timers.cancel(this.#answerTimer);
  }
}

export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < 8; i++) if (a[i] !== b[i]) return false;
  return true;
}
