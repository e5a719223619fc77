/** HTTP filters: hooks, the handle that they act through, and `defineHttpFilter`. */
import type { FilterContext, Timer } from "./context.ts";
import type { MetadataKey, MetadataValues } from "./metadata.ts";
import type { Headers, RequestHeaders, ResponseHeaders } from "./headers.ts";
import type { Route } from "./route.ts";
import type { SchemaOutput } from "./schema.ts";
import type { StreamInfo, ResponseFlag } from "./stream-info.ts";
import type { DataVerdict, LocalReplyOptions, Verdict } from "./verdict.ts";
import { type DefinitionBase, type Schemas, defined } from "./definition.ts";

/** Called when what lies behind this direction rises above its high watermark and falls below its low one. */
export interface WatermarkListener {
  onAboveHighWatermark(): void;
  onBelowLowWatermark(): void;
}

/**
 * One direction of a stream from one filter's place: its request or its response.
 * Every call is inert after the stream's end.
 */
export interface Direction {
  /** Ends a `Stop…` of this filter: what it holds goes on. Harmless where nothing is held. MUST NOT be called inside a hook of this direction: return `Continue`. */
  resume(): void;
  /**
   * Sends bytes to the next filter, past whatever this filter holds; headers that it holds go first. Turns off an end that the headers carried, until it says `end`
   * itself; what the source still sends after an injected `end` is dropped. Inside a headers hook the bytes follow the headers; inside a trailers hook
   * they go ahead of the trailers, and with `end` in their place; inside a data hook it throws: return the bytes.
   * @throws TypeError after the end of the message went by.
   */
  inject(data: Uint8Array, end: boolean): void;
  /** Trailers for a message that ends without: fill the map. Only inside the data hook that gets `end`. @throws TypeError elsewhere. */
  addTrailers(): Headers;
  /**
   * The whole body, held for this filter until its hook is done; for async headers hooks. The stream is answered 413 (request) or 500 (response)
   * beyond `limit` bytes (default: the buffer limit of the stream), and the promise is then rejected. The data hooks of this filter run afterwards as usual.
   * @throws TypeError where the headers have already passed this filter.
   */
  body(limit?: number): Promise<Uint8Array>;
  /** Replaces the body that is held for this filter (after `body()`), and `content-length` with it. */
  replaceBody(data: Uint8Array): void;
  /** Stops and restarts the source of this direction; counted: as many `unpause` as `pause`. */
  pause(): void;
  unpause(): void;
  /** Whether what lies behind (towards the receiver) is above its high watermark: a filter that makes bytes should wait. */
  readonly aboveWatermark: boolean;
  /** Registers the one watermark listener of this filter for this direction; fires at once when already above. null ends it. */
  watch(listener: WatermarkListener | null): void;
  /** Bytes that this filter may hold before 413 / 500; may be raised or lowered before they are held. */
  bufferLimit: number;
}

/** Data that filters leave for one another, for logs and matchers: namespace → value. Values MUST be JSON-like. */
export interface DynamicMetadata {
  get<Values extends MetadataValues>(key: MetadataKey<Values>): Partial<Values> | undefined;
  get(namespace: string): MetadataValues | undefined;
  /** Merges `values` into the namespace. */
  set<Values extends MetadataValues>(key: MetadataKey<Values>, values: Partial<Values>): void;
  set(namespace: string, values: MetadataValues): void;
  entries(): IterableIterator<[string, MetadataValues]>;
}

/** Typed objects by key. `connection` objects outlive the stream and are seen by later streams of the connection. */
export interface FilterState {
  get(key: string): unknown;
  has(key: string): boolean;
  /** @throws TypeError where the key was set read-only. */
  set(
    key: string,
    value: unknown,
    options?: { readonly readOnly?: boolean; readonly life?: "request" | "connection" },
  ): void;
}

/** A filter's own view of one stream: the same object in every hook and across awaits; inert after the end. */
export interface HttpStream<State = unknown, RouteConfig = unknown> {
  /** What `newState` made for this stream and filter. */
  state: State;
  /** Most specific of weighted cluster, route, virtual host, route configuration; resolved again after `clearRouteCache`. */
  readonly routeConfig: RouteConfig | undefined;
  /** Every one that applies, from the least to the most specific. */
  readonly routeConfigs: readonly RouteConfig[];
  /** undefined where no route matches. Matched on first use, then kept. */
  readonly route: Route | undefined;
  /** Unique in the process. */
  readonly id: string;
  readonly info: StreamInfo;
  readonly metadata: DynamicMetadata;
  readonly filterState: FilterState;
  /** In a hook of the response: to be read; outside of inline it is a copy. */
  readonly requestHeaders: RequestHeaders;
  readonly requestTrailers: Headers | undefined;
  readonly responseHeaders: ResponseHeaders | undefined;
  readonly responseTrailers: Headers | undefined;
  /** Whether this filter's request hooks had their turn; false when an earlier filter answered. */
  readonly requestSeen: boolean;
  /** Aborted at the stream's end; made on first use. */
  readonly signal: AbortSignal;
  readonly request: Direction;
  readonly response: Direction;
  /** Answers locally, from timers and callbacks; in a hook, return `reply()`. Resets the stream where response headers have gone out. */
  reply(options: LocalReplyOptions): void;
  /** Resets the stream: the client sees its connection close (HTTP/1) or a stream error (HTTP/2). */
  reset(details?: string, flag?: ResponseFlag): void;
  /** Calls back once after `ms` (coarse: up to 10 ms late) unless the stream has ended. */
  setTimer(callback: (stream: HttpStream<State, RouteConfig>) => void, ms: number): Timer;
  /** Matches the route anew at next use, for filters that changed what it depends on. Without effect once the response began. */
  clearRouteCache(): void;
  /**
   * Sends the request to another cluster than its route says; all else of the route holds, and `route` shows it. Until `clearRouteCache`. false where no route forwards,
   * or the response has begun: nothing has happened then. Not outside of inline.
   */
  toCluster(name: string): boolean;
  /** Counts as activity for the idle time-out. */
  resetIdleTimer(): void;
}

/** What a terminal filter can do besides: be the origin of the response. */
export interface TerminalStream<State = unknown, RouteConfig = unknown>
  extends Omit<HttpStream<State, RouteConfig>, "setTimer"> {
  setTimer(callback: (stream: TerminalStream<State, RouteConfig>) => void, ms: number): Timer;
  sendInformational(headers: ResponseHeaders): void;
  /** The map belongs to the engine from then on. MUST be called once, before data and trailers. */
  sendHeaders(headers: ResponseHeaders, end: boolean): void;
  sendData(data: Uint8Array, end: boolean): void;
  sendTrailers(trailers: Headers): void;
  /** A response map to fill for `sendHeaders` and `sendInformational`. */
  newResponse(status: number): ResponseHeaders;
  /** Replaces the stream's idle time-out (0: none), and sets one for the whole stream (0: none); milliseconds. */
  setIdleTimeout(ms: number): void;
  setMaxDuration(ms: number): void;
  /** The request's headers as they are now, to be kept: a map of the filter's own. */
  copyRequestHeaders(): RequestHeaders;
  /** The route that a request with these headers would take here; undefined where none matches. */
  routeFor(headers: RequestHeaders): Route | undefined;
  /**
   * Ends this stream without an answer, and begins another in its place: the new request goes through the whole chain, and what becomes of it is what the client gets.
   * Each of the two has its line in the access log. false where the client's request has not ended, or an answer has begun: nothing has happened then.
   */
  restart(request: RestartedRequest): boolean;
  /** What the stream before this one gave to `restart`; undefined on one that a client began. */
  readonly inheritance: unknown;
}

/** The request that takes the place of another. All of it belongs to the engine from then on. */
export interface RestartedRequest {
  readonly headers: RequestHeaders;
  readonly body: readonly Uint8Array[];
  readonly trailers: Headers | null;
  /** What ended the stream: for its line in the access log. */
  readonly response: ResponseHeaders;
  readonly details: string;
  readonly inheritance: unknown;
}

/**
 * What `create` returns: hooks, all optional; an unknown name is refused at load. Made once per chain and thread, so
 * what belongs to one stream lives in `stream.state`. Request hooks run in configuration order, response hooks in reverse.
 *
 * A promise holds its direction at the high watermark: while it is open nothing more of that direction passes this filter, and none of its hooks of that direction
 * runs; later filters see what had passed before. A filter that has no hook for trailers and holds the message when they come keeps them until `resume()`.
 * After a hook of a filter failed, its other hooks of that stream may or may not run.
 * Bytes that a hook receives are valid until it returns, or until its promise settles: to keep them, copy.
 */
export interface HttpFilter<State = unknown, RouteConfig = unknown, Stream = HttpStream<State, RouteConfig>> {
  onRequestHeaders?(headers: RequestHeaders, end: boolean, stream: Stream): Verdict | Promise<Verdict>;
  onRequestData?(data: Uint8Array, end: boolean, stream: Stream): DataVerdict | Promise<DataVerdict>;
  onRequestTrailers?(trailers: Headers, stream: Stream): Verdict | Promise<Verdict>;
  /** 1xx responses other than 101. Only `Continue` and `Stop` (drops it). */
  onInformational?(headers: ResponseHeaders, stream: Stream): Verdict | Promise<Verdict>;
  onResponseHeaders?(headers: ResponseHeaders, end: boolean, stream: Stream): Verdict | Promise<Verdict>;
  onResponseData?(data: Uint8Array, end: boolean, stream: Stream): DataVerdict | Promise<DataVerdict>;
  onResponseTrailers?(trailers: Headers, stream: Stream): Verdict | Promise<Verdict>;
  /** A local reply is about to be sent, by whichever filter; runs before the response hooks, from the terminal outwards. Told only: change headers in `onResponseHeaders`. */
  onLocalReply?(reply: LocalReplyOptions, stream: Stream): void;
  /** The stream is over, for better or worse; before the access log is written. */
  onStreamComplete?(info: StreamInfo, stream: Stream): void;
  /** The last call for this stream; after it the handle is inert. */
  onDestroy?(stream: Stream): void;
  /** The end of the filter object itself: its chain is gone and no stream uses it. */
  dispose?(): void | Promise<void>;
}

export interface HttpFilterDefinition<
  ConfigSchema = unknown,
  RouteSchema = unknown,
  State = unknown,
  Stream = HttpStream<State, SchemaOutput<RouteSchema>>,
> extends DefinitionBase,
    Schemas<ConfigSchema, RouteSchema> {
  /** Ends the chain and makes the response. Exactly one per chain, last. @default false */
  readonly terminal?: boolean;
  /** Makes `stream.state`, once per stream, before the filter's first hook of it. It stands here, and not among the hooks, so that its type is known to them. */
  readonly newState?: () => State;
  /** Makes the hooks, once per chain and thread. May be async: the chain is used when all its filters are ready. What it throws refuses the configuration. */
  readonly create: (
    config: SchemaOutput<ConfigSchema>,
    context: FilterContext,
  ) =>
    | HttpFilter<NoInfer<State>, SchemaOutput<RouteSchema>, NoInfer<Stream>>
    | Promise<HttpFilter<NoInfer<State>, SchemaOutput<RouteSchema>, NoInfer<Stream>>>;
}

/** Defines an HTTP filter. Pure: it checks the definition, marks it and returns it. @throws DefinitionError */
export function defineHttpFilter<ConfigSchema, RouteSchema = undefined, State = undefined>(
  definition: HttpFilterDefinition<ConfigSchema, RouteSchema, State>,
): HttpFilterDefinition<ConfigSchema, RouteSchema, State> {
  return defined("http", definition);
}

/** Defines a terminal HTTP filter, whose hooks get a {@link TerminalStream}. @throws DefinitionError */
export function defineTerminalHttpFilter<ConfigSchema, RouteSchema = undefined, State = undefined>(
  definition: HttpFilterDefinition<ConfigSchema, RouteSchema, State, TerminalStream<State, SchemaOutput<RouteSchema>>>,
): HttpFilterDefinition<ConfigSchema, RouteSchema, State, TerminalStream<State, SchemaOutput<RouteSchema>>> {
  return defined("http", { ...definition, terminal: true });
}

/** The names of the hooks, for checks at load. */
export const HTTP_FILTER_HOOKS = [
  "onRequestHeaders",
  "onRequestData",
  "onRequestTrailers",
  "onInformational",
  "onResponseHeaders",
  "onResponseData",
  "onResponseTrailers",
  "onLocalReply",
  "onStreamComplete",
  "onDestroy",
  "dispose",
] as const satisfies readonly (keyof HttpFilter)[];
