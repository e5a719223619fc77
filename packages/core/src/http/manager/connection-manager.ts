/**
 * Hot path. The HTTP connection manager of one filter chain and thread: takes connections, judges requests before any filter sees them, stamps responses.
 * Made and retired with its configuration; streams stay with the manager that took them.
 */
import { randomBytes } from "node:crypto";
import type { AccessLogger } from "../../access-log/access-logger.ts";
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
import { HTTP_2, type Http2Environment } from "../codec/h2/index.ts";
import { isGrpc } from "../chain/local-reply.ts";
import { reasonPhrase } from "../codec/reason-phrase.ts";
import { HeaderField, KNOWN } from "../headers/field.ts";
import { type RequestHeaderMap, ResponseHeaderMap } from "../headers/header-map.ts";
import { PathAction, PathNormalizer } from "../path-normalize.ts";
import { ChainObserver } from "../../observe/chain-observer.ts";
import type { RouteEntry, RouteFacts, RouteTable } from "../route/types.ts";
import { HcmStats } from "./hcm-stats.ts";
import type { HttpStream } from "./http-stream.ts";
import { appendVia, prepareRequestHeaders, stripPort } from "./request-headers.ts";
import { RefusedRequest } from "./refused-request.ts";
import { RequestIds } from "./request-id.ts";
import { ServerConnection } from "./server-connection.ts";
import type { HcmSettings } from "./settings.ts";
import type { StatsScope } from "../../stats/stats-store.ts";

/** What a manager needs of its thread. */
export type ManagerServices = Pick<
  WorkerServices,
  "clock" | "timers" | "random" | "stats" | "log" | "flushQueue" | "heartbeat" | "tap"
>;

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
  /** null: nothing is measured and nobody may ask for traces. */
  readonly observer: ChainObserver | null;
  readonly tap: TapPoint;
  readonly chainKey: string;
  readonly #log: LogSink;
  readonly #accessLoggers: readonly AccessLogger[] | null;
  readonly #ids = new RequestIds();
  readonly #normalizer: PathNormalizer;
  readonly #plain: RouteFacts;
  readonly #secure: RouteFacts;
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
    this.#normalizer = new PathNormalizer(settings);
    this.chain = parts.chain;
    this.routes = parts.routes;
    this.#scope = services.stats.scope(`http.${settings.statPrefix}.`);
    this.stats = new HcmStats(this.#scope);
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
    this.#plain = { tls: false, random: services.random };
    this.#secure = { tls: true, random: services.random };
    this.#onRetired = parts.onRetired;
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

  /** Judges and prepares a request. false: it was answered. */
  admit(stream: HttpStream, headers: RequestHeaderMap): boolean {
    const { settings } = this;
    const connect = headers.method === "CONNECT";
    if (!connect) {
      const { path } = headers;
      if (path.charCodeAt(0) !== 0x2f) {
        this.stats.rqNonRelativePath.inc();
        stream.addFlag("NR");
        stream.localReply({ status: 404 }, "absolute_path_rejected");
        return false;
      }
      if (settings.underscores !== "allow" && !this.#judgeUnderscores(stream, headers)) return false;
      if ((settings.normalizes || path.includes("#")) && !this.#normalize(stream, headers)) return false;
    }
    if (
      !settings.proxy100Continue &&
      !stream.requestComplete &&
      headers.findKnown(KNOWN.expect)?.value.toLowerCase() === "100-continue"
    ) {
      headers.deleteKnown(KNOWN.expect);
      stream.encoder.sendInformational(new ResponseHeaderMap(100));
    }
    prepareRequestHeaders(stream, headers, settings, this.#ids);
    if (settings.stripAnyHostPort || settings.stripMatchingHostPort)
      stripPort(headers, settings, stream.connection.local.port);
    if (this.routes.usesDisabled) {
      const route = stream.routeEntry();
      if (route !== null && route.disabled !== null) stream.hooks = this.chain.variant(route.disabled);
    }
    if (
      (connect || headers.upgrade !== "") &&
      !this.#judgeUpgrade(stream, headers, connect ? "connect" : headers.upgrade)
    )
      return false;
    return true;
  }

  #judgeUnderscores(stream: HttpStream, headers: RequestHeaderMap): boolean {
    const { fields } = headers;
    for (let i = fields.length - 1; i >= 0; i--) {
      if (!fields[i]!.name.includes("_")) continue;
      if (this.settings.underscores === "reject") {
        stream.addFlag("DPE");
        stream.localReply({ status: 400, body: "Bad Request" }, "http1.unexpected_underscore");
        return false;
      }
      fields.splice(i, 1);
    }
    return true;
  }

  #normalize(stream: HttpStream, headers: RequestHeaderMap): boolean {
    const normalizer = this.#normalizer;
    const action = normalizer.normalize(headers.path);
    if (action === PathAction.reject || (action === PathAction.redirect && isGrpc(headers))) {
      this.stats.rqFailedPathNormalization.inc();
      stream.addFlag("DPE");
      stream.localReply({ status: 400, body: "Bad Request" }, "path_normalization_failed");
      return false;
    }
    if (action === PathAction.redirect) {
      this.stats.rqRedirectedNormalized.inc();
      stream.localReply({ status: 307, headers: { location: normalizer.path } }, "path_normalization_failed");
      return false;
    }
    if (normalizer.path !== headers.path) headers.path = normalizer.path;
    return true;
  }

  #judgeUpgrade(stream: HttpStream, headers: RequestHeaderMap, type: string): boolean {
    if (type === "h2c") {
      // RFC 9113 section 3.1 has ended it; as Envoy, the request goes on without the upgrade.
      headers.upgrade = "";
      headers.deleteKnown(KNOWN.http2Settings);
      return true;
    }
    const configured = this.settings.upgrades.get(type);
    const allowed = stream.routeEntry()?.upgrades?.get(type) ?? configured;
    if (allowed === true) {
      // Over HTTP/2 there is no such key (RFC 8441 section 5); servers of HTTP/1 insist on one.
      if (type === "websocket" && stream.protocol === HTTP_2 && headers.get("sec-websocket-key") === undefined)
        headers.set("sec-websocket-key", randomBytes(16).toString("base64"));
      return true;
    }
    this.stats.rqWsOnNonWsRoute.inc();
    stream.localReply({ status: 403, body: "Forbidden" }, "upgrade_failed");
    return false;
  }

  matchRoute(stream: HttpStream): RouteEntry | null {
    return this.routes.match(stream.requestHeaders, stream.connection.tls === null ? this.#plain : this.#secure);
  }

  onUpgraded(): void {
    this.stats.cxUpgradesTotal.inc();
    this.stats.cxUpgradesActive.inc();
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
    if (settings.alwaysSetRequestIdInResponse) {
      const id = stream.requestHeaders.findKnown(KNOWN.xRequestId);
      if (id !== null) headers.setField(id);
    }
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

  /** For responses that never had a stream. */
  stampResponse(headers: ResponseHeaderMap): void {
    if (this.settings.serverHeader !== "pass_through") headers.fields.push(this.settings.serverField);
    headers.fields.push(this.#date(this.clock.wallNow()));
  }

  #date(wallMs: number): HeaderField {
    const second = (wallMs / 1000) | 0;
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#dateField = new HeaderField("date", new Date(second * 1000).toUTCString());
    }
    return this.#dateField;
  }

  errorBody(status: number): string {
    return reasonPhrase(status);
  }

  /** A request that never became a stream: counted like one. */
  badRequest(server: ServerConnection, error: ProtocolError, headers: ResponseHeaderMap, body: string): void {
    if (error.status === 431 || error.status === 414) this.stats.rqTooLarge.inc();
    this.stats.rqTotal.inc();
    this.stats.rqCompleted.inc();
    this.stats.byClass[((error.status / 100) | 0) - 1]?.inc();
    if (this.#accessLoggers !== null) this.logAccess(new RefusedRequest(server, error, headers, body));
  }

  logAccess(stream: FormatContext): void {
    const loggers = this.#accessLoggers;
    if (loggers === null) return;
    for (let i = 0; i < loggers.length; i++) loggers[i]!.log(stream);
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
    this.observer?.release();
    void this.chain.dispose((name, error) => this.filterError(name, "dispose", error)).then(this.#onRetired);
  }
}
