/** Hot path. The time of a stream: its idle, request and duration time-outs, and the timers of its filters. All of them end with it. */
import type { ConnectionInfo, LocalReplyOptions, Timer } from "@sluice/sdk";
import type { StreamHandle } from "../chain/stream-handle.ts";
import type { ConnectionManager } from "./connection-manager.ts";
import type { ServerConnection } from "./server-connection.ts";
import { StreamFacts } from "./stream-facts.ts";
import { FilterTimer, StreamTimer } from "./stream-timers.ts";

export abstract class TimedStream extends StreamFacts {
  readonly server: ServerConnection;
  /** Of the configuration that the stream began with; the connection may have another by now. */
  readonly manager: ConnectionManager;
  /** The end has come: every call is inert. */
  over: boolean;
  /** The request has arrived whole. */
  requestComplete: boolean;
  idleTimeoutMs: number;
  /** Armed timers of filters, the newest first. */
  #timers: FilterTimer | null;
  #requestTimer: StreamTimer | null;
  #durationTimer: StreamTimer | null;

  constructor(server: ServerConnection, connection: ConnectionInfo, protocol: string, nowMs: number, wallMs: number) {
    super(connection, protocol, nowMs, wallMs);
    this.server = server;
    this.manager = server.manager;
    this.over = false;
    this.requestComplete = false;
    this.idleTimeoutMs = this.manager.settings.streamIdleTimeoutMs;
    this.#timers = null;
    this.#requestTimer = null;
    this.#durationTimer = null;
  }

  abstract localReply(options: LocalReplyOptions, details: string): void;

  /** With the request's headers; `isWhole`: nothing follows them. */
  protected startTimeouts(isWhole: boolean): void {
    const { settings, timers } = this.manager;
    if (this.idleTimeoutMs !== 0) timers.arm(this, this.idleTimeoutMs);
    if (settings.requestTimeoutMs !== 0 && !isWhole) {
      this.#requestTimer = new StreamTimer(this, onRequestTimeout);
      // It runs since the first byte of the head.
      const passedMs = this.startMs - this.server.headStartMs;
      timers.arm(this.#requestTimer, Math.max(1, settings.requestTimeoutMs - passedMs));
    }
    if (settings.maxStreamDurationMs !== 0) this.setMaxDuration(settings.maxStreamDurationMs);
  }

  protected requestEnded(): void {
    this.requestComplete = true;
    const { clock, timers } = this.manager;
    this.requestEndMs = clock.turnNow();
    if (this.#requestTimer !== null) timers.cancel(this.#requestTimer);
  }

  protected endTimers(): void {
    const { timers } = this.manager;
    timers.cancel(this);
    if (this.#requestTimer !== null) timers.cancel(this.#requestTimer);
    if (this.#durationTimer !== null) timers.cancel(this.#durationTimer);
    for (let t = this.#timers; t !== null; t = t.after) timers.cancel(t);
    this.#timers = null;
  }

  /** Something moved: the idle time-out starts anew. */
  touch(): void {
    if (this.idleTimeoutMs !== 0 && !this.over) this.manager.timers.arm(this, this.idleTimeoutMs);
  }

  setIdleTimeout(ms: number): void {
    if (this.over) return;
    this.idleTimeoutMs = ms;
    if (ms === 0) this.manager.timers.cancel(this);
    else this.touch();
  }

  setMaxDuration(ms: number): void {
    const { timers, clock } = this.manager;
    if (this.#durationTimer !== null) timers.cancel(this.#durationTimer);
    if (ms === 0 || this.over) return;
    this.#durationTimer ??= new StreamTimer(this, onMaxDuration);
    timers.arm(this.#durationTimer, Math.max(0, ms - (clock.turnNow() - this.startMs)));
  }

  /** The stream's idle time-out. Envoy: 408 while the request is incomplete, else 504. */
  override onTimeout(): void {
    if (this.over) return;
    this.manager.stats.rqIdleTimeout.inc();
    this.addFlag("SI");
    this.localReply({ status: this.requestComplete ? 504 : 408, body: "stream timeout" }, "stream_idle_timeout");
  }

  // ---- timers of filters --------------------------------------------------------------------------------------------------------------------

  setFilterTimer(handle: StreamHandle, callback: (stream: StreamHandle) => void, ms: number): Timer {
    const timer = new FilterTimer(handle, callback);
    if (this.over) return timer;
    const first = this.#timers;
    timer.after = first;
    if (first !== null) first.before = timer;
    this.#timers = timer;
    this.manager.timers.arm(timer, ms);
    return timer;
  }

  cancelTimer(timer: FilterTimer): void {
    this.manager.timers.cancel(timer);
    this.forgetTimer(timer);
  }

  forgetTimer(timer: FilterTimer): void {
    const { before, after } = timer;
    if (before === null) this.#timers = after;
    else before.after = after;
    if (after !== null) after.before = before;
    timer.before = null;
    timer.after = null;
  }
}

function onRequestTimeout(stream: TimedStream): void {
  stream.manager.stats.rqTimeout.inc();
  stream.localReply({ status: 408, body: "request timeout" }, "request_overall_timeout");
}

function onMaxDuration(stream: TimedStream): void {
  stream.manager.stats.rqMaxDuration.inc();
  stream.addFlag("DT");
  stream.localReply(
    { status: stream.requestComplete ? 504 : 408, body: "downstream duration timeout" },
    "max_duration_timeout",
  );
}
