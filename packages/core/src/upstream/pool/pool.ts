/** What the parts of a connection pool know of each other. */
import type { Timers, TurnClock } from "../../timing/clock.ts";
import type { Breakers } from "../circuit-breakers.ts";
import type { ClusterStats } from "../cluster-stats.ts";
import type { Host } from "../host.ts";
import type { PooledStream } from "./upstream-stream.ts";

/** What a pool speaks; `auto`: what each connection's handshake says (ALPN). */
export type PoolProtocol = "http1" | "http2" | "auto";

/** A pool, as its streams see it. */
export interface StreamPool {
  readonly host: Host;
  readonly stats: ClusterStats;
  readonly breakers: Breakers;
  readonly timers: Timers;
  readonly clock: TurnClock;
  /** How long a stream may take from its beginning on a connection to its end; 0: for ever. Envoy: max_stream_duration. */
  readonly maxStreamMs: number;
  /** A stream that waits for a connection has given up. */
  cancelPending(stream: PooledStream): void;
  /** The server has promised that it did nothing with the request, which can be sent again as it was: whether it will be. */
  sendAgain(stream: PooledStream): boolean;
  /** The server takes no extended CONNECT, so that nothing of an upgrade was sent: whether it will be, over HTTP/1. */
  sendOverHttp1(stream: PooledStream): boolean;
}

/** A connection, as its streams see it. */
export interface StreamCarrier {
  readonly localAddress: string;
  /** Whether its server can promise not to have served a request (REFUSED_STREAM, GOAWAY): HTTP/2. */
  readonly canRefuse: boolean;
  /** The server refused one of its streams. */
  refused(): void;
}

/** Who decides where a request goes that one host's pool gives back. */
export interface PoolOwner {
  /** Gives the stream, which is detached, a place in a pool: of another host where there is one. */
  sendAgain(stream: PooledStream, from: StreamPool): boolean;
  /** Gives the stream, for which no connection came to be, a place in a pool of a host where that was not so yet; false: there is none. */
  sendElsewhere(stream: PooledStream, from: StreamPool): boolean;
  /** Gives the stream, which is detached, a place on a connection to the same host whose handshake offers HTTP/1 alone. */
  sendOverHttp1(stream: PooledStream, from: StreamPool): boolean;
}
