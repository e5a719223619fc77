/** Clusters as filters see them: open an HTTP stream or a TCP connection to one of a cluster's hosts. */
import type { GrpcClient, GrpcClientOptions } from "./grpc.ts";
import type { Headers, RequestHeaders, ResponseHeaders } from "./headers.ts";
import type { UpstreamRequestInit, UpstreamResponse } from "./request.ts";
import type { UpstreamHost } from "./stream-info.ts";

/** Why an upstream stream or connection ended before its time. */
export type ResetReason =
  | "connection_failure" // refused, unreachable, TLS failure
  | "connection_timeout" // no connection within the cluster's connect_timeout
  | "connection_termination" // the peer closed before the message was complete
  | "remote_reset" // the peer reset the stream (HTTP/2)
  | "protocol_error" // the peer sent what is not legal
  | "overflow" // a circuit breaker or a stream limit
  | "local_reset"; // this side gave up

export interface Clusters {
  /** The cluster of that name as configured now; undefined where there is none. Cheap: call it per stream, do not keep it. */
  get(name: string): Cluster | undefined;
}

/** Why nothing could be opened; known at once. */
export type OpenFailure = "no_healthy_upstream" | "overflow";

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
  /** A client for gRPC calls to the cluster's hosts. Cheap: connections belong to the cluster. */
  grpc(options?: GrpcClientOptions): GrpcClient;
  /**
   * Picks a host and takes a stream from its pool. The stream may be used at once: what is sent before a connection stands waits for it.
   * No event fires before this call has returned.
   */
  openStream(events: UpstreamStreamEvents): UpstreamStream | OpenFailure;
  /** Picks a host and opens a TCP (or TLS, as the cluster says) connection for this caller alone. No event fires before this call has returned. */
  connect(events: UpstreamConnectionEvents): UpstreamConnection | OpenFailure;
}

/** The request side of one upstream stream. After `reset`, or after an event that ends it, every call is inert. */
export interface UpstreamStream {
  /** MUST be called first, once. The map belongs to the stream from then on. */
  sendHeaders(headers: RequestHeaders, end: boolean): void;
  /** The bytes are busy until the write is done: bytes read from a connection belong to the engine, which knows that; others MUST NOT be changed after. */
  sendData(data: Uint8Array, end: boolean): void;
  sendTrailers(trailers: Headers): void;
  /** Gives the stream up. No event fires after it. */
  reset(): void;
  /** Stops and restarts the response; counted: as many `unpause` as `pause`. */
  pause(): void;
  unpause(): void;
  /** Whether more is waiting to be written than the high watermark. */
  readonly aboveWatermark: boolean;
}

/** Where the events of an upstream stream go. Implement it on one object per stream. */
export interface UpstreamStreamEvents {
  /** A connection stands and takes the request. Fires once, before any other event but `onUpstreamReset`. */
  onUpstreamReady(host: UpstreamHost, localAddress: string): void;
  onUpstreamInformational(headers: ResponseHeaders): void;
  onUpstreamHeaders(headers: ResponseHeaders, end: boolean): void;
  /** The bytes are valid until the call returns, unless they are passed on. */
  onUpstreamData(data: Uint8Array, end: boolean): void;
  onUpstreamTrailers(trailers: Headers): void;
  /** The stream is gone. `detail` is for logs. */
  onUpstreamReset(reason: ResetReason, detail: string, host: UpstreamHost | null): void;
  /** The request side rose above its high watermark, fell below its low one. */
  onUpstreamWriteHigh(): void;
  onUpstreamWriteLow(): void;
}

export interface UpstreamConnection {
  /** The bytes are busy until the write is done (as for `sendData`). `end` closes the write side. */
  write(data: Uint8Array, end: boolean): void;
  /** Closes both sides at once (`abort`: with a TCP reset). No event fires after it. */
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
