/** A connection pool of one host: each protocol is a class behind the same interface. */
import type { OpenFailure, UpstreamStream, UpstreamStreamEvents } from "@sluice/sdk";
import type { ClusterStats } from "../cluster-stats.ts";
import type { Host } from "../host.ts";
import type { PooledStream } from "./upstream-stream.ts";

export interface Pool {
  openStream(events: UpstreamStreamEvents): UpstreamStream | OpenFailure;
  /** The host is gone from the cluster: idle connections close now, the others when their stream ends. */
  drain(): void;
  /** Called once, after `drain`, when nothing is left. */
  onEmpty: (() => void) | null;
  /** Everything ends now. */
  destroy(): void;
}

/** A pool, as its streams see it. */
export interface StreamPool {
  readonly host: Host;
  readonly stats: ClusterStats;
  /** A stream that waits for a connection has given up. */
  cancelPending(stream: PooledStream): void;
  /** The server has promised that it did nothing with the request, which can be sent again as it was: whether it will be. */
  sendAgain(stream: PooledStream): boolean;
}

/** A connection, as its streams see it. */
export interface StreamCarrier {
  readonly localAddress: string;
}
