/** Hot path. The time of a stream: its idle, request and duration time-outs, and the timers of its filters. All of them end with it. */
import type { ConnectionInfo, LocalReplyOptions, Timer } from "@sluice/sdk";
import type { StreamHandle } from "../chain/stream-handle.ts";
import type { ConnectionManager } from "./connection-manager.ts";
import type { ServerConnection } from "./server-connection.ts";
import type { LogType } from "../../access-log/log-type.ts";
import { StreamFacts } from "./stream-facts.ts";
import { FilterTimer, StreamTimers } from "./stream-timers.ts";

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
  private filterTimers: FilterTimer | null;
  /** Its own; null: it has none. */
  private timers: StreamTimers | null;
  /** -1: not drawn yet. */
  private knownRandom: number;

  constructor(server: ServerConnection, connection: ConnectionInfo, protocol: string, nowMs: number, wallMs: number) {
    super(connection, protocol, nowMs, wallMs);
    this.server = server;
    this.manager = server.manager;
    this.over = false;
    this.requestComplete = false;
    this.idleTimeoutMs = this.manager.settings.streamIdleTimeoutMs;
    this.filterTimers = null;
    this.timers = null;
    this.knownRandom = -1;
  }

  /** What shares and weights of routes go by: the same however often the route is chosen. */
  routeRandom(): number {
    if (this.knownRandom < 0) {
      const { random } = this.manager;
      this.knownRandom = random.below(0x20_0000) * 0x1_0000_0000 + random.below(0x1_0000_0000);
    }
    return this.knownRandom;
  }

  /** It stands in the place of another: what was judged by that one's draw holds. */
  drawLike(before: TimedStream): void {
    this.knownRandom = before.knownRandom;
  }

  /** Why its access logs get a line: they get one at a time. */
  get logType(): LogType {
    return this.manager.logType;
  }

  abstract localReply(options: LocalReplyOptions, details: string): void;

  /** The access log wants a line of a stream that goes on. */
  abstract logMeanwhile(): void;

  /** With the request's headers; `isWhole`: nothing follows them. */
  protected startTimeouts(isWhole: boolean): void {
    const { settings, timers } = this.manager;
    if (this.idleTimeoutMs !== 0) timers.arm(this, this.idleTimeoutMs);
    if (settings.requestTimeoutMs !== 0 && !isWhole) {
      const { request } = this.ownTimers();
      // It runs since the first byte of the head.
      const passedMs = this.startMs - this.server.headStartMs;
      timers.arm(request, Math.max(1, settings.requestTimeoutMs - passedMs));
    }
    if (settings.maxStreamDurationMs !== 0) this.setMaxDuration(settings.maxStreamDurationMs);
    const { intervalMs } = settings.accessLogTimes;
    if (intervalMs !== 0) timers.arm(this.ownTimers().log, intervalMs);
  }

  private ownTimers(): StreamTimers {
    return (this.timers ??= new StreamTimers(this, onRequestTimeout, onMaxDuration, onLogDue));
  }

  logAndWait(): void {
    this.logMeanwhile();
    const { timers, settings } = this.manager;
    if (!this.over) timers.arm(this.ownTimers().log, settings.accessLogTimes.intervalMs);
  }

  protected requestEnded(): void {
    this.requestComplete = true;
    const { clock, timers } = this.manager;
    this.requestEndMs = clock.turnNow();
    if (this.timers !== null) timers.cancel(this.timers.request);
  }

  protected endTimers(): void {
    const { timers } = this.manager;
    timers.cancel(this);
    if (this.timers !== null) this.timers.cancel(timers);
    for (let t = this.filterTimers; t !== null; t = t.after) timers.cancel(t);
    this.filterTimers = null;
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
    if (this.timers !== null) timers.cancel(this.timers.duration);
    if (ms === 0 || this.over) return;
    timers.arm(this.ownTimers().duration, Math.max(0, ms - (clock.turnNow() - this.startMs)));
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
    const first = this.filterTimers;
    timer.after = first;
    if (first !== null) first.before = timer;
    this.filterTimers = timer;
    this.manager.timers.arm(timer, ms);
    return timer;
  }

  cancelTimer(timer: FilterTimer): void {
    this.manager.timers.cancel(timer);
    this.forgetTimer(timer);
  }

  forgetTimer(timer: FilterTimer): void {
    const { before, after } = timer;
    if (before === null) this.filterTimers = after;
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

function onLogDue(stream: TimedStream): void {
  stream.logAndWait();
}

function onMaxDuration(stream: TimedStream): void {
  stream.manager.stats.rqMaxDuration.inc();
  stream.addFlag("DT");
  // DEADLINE_EXCEEDED for gRPC, as in Envoy.
  stream.localReply(
    { status: stream.requestComplete ? 504 : 408, body: "downstream duration timeout", grpcStatus: 4 },
    "max_duration_timeout",
  );
}
