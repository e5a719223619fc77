/**
 * Drives an HTTP filter chain without a socket: the real engine between two scripted ends, frame by frame, under a virtual clock. Every buffer that a hook
 * was given is overwritten when the turn is over, so that a filter which keeps one fails its tests.
 */
import type { HttpFilter, Random, Route, StreamInfo, TerminalStream } from "@sluice/sdk";
import type { AccessLogger } from "../access-log/access-logger.ts";
import type { HcmModel, RouteConfigModel } from "../config/model.ts";
import { type AnyHttpFilter, FilterSlot, HttpFilterChain } from "../http/chain/filter-chain.ts";
import type { RequestDecoder, ResetReason, ResponseEncoder } from "../http/codec/codec.ts";
import { HeaderField, headerName } from "../http/headers/field.ts";
import { HeaderMap, RequestHeaderMap, type ResponseHeaderMap } from "../http/headers/header-map.ts";
import { ConnectionManager, type ManagerServices } from "../http/manager/connection-manager.ts";
import type { HttpStream } from "../http/manager/http-stream.ts";
import { hcmSettings } from "../http/manager/settings.ts";
import { buildRouteTable } from "../http/route/build-route-table.ts";
import type { RouteEntry, RouteTable } from "../http/route/types.ts";
import { readBuffer } from "../network/connection.ts";
import { FlushQueue } from "../network/flush-queue.ts";
import { ScriptedConnection } from "../network/scripted-connection.ts";
import { StatsStore } from "../stats/stats-store.ts";
import { VirtualTime } from "../timing/virtual.ts";
import { defaultHcm } from "./default-models.ts";

/** A filter as the harness takes it: its hooks, and how it stands in its chain. */
export interface HarnessFilter {
  readonly name?: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- filters of every state and route configuration stand in one array
  readonly hooks: HttpFilter<any, any, any>;
  readonly newState?: () => unknown;
  readonly terminal?: boolean;
  readonly disabled?: boolean;
  readonly onError?: "fail" | "continue";
  readonly mutatesHeaders?: boolean;
}

export interface HarnessOptions {
  readonly hcm?: Partial<HcmModel>;
  readonly bufferLimitBytes?: number;
  /** What every request matches; null: nothing. @default null */
  readonly route?: Partial<RouteEntry> | null | ((headers: RequestHeaderMap) => Partial<RouteEntry> | null);
  /** A whole route configuration instead of `route`; what it says of filters is what they get, as no schema is asked. */
  readonly routeConfig?: RouteConfigModel;
  /** Called where the access log is written. */
  readonly onAccessLog?: (info: StreamInfo) => void;
  /** 0 (in) to 1 (out), the same each time. @default 0.5 */
  readonly random?: number;
}

/** Response as the codec got it. */
export class SentResponse implements ResponseEncoder {
  readonly protocol = "HTTP/1.1";
  /** In the order in which the codec got them: `headers`, `data:<bytes>`, `trailers`, `end`, `reset:<reason>`, `1xx`. */
  readonly frames: string[] = [];
  status = 0;
  headers: Record<string, string> = {};
  trailers: Record<string, string> | null = null;
  body = "";
  informational: number[] = [];
  ended = false;
  resetReason: ResetReason | null = null;
  requestPaused = false;
  closesAfter = false;
  aboveWatermark = false;

  sendInformational(headers: ResponseHeaderMap): void {
    if (this.status !== 0) throw new Error("1xx after the headers");
    this.informational.push(headers.status);
    this.frames.push("1xx");
  }

  sendHeaders(headers: ResponseHeaderMap, end: boolean): void {
    if (this.status !== 0) throw new Error("headers were sent twice");
    this.status = headers.status;
    this.headers = toRecord(headers);
    this.frames.push("headers");
    if (end) this.#end();
  }

  sendData(data: Uint8Array, end: boolean): void {
    if (this.status === 0) throw new Error("data before headers");
    if (this.ended) throw new Error("data after the end");
    this.body += Buffer.from(data).toString("latin1");
    this.frames.push(`data:${data.length}`);
    if (end) this.#end();
  }

  sendTrailers(trailers: HeaderMap): void {
    if (this.status === 0) throw new Error("trailers before headers");
    if (this.ended) throw new Error("trailers after the end");
    this.trailers = toRecord(trailers);
    this.frames.push("trailers");
    this.#end();
  }

  reset(reason: ResetReason): void {
    if (this.ended || this.resetReason !== null) throw new Error("reset after the end");
    this.resetReason = reason;
    this.frames.push(`reset:${reason}`);
  }

  pauseRequest(): void {
    this.requestPaused = true;
  }

  resumeRequest(): void {
    this.requestPaused = false;
  }

  closeAfterResponse(): void {
    this.closesAfter = true;
  }

  #end(): void {
    if (this.resetReason !== null) throw new Error("the end after a reset");
    if (this.ended) throw new Error("the response ended twice");
    this.ended = true;
    this.frames.push("end");
  }
}

export class HttpHarness {
  readonly time = new VirtualTime();
  readonly manager: ConnectionManager;
  /** Lines that filters logged, and errors that were contained. */
  readonly log: string[] = [];
  readonly #connection = new ScriptedConnection();

  constructor(filters: readonly HarnessFilter[], options: HarnessOptions = {}) {
    const services = this.#services(options);
    const slots = filters.map((f, slot) => {
      const name = f.name ?? `filter${slot}`;
      return new FilterSlot({
        slot,
        name,
        id: `test.http.${name}`,
        filter: f.hooks as AnyHttpFilter,
        newState: f.newState ?? null,
        terminal: f.terminal === true,
        disabled: f.disabled === true,
        readOnlyHeaders: f.mutatesHeaders === false,
        continueOnError: f.onError === "continue",
        heartbeatId: slot,
        errors: services.stats.scope(`test.${name}.`).counter("errors"),
      });
    });
    this.manager = new ConnectionManager({
      settings: hcmSettings({ ...defaultHcm, ...options.hcm }, options.bufferLimitBytes ?? 1024 * 1024),
      services,
      chain: new HttpFilterChain(slots),
      routes: this.#routes(options, slots),
      accessLoggers:
        options.onAccessLog === undefined ? null : [{ log: options.onAccessLog } as unknown as AccessLogger],
      onRetired: () => {},
    });
  }

  /** A new stream; frames are played on it. */
  open(): HarnessStream {
    const server = this.manager.onConnection(this.#connection);
    return new HarnessStream(server.onStream.bind(server));
  }

  /** A whole request; resolves when promises that it left open have settled. */
  async request(headers: Record<string, string> = {}, body?: string): Promise<HarnessStream> {
    const stream = this.open();
    stream.headers(headers, body === undefined);
    if (body !== undefined) stream.data(body, true);
    await this.settle();
    return stream;
  }

  advance(ms: number): void {
    this.time.advance(ms);
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 16; i++) await Promise.resolve();
  }

  #services(options: HarnessOptions): ManagerServices {
    const fraction = options.random ?? 0.5;
    const random: Random = { next: () => fraction, below: (bound) => Math.floor(fraction * bound) };
    return {
      clock: this.time.clock,
      timers: this.time.timers,
      random,
      stats: new StatsStore({ addSlab() {}, add() {}, remove() {} }),
      log: {
        enabled: () => true,
        write: (level, component, message, fields) =>
          this.log.push(`${level} ${component}: ${message} ${JSON.stringify(fields ?? {})}`),
      },
      flushQueue: new FlushQueue(),
      heartbeat: { register: () => 0, enter() {} },
    };
  }

  #routes(options: HarnessOptions, slots: readonly FilterSlot[]): RouteTable {
    const { route = null, routeConfig } = options;
    if (routeConfig !== undefined)
      return buildRouteTable(
        routeConfig,
        slots.map(({ name, slot }) => ({ name, slot, parse: (json) => json })),
      );
    const cache = new Map<object, RouteEntry>();
    const entry = (partial: Partial<RouteEntry> | null): RouteEntry | null => {
      if (partial === null) return null;
      let made = cache.get(partial);
      if (made === undefined) cache.set(partial, (made = completeRoute(partial, slots.length)));
      return made;
    };
    return {
      usesDisabled: true,
      match: (headers) => entry(typeof route === "function" ? route(headers) : route),
    };
  }
}

function completeRoute(partial: Partial<RouteEntry>, slots: number): RouteEntry {
  const nothing: null[] = Array.from({ length: slots }, () => null);
  const route = {
    kind: "forward",
    name: "",
    virtualHost: "",
    clusterName: "test",
    clusterNotFoundStatus: 503,
    timeoutMs: 0,
    idleTimeoutMs: -1,
    maxStreamDurationMs: -1,
    grpcTimeout: null,
    grpcTimeoutHeader: null,
    autoHostRewrite: false,
    bufferLimitBytes: -1,
    internalRedirect: null,
    retry: null,
    hedges: false,
    mirrors: null,
    isHighPriority: false,
    includeAttemptCount: false,
    includeIsTimeoutRetry: false,
    includeAttemptCountInResponse: false,
    isCounted: false,
    statPrefix: "",
    virtualCluster: () => "",
    mayAsk: () => true,
    connect: null,
    finalizeRequest() {},
    finalizeResponse() {},
    perFilter: nothing,
    disabled: null,
    upgrades: null,
    ...partial,
  };
  return route as Route & typeof route as RouteEntry;
}

/** One stream: the test plays the client, and reads what was sent. */
export class HarnessStream {
  readonly sent = new SentResponse();
  readonly stream: HttpStream;
  readonly #decoder: RequestDecoder;

  constructor(onStream: (encoder: ResponseEncoder) => RequestDecoder) {
    this.#decoder = onStream(this.sent);
    this.stream = this.#decoder as HttpStream;
  }

  /** `:method`, `:path`, `:authority`, `:scheme` and `upgrade` are taken out; GET / on test.example unless told. */
  headers(record: Record<string, string> = {}, end = true): this {
    const fields = Object.entries(record)
      .filter(([name]) => !name.startsWith(":") && name !== "upgrade")
      .map(([name, value]) => new HeaderField(headerName(name), value));
    const map = new RequestHeaderMap(
      record[":method"] ?? "GET",
      record[":path"] ?? "/",
      record[":authority"] ?? "test.example",
      record[":scheme"] ?? "http",
      fields,
      record.upgrade ?? "",
    );
    this.#decoder.onRequestHeaders(map, end);
    return this;
  }

  data(text: string | Uint8Array, end = false): this {
    const bytes = typeof text === "string" ? Buffer.from(text, "latin1") : Buffer.from(text);
    readBuffer.retained = false;
    this.#decoder.onRequestData(bytes, end);
    if (!readBuffer.retained) bytes.fill(0x21);
    return this;
  }

  trailers(record: Record<string, string>): this {
    this.#decoder.onRequestTrailers(
      new HeaderMap(Object.entries(record).map(([n, v]) => new HeaderField(headerName(n), v))),
    );
    return this;
  }

  /** The client goes away. */
  abort(): this {
    this.#decoder.onRequestReset("connection_termination", "downstream_remote_disconnect");
    return this;
  }

  /** The socket towards the client is full, has room again. */
  clientSlow(): this {
    this.#decoder.onResponseWriteHigh();
    return this;
  }

  clientFast(): this {
    this.#decoder.onResponseWriteLow();
    return this;
  }
}

/** A terminal filter that the test plays: it keeps the request as it arrived, and answers when told. */
export class ScriptedTerminal {
  handle: TerminalStream | null = null;
  readonly frames: string[] = [];
  requestHeaders: Record<string, string> = {};
  body = "";
  trailers: Record<string, string> | null = null;
  ended = false;
  destroyed = 0;
  readonly filter: HarnessFilter;

  constructor() {
    this.filter = {
      name: "terminal",
      terminal: true,
      hooks: {
        onRequestHeaders: (headers, end, stream: TerminalStream) => {
          this.handle = stream;
          this.requestHeaders = toRecord(headers as RequestHeaderMap);
          this.frames.push("headers");
          if (end) this.#end();
        },
        onRequestData: (data, end) => {
          this.body += Buffer.from(data).toString("latin1");
          this.frames.push(`data:${data.length}`);
          if (end) this.#end();
        },
        onRequestTrailers: (trailers) => {
          this.trailers = toRecord(trailers as HeaderMap);
          this.frames.push("trailers");
          this.#end();
        },
        onDestroy: () => {
          this.destroyed++;
        },
      },
    };
  }

  respond(status = 200, headers: Record<string, string> = {}, end = true): this {
    const map = this.handle!.newResponse(status);
    for (const [name, value] of Object.entries(headers)) map.append(name, value);
    this.handle!.sendHeaders(map, end);
    return this;
  }

  data(text: string, end = false): this {
    const bytes = Buffer.from(text, "latin1");
    readBuffer.retained = false;
    this.handle!.sendData(bytes, end);
    if (!readBuffer.retained) bytes.fill(0x21);
    return this;
  }

  sendTrailers(record: Record<string, string>): this {
    this.handle!.sendTrailers(new HeaderMap(Object.entries(record).map(([n, v]) => new HeaderField(headerName(n), v))));
    return this;
  }

  /** `status`: 100 or 102 to 199. */
  sendInformational(status: number): this {
    this.handle!.sendInformational(this.handle!.newResponse(status));
    return this;
  }

  #end(): void {
    this.ended = true;
    this.frames.push("end");
  }
}

function toRecord(headers: HeaderMap): Record<string, string> {
  const record: Record<string, string> = {};
  for (const { name, value } of headers.fields)
    record[name] = Object.hasOwn(record, name) ? `${record[name]}, ${value}` : value;
  return record;
}
