/** Clusters as filters see them: open an HTTP stream or a TCP connection to one of a cluster's hosts. */
import type { GrpcClient, GrpcClientOptions } from "./grpc.ts";
import type { Headers, RequestHeaders, ResponseHeaders } from "./headers.ts";
import type { DynamicMetadata } from "./http-filter.ts";
import type { UpstreamRequestInit, UpstreamResponse } from "./request.ts";
import type { ConnectionInfo, UpstreamHost } from "./stream-info.ts";

/** Why an upstream stream or connection ended before its time. */
export type ResetReason =
  | "connection_failure" // refused, unreachable, TLS failure
  | "connection_timeout" // no connection within the cluster's connect_timeout
  | "connection_termination" // the peer closed before the message was complete
  | "remote_reset" // the peer reset the stream (HTTP/2)
  | "protocol_error" // the peer sent what is not legal
  | "overflow" // a circuit breaker or a stream limit
  | "max_duration" // the cluster's max_stream_duration is over
  | "local_reset"; // this side gave up

export interface Clusters {
  /** The cluster of that name as configured now; undefined where there is none. Cheap: call it per stream, do not keep it. */
  get(name: string): Cluster | undefined;
}

/** Why nothing could be opened; known at once. `drop_overload`: the cluster was told to refuse a share of what it is asked. */
export type OpenFailure = "no_healthy_upstream" | "overflow" | "drop_overload";

/** A cluster as a filter sees it. What the filter began with it ends with the filter. */
export interface Cluster {
  readonly name: string;
  /** The name under which its statistics stand: `alt_stat_name`, or the name. */
  readonly statName: string;
  /**
   * Sends a request to one of the cluster's hosts; resolves when the headers of the response are there.
   * Rejects with an `UpstreamError` whose `reason` tells why there are none. @throws TypeError for a request that is not legal.
   */
  request(init: UpstreamRequestInit): Promise<UpstreamResponse>;
  /**
   * Looks for the host of that authority (`name` or `ip`, with or without a port), for clusters that have hosts by what requests ask for (dynamic forward proxy); null
   * of all others. Requests for an authority that was not looked up find no host.
   */
  lookUp(authority: string): HostLookup | Promise<HostLookup> | null;
  /** A client for gRPC calls to the cluster's hosts. Cheap: connections belong to the cluster. */
  grpc(options?: GrpcClientOptions): GrpcClient;
  /**
   * Headers to fill for `openStream`, for filters that make requests of their own; CONNECT needs no path. `authority` is a host, with or without port.
   * The scheme is what the cluster's connections have: `https` over TLS. @throws TypeError for what is not legal.
   */
  newRequest(method: string, authority: string, path?: string): RequestHeaders;
  /**
   * Picks a host and takes a stream from its pool. The stream may be used at once: what is sent before a connection stands waits for it.
   * No event fires before this call has returned.
   */
  openStream(events: UpstreamStreamEvents, request?: UpstreamRequest): UpstreamStream | OpenFailure;
  /**
   * Why a request would not be taken now: no host is healthy (nor degraded), whether or not all are tried in a panic; or as many requests are under way as there may be
   * (Envoy: max_requests). null: it would be, as far as anybody knows. Cheap. @param isHighPriority whose limits apply. @default false
   */
  refusal(isHighPriority?: boolean): OpenFailure | null;
  /** What the cluster allows of requests that are sent again. */
  readonly retries: RetryAllowance;
  /** Picks a host and opens a TCP (or TLS, as the cluster says) connection for this caller alone. No event fires before this call has returned. */
  connect(
    events: UpstreamConnectionEvents,
    client?: ConnectionInfo | null,
    choice?: HostChoice | null,
  ): UpstreamConnection | OpenFailure;
}

/** What a look-up came to. `overflow`: as many hosts as there may be, `pending_overflow`: as many look-ups, `denied`: an address that is not to be reached, `closed`: the cluster is another one now. */
export type HostLookup =
  | { readonly failure: null /** `ip:port`. */; readonly address: string }
  | {
      readonly failure: "overflow" | "pending_overflow" | "not_found" | "denied" | "closed" /** A word. */;
      readonly reason: string;
    };

/** What requests with the same hash have in common is their host, where the cluster's balancer goes by it. */
export interface HashKey {
  /** Mixes in the XXH64 of a text. The order of the texts matters. */
  add(text: string): void;
}

/** Values of hosts' metadata (of the namespace `envoy.lb`), JSON-like. What one object says MUST NOT change. */
export type SubsetValues = Readonly<Record<string, unknown>>;

/** The host that is to be taken, if it is one of the cluster's and takes traffic. */
export interface HostOverride {
  /** `ip:port` or socket path. */
  readonly address: string;
  /** No other host will do. @default false */
  readonly strict?: boolean;
}

/**
 * Retries that the cluster has room for, counted by all workers together: so many at a time (Envoy: max_retries), or a share of its requests (retry_budget). Whoever
 * takes one gives it back when the attempt is decided. Cheap.
 */
export interface RetryAllowance {
  /** false: not now, which is counted. */
  take(isHighPriority: boolean): boolean;
  giveBack(isHighPriority: boolean): void;
}

/** Hosts that one request would rather not have. */
export interface HostAversion {
  /** How often another one is picked; then whichever comes is taken. */
  readonly attempts: number;
  avoids(host: UpstreamHost): boolean;
}

/** Hosts beside which one request would rather have none: their priorities get nothing of it, as long as another can take it. */
export interface PriorityAversion {
  readonly hosts: readonly UpstreamHost[];
  /** No other priority can: they begin anew. */
  forget(): void;
}

/**
 * What the choice of a host may depend on. Read before the call that takes it returns, and again where a request that nobody has seen goes to another host; only by balancers
 * that go by it. What is absent is of no matter.
 */
export interface HostChoice {
  readonly headers?: RequestHeaders | null;
  readonly metadata?: DynamicMetadata | null;
  /** Adds to `key` what hosts are chosen by; nothing: any will do. */
  hashKey?(key: HashKey): void;
  /** Only hosts that have these values. The same object for what is always the same makes it cheap. */
  readonly subset?: SubsetValues | null;
  readonly override?: HostOverride | null;
  /** Absent or null: every priority will do. */
  readonly priorities?: PriorityAversion | null;
}

/**
 * For whom a stream is opened, and what its host is chosen by. Read before `openStream` returns, and only by clusters whose choice of a connection depends on it: those that speak what their
 * clients speak (`use_downstream_protocol_config`), ask for the server name of the request (`auto_sni`), or tell the client's address (PROXY protocol).
 */
export interface UpstreamRequest extends HostChoice {
  /** Of the client's request: `HTTP/1.0`, `HTTP/1.1`, `HTTP/2`; empty where no client asked. */
  readonly protocol: string;
  /** As the client's, before the route changes them. */
  readonly headers: RequestHeaders | null;
  /** The client's connection; null where there is none. */
  readonly client: ConnectionInfo | null;
  /** Absent or null: every host will do. */
  readonly aversion?: HostAversion | null;
  /** Whether the limits for requests of high priority apply. @default false */
  readonly isHighPriority?: boolean;
  /** Whether it was sent before and failed: then it is not what an ejected host is tried with (probation). @default false */
  readonly isRetry?: boolean;
}

/** The request side of one upstream stream. After `reset`, or after an event that ends it, every call is inert. */
export interface UpstreamStream {
  /** MUST be called first, once. The map belongs to the stream from then on. */
  sendHeaders(headers: RequestHeaders, end: boolean): void;
  /** The bytes are busy until the write is done: bytes read from a connection belong to the engine, which knows that; others MUST NOT be changed after. */
  sendData(data: Uint8Array, end: boolean): void;
  sendTrailers(trailers: Headers): void;
  /** Gives the stream up. No event fires after it. `timedOut`: since no response came in time, which counts against the host. */
  reset(timedOut?: boolean): void;
  /** No response came in time, which counts against the host, but it is still welcome. */
  late?(): void;
  /** Stops and restarts the response; counted: as many `unpause` as `pause`. */
  pause(): void;
  unpause(): void;
  /** Whether more is waiting to be written than the high watermark. */
  readonly aboveWatermark: boolean;
}

/** Where the events of an upstream stream go. Implement it on one object per stream. */
export interface UpstreamStreamEvents {
  /**
   * A connection stands and takes the request. Fires before any other event but `onUpstreamReset`; again, before all that comes of the server, where a request
   * that a server has promised not to have served (GOAWAY, REFUSED_STREAM) goes to another connection.
   */
  onUpstreamReady(host: UpstreamHost, localAddress: string): void;
  onUpstreamInformational(headers: ResponseHeaders): void;
  onUpstreamHeaders(headers: ResponseHeaders, end: boolean): void;
  /** The bytes are valid until the call returns, unless they are passed on. */
  onUpstreamData(data: Uint8Array, end: boolean): void;
  onUpstreamTrailers(trailers: Headers): void;
  /** The stream is gone. `detail` is for logs; `code` is that of the RST_STREAM which an HTTP/2 upstream sent (RFC 9113 section 7), absent or -1 where none came. */
  onUpstreamReset(reason: ResetReason, detail: string, host: UpstreamHost | null, code?: number): void;
  /** The request side rose above its high watermark, fell below its low one. */
  onUpstreamWriteHigh(): void;
  onUpstreamWriteLow(): void;
}

export interface UpstreamConnection {
  /** The bytes are busy until the write is done (as for `sendData`). `end` closes the write side. */
  write(data: Uint8Array, end: boolean): void;
  /**
   * Closes both sides; no event fires after it, and what still comes is dropped. After `write` with `end` what is waiting is delivered first (a peer that takes
   * none of it for 30 s is cut off); otherwise it is lost. `abort`: at once, with a TCP reset.
   */
  close(abort?: boolean): void;
  pause(): void;
  unpause(): void;
  readonly aboveWatermark: boolean;
}

export interface UpstreamConnectionEvents {
  onUpstreamConnected(host: UpstreamHost, localAddress: string): void;
  /** `end`: the upstream closed its write side. */
  onUpstreamData(data: Uint8Array, end: boolean): void;
  /** The connection is gone; `reason` is null after an orderly end of both sides. */
  onUpstreamClose(reason: ResetReason | null, detail: string, host: UpstreamHost | null): void;
  onUpstreamWriteHigh(): void;
  onUpstreamWriteLow(): void;
}
