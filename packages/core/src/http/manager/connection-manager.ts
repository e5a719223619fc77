/**
 * Hot path. The HTTP connection manager of one filter chain and thread: takes connections, judges requests before any filter sees them, stamps responses.
 * Made and retired with its configuration; streams stay with the manager that took them.
 */
import type { Random } from "@sluice/sdk";
import type { AccessLogger } from "../../access-log/access-logger.ts";
import type { LogType } from "../../access-log/log-type.ts";
import type { Connection } from "../../network/connection.ts";
import type { NetworkTerminal, TerminalContext } from "../../network/filter-chain/terminal.ts";
import type { FlushQueue } from "../../network/flush-queue.ts";
import type { FormatContext } from "../../formatter/context.ts";
import { TapPoint } from "../../tap/tap-point.ts";
import type { Timers, TurnClock } from "../../timing/clock.ts";
import type { LogSink } from "../../worker/log.ts";
import type { Heartbeat, WorkerServices } from "../../worker/services.ts";
import type { HttpFilterChain } from "../chain/filter-chain.ts";
import type { ProtocolError } from "../codec/codec.ts";
import { Http2CodecStats } from "../codec/h2/codec-stats.ts";
import type { Http2Environment } from "../codec/h2/index.ts";
import { type LocalReplyMessage, localReplyMessage } from "../chain/local-reply.ts";
import { reasonPhrase } from "../codec/reason-phrase.ts";
import { HeaderField, KNOWN } from "../headers/field.ts";
import { RequestHeaderMap, type ResponseHeaderMap } from "../headers/header-map.ts";
import { ChainObserver } from "../../observe/chain-observer.ts";
import { FilterRuntime, RuntimeStore } from "../../runtime/runtime-store.ts";
import type { RouteEntry, RouteTable } from "../route/types.ts";
import { Admission } from "./admission.ts";
import { HcmStats } from "./hcm-stats.ts";
import type { HttpStream } from "./http-stream.ts";
import { LocalReplies } from "./local-replies.ts";
import { appendVia } from "./request-headers.ts";
import { RefusedRequest } from "./refused-request.ts";
import { ServerConnection } from "./server-connection.ts";
import type { HcmSettings } from "./settings.ts";
import { ProxyStatus } from "./proxy-status.ts";
import { TraceDecision } from "./trace-decision.ts";
import { TraceReason, traceReasonOf } from "./trace-reason.ts";
import type { StatsScope } from "../../stats/stats-store.ts";

/** What a manager needs of its thread. */
export type ManagerServices = Pick<
  WorkerServices,
  "clock" | "timers" | "random" | "stats" | "log" | "flushQueue" | "heartbeat" | "tap"
> &
  Partial<Pick<WorkerServices, "runtime">>;

export interface ConnectionManagerParts {
  readonly settings: HcmSettings;
  readonly services: ManagerServices;
  readonly chain: HttpFilterChain;
  readonly routes: RouteTable;
  readonly accessLoggers: readonly AccessLogger[] | null;
  /** `<listener>/<filter chain>`: what is measured of its filters is named by it. @default "" */
  readonly chainKey?: string;
  /** Called once when the manager is retired and its last connection is gone. */
  readonly onRetired: () => void;
}

const NO_REQUEST = new RequestHeaderMap("", "", "", "");
const NO_TAP = new TapPoint();
const NO_CONTEXT: TerminalContext = { filterState: null };

export class ConnectionManager implements NetworkTerminal {
  readonly settings: HcmSettings;
  readonly chain: HttpFilterChain;
  readonly routes: RouteTable;
  readonly stats: HcmStats;
  readonly timers: Timers;
  readonly clock: TurnClock;
  readonly flushQueue: FlushQueue;
  readonly http2: Http2Environment;
  readonly heartbeat: Heartbeat;
  readonly random: Random;
  /** null: nothing is measured and nobody may ask for traces. */
  readonly observer: ChainObserver | null;
  readonly tap: TapPoint;
  readonly chainKey: string;
  /** Why the lines are written that are written now. */
  logType: LogType = "NotSet";
  readonly #log: LogSink;
  readonly #accessLoggers: readonly AccessLogger[] | null;
  /** null: local replies are as they are made. */
  readonly localReplies: LocalReplies | null;
  readonly admission: Admission;
  readonly #proxyStatus: ProxyStatus | null;
  readonly #runtime: FilterRuntime;
  readonly #connections = new Set<ServerConnection>();
  readonly #scope: StatsScope;
  readonly #onRetired: () => void;
  #draining = false;
  #retired = false;
  #wallOffsetMs = 0;
  #wallReadMs = -Infinity;
  #dateSecond = 0;
  #dateField: HeaderField = new HeaderField("date", "");
  #lastErrorLogMs = -Infinity;

  constructor(parts: ConnectionManagerParts) {
    const { settings, services } = parts;
    this.settings = settings;
    this.chain = parts.chain;
    this.routes = parts.routes;
    this.#scope = services.stats.scope(`http.${settings.statPrefix}.`);
    this.stats = new HcmStats(this.#scope, this.#scope.root());
    this.timers = services.timers;
    this.clock = services.clock;
    this.flushQueue = services.flushQueue;
    this.http2 = {
      flushQueue: services.flushQueue,
      timers: services.timers,
      clock: services.clock,
      stats: new Http2CodecStats(this.#scope.root().under("http2."), this.stats.rqTooManyPrematureResets),
      random: () => services.random.next(),
    };
    this.heartbeat = services.heartbeat;
    this.tap = services.tap ?? NO_TAP;
    this.chainKey = parts.chainKey ?? "";
    const { observe } = settings;
    this.observer =
      observe.sampleEvery === 0 && observe.debugTrace === null
        ? null
        : new ChainObserver({
            model: observe,
            chainKey: this.chainKey,
            filters: parts.chain.slots.map(({ name }) => name),
            services,
          });
    this.#log = services.log;
    this.#accessLoggers = parts.accessLoggers;
    this.random = services.random;
    this.#onRetired = parts.onRetired;
    this.#runtime = new FilterRuntime(services.runtime ?? new RuntimeStore(), services.random);
    const { localReplies, tracing, requestIdPacking, proxyStatus } = settings;
    this.localReplies = localReplies === null ? null : new LocalReplies(localReplies, this.#runtime);
    this.#proxyStatus = proxyStatus === null ? null : new ProxyStatus(proxyStatus);
    const traces = tracing === null ? null : new TraceDecision(tracing, requestIdPacking, this.#runtime);
    this.admission = new Admission(this, traces);
  }

  onConnection(connection: Connection, context: TerminalContext = NO_CONTEXT): ServerConnection {
    const server = new ServerConnection(this, connection, context.filterState);
    this.#connections.add(server);
    if (this.#draining) server.drain();
    return server;
  }

  /** A connection of another version of this manager, between two streams. */
  moveIn(server: ServerConnection): void {
    this.#connections.add(server);
    if (this.#draining) server.drain();
  }

  connectionEnded(server: ServerConnection): void {
    this.#connections.delete(server);
    this.#retireIfDone();
  }

  /** Lame duck: every response from now on is the last of its connection. */
  drain(): void {
    this.#draining = true;
    for (const server of this.#connections) server.drain();
  }

  /** The configuration is gone: no new connections come; after the last one filters are disposed of and metrics released. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#retireIfDone();
  }

  get connections(): number {
    return this.#connections.size;
  }

  // ---- requests -----------------------------------------------------------------------------------------------------------------------------

  matchRoute(stream: HttpStream, headers: RequestHeaderMap = stream.requestHeaders): RouteEntry | null {
    return this.routes.match(headers, stream);
  }

  onUpgraded(stream: HttpStream): void {
    this.stats.cxUpgradesTotal.inc();
    this.stats.cxUpgradesActive.inc();
    if (this.settings.accessLogTimes.onTunnel) this.logAccess(stream, "DownstreamTunnelSuccessfullyEstablished");
  }

  // ---- responses ----------------------------------------------------------------------------------------------------------------------------

  finalizeResponse(stream: HttpStream, headers: ResponseHeaderMap): void {
    const { settings } = this;
    const { fields } = headers;
    const server = settings.serverHeader;
    let serverAt = -1;
    let dated = false;
    for (let i = 0; i < fields.length; i++) {
      const known = fields[i]!.known;
      if (known === KNOWN.server) serverAt = i;
      else if (known === KNOWN.date) dated = true;
    }
    if (serverAt < 0) {
      if (server !== "pass_through") fields.push(settings.serverField);
    } else if (server === "overwrite") headers.setField(settings.serverField);
    if (!dated) fields.push(this.#date(stream.startTimeMs + (stream.responseStartMs - stream.startMs)));
    if (settings.alwaysSetRequestIdInResponse || (settings.tracing !== null && isForced(stream))) {
      const id = stream.requestHeaders.findKnown(KNOWN.xRequestId);
      if (id !== null) headers.setField(id);
    }
    if (this.#proxyStatus !== null) this.#proxyStatus.apply(stream, headers);
    if (settings.via !== "") appendVia(headers, settings.via);
  }

  /** Wall-clock time at a moment of the monotonic clock; the difference between the two is read twice a second. */
  wallAt(nowMs: number): number {
    if (nowMs - this.#wallReadMs > 500) {
      this.#wallReadMs = nowMs;
      this.#wallOffsetMs = this.clock.wallNow() - nowMs;
    }
    return nowMs + this.#wallOffsetMs;
  }

  #date(wallMs: number): HeaderField {
    const second = (wallMs / 1000) | 0;
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#dateField = new HeaderField("date", new Date(second * 1000).toUTCString());
    }
    return this.#dateField;
  }

  /** A request that never became a stream: counted like one where `isCounted`. Gives the answer. */
  badRequest(server: ServerConnection, error: ProtocolError, isCounted: boolean): LocalReplyMessage {
    const refused = new RefusedRequest(server, error);
    const body = reasonPhrase(error.status);
    const reply =
      this.localReplies === null
        ? localReplyMessage({ status: error.status, body }, NO_REQUEST, false)
        : this.localReplies.rewrite(refused, { status: error.status, body }, false);
    const { headers } = reply;
    if (this.settings.serverHeader !== "pass_through") headers.fields.push(this.settings.serverField);
    headers.fields.push(this.#date(this.clock.wallNow()));
    if (this.#proxyStatus !== null) this.#proxyStatus.apply(refused, headers);
    if (!isCounted) return reply;
    if (error.status === 431 || error.status === 414) this.stats.rqTooLarge.inc();
    this.stats.rqTotal.inc();
    this.stats.rqCompleted.inc();
    this.stats.byClass[((headers.status / 100) | 0) - 1]?.inc();
    refused.answered(headers, reply.body.length);
    this.logAccess(refused, "DownstreamEnd");
    return reply;
  }

  logAccess(stream: FormatContext, type: LogType): void {
    const loggers = this.#accessLoggers;
    if (loggers === null) return;
    this.logType = type;
    for (let i = 0; i < loggers.length; i++) loggers[i]!.log(stream);
    this.logType = "NotSet";
  }

  /** Logged at most once a second: a filter that fails on every request must not fill the disk. The counter has them all. */
  filterError(filter: string, hook: string, error: unknown): void {
    const now = this.clock.now();
    if (now - this.#lastErrorLogMs < 1000) return;
    this.#lastErrorLogMs = now;
    this.#log.write("error", "http", `filter ${filter} failed in ${hook}`, {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }

  #retireIfDone(): void {
    if (!this.#retired || this.#connections.size !== 0) return;
    this.#scope.release();
    this.#runtime.release();
    this.observer?.release();
    void this.chain.dispose((name, error) => this.filterError(name, "dispose", error)).then(this.#onRetired);
  }
}

/** A trace that somebody of ours asked for: who asked wants to find it. */
function isForced({ requestHeaders }: HttpStream): boolean {
  return traceReasonOf(requestHeaders) === TraceReason.forced && requestHeaders.find("x-envoy-force-trace") !== null;
}
