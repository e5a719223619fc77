/** One cluster in one thread: its hosts, who is next, a pool per host. Host sets come from discovery, whole each time. */
import type {
  GrpcClient,
  GrpcClientOptions,
  OpenFailure,
  UpstreamConnection,
  UpstreamConnectionEvents,
  UpstreamStream,
  UpstreamStreamEvents,
} from "@sluice/sdk";
import type { ClusterModel, Http2Model } from "../config/model.ts";
import type { StatsScope } from "../stats/stats-store.ts";
import type { WorkerServices } from "../worker/services.ts";
import type { UpstreamCluster } from "./cluster-source.ts";
import { ClusterStats } from "./cluster-stats.ts";
import type { Connector } from "./connector.ts";
import type { GrpcTarget } from "./grpc/grpc-call.ts";
import { GrpcChannels } from "./grpc/grpc-channels.ts";
import { ClusterGrpcClient } from "./grpc/grpc-client.ts";
import { Host, type HostModel, addressKey, hostStatsPrefix } from "./host.ts";
import { type LoadBalancer, eligible, roundRobin } from "./load-balancing/round-robin.ts";
import {
  HTTP2_CLIENT_DEFAULTS,
  type Http2Environment,
  type Http2Options,
  NO_HTTP2_STATS,
} from "../http/codec/h2/index.ts";
import { Http2CodecStats } from "../http/codec/h2/codec-stats.ts";
import { Http2Pool } from "./pool/http2-pool.ts";
import type { Pool } from "./pool/pool.ts";
import { ConnectionCount } from "./pool/base-pool.ts";
import { Http1Pool, type Http1PoolSettings } from "./pool/http1-pool.ts";
import type { OpenCalls } from "./request/open-calls.ts";
import { TcpUpstream } from "./tcp-upstream.ts";

/** Streams that may wait for a connection, per host and worker. Envoy: circuit_breakers max_pending_requests, 1024. */
const MAX_PENDING = 1024;
/** Connections, per cluster and worker. Envoy: circuit_breakers max_connections, 1024. */
const MAX_CONNECTIONS = 1024;

/** What a cluster needs of its thread. */
export type ClusterServices = Pick<WorkerServices, "clock" | "timers" | "flushQueue" | "random" | "stats">;

interface Member {
  readonly host: Host;
  readonly pool: Pool;
}

export class Cluster implements UpstreamCluster, GrpcTarget {
  readonly name: string;
  readonly statName: string;
  readonly model: ClusterModel;
  readonly stats: ClusterStats;
  readonly channels: GrpcChannels;
  readonly #services: ClusterServices;
  readonly #connector: Connector;
  readonly #scope: StatsScope;
  readonly #settings: Http1PoolSettings;
  /** null: hosts are spoken to in HTTP/1. */
  readonly #http2: { readonly codec: Http2Options; readonly environment: Http2Environment } | null;
  readonly #connections = new ConnectionCount();
  /** By host, so that a pick leads to its pool. */
  readonly #members = new Map<string, Member>();
  readonly #pools = new Map<Host, Pool>();
  readonly #tcp = new Set<TcpUpstream>();
  #balancer: LoadBalancer;
  #panic = false;
  #leaving = 0;
  #closed = false;

  constructor(model: ClusterModel, connector: Connector, services: ClusterServices) {
    this.name = model.name;
    this.statName = model.statName;
    this.model = model;
    this.#services = services;
    this.#connector = connector;
    this.#scope = services.stats.scope(`cluster.${model.statName}.`);
    this.stats = new ClusterStats(this.#scope);
    this.channels = new GrpcChannels(model);
    const { http } = model;
    this.#settings = {
      codec: {
        maxHeadBytes: http.maxResponseHeadersBytes,
        maxHeaders: http.maxHeadersCount,
        enableTrailers: http.enableTrailers,
      },
      connectTimeoutMs: model.connectTimeoutMs,
      idleTimeoutMs: http.idleTimeoutMs,
      maxAgeMs: http.maxConnectionDurationMs,
      maxRequests: http.maxRequestsPerConnection,
      maxPending: MAX_PENDING,
      maxConnections: MAX_CONNECTIONS,
    };
    this.#http2 = http.http2 === null ? null : this.#speakHttp2(http.http2);
    this.#balancer = roundRobin([], services.random);
    if (model.discovery.kind === "static") this.updateHosts(model.endpoints);
  }

  openStream(events: UpstreamStreamEvents): UpstreamStream | OpenFailure {
    const host = this.#pick();
    return host === null ? "no_healthy_upstream" : this.#pools.get(host)!.openStream(events);
  }

  connect(events: UpstreamConnectionEvents): UpstreamConnection | OpenFailure {
    const host = this.#pick();
    if (host === null) return "no_healthy_upstream";
    const upstream = new TcpUpstream(host, this.stats, this.#services.clock, events, this.#tcp);
    upstream.start(this.#connector, this.#settings.connectTimeoutMs);
    return upstream;
  }

  grpcClient(options: GrpcClientOptions, calls: OpenCalls): GrpcClient {
    const sni = this.model.tls?.sni ?? "";
    return new ClusterGrpcClient(this, calls, options, sni === "" ? this.name : sni);
  }

  beginCall(): Host | null {
    const host = this.#pick();
    if (host === null) return null;
    this.stats.rqTotal.inc();
    this.stats.rqActive.inc();
    host.rqTotal.inc();
    host.rqActive.inc();
    return host;
  }

  endCall(host: Host, code: number): void {
    this.stats.rqActive.dec();
    host.rqActive.dec();
    if (code === 0) host.rqSuccess.inc();
    else host.rqError.inc();
  }

  #pick(): Host | null {
    if (this.#panic) this.stats.lbHealthyPanic.inc();
    const host = this.#balancer.pick();
    if (host === null) this.stats.cxNoneHealthy.inc();
    return host;
  }

  /** The hosts from now on. Those that stay keep their connections; those that go finish what they carry. */
  updateHosts(models: readonly HostModel[]): void {
    if (this.#closed) return;
    const members = this.#members;
    const gone = new Set(members.keys());
    let changed = false;
    const order: Host[] = [];
    const seen = new Set<string>();
    for (const model of models) {
      const key = addressKey(model.address);
      if (seen.has(key)) continue;
      seen.add(key);
      gone.delete(key);
      const known = members.get(key);
      if (known !== undefined) {
        known.host.weight = model.weight;
        known.host.health = model.health;
        order.push(known.host);
        continue;
      }
      changed = true;
      const scope = this.#services.stats.scope(hostStatsPrefix(this.name, key));
      const host = new Host(model, this.name, scope);
      const pool = this.#newPool(host);
      members.set(key, { host, pool });
      this.#pools.set(host, pool);
      order.push(host);
    }
    for (const key of gone) {
      changed = true;
      this.#retire(members.get(key)!);
      members.delete(key);
    }
    if (changed) this.stats.membershipChange.inc();
    this.stats.membershipTotal.set(order.length);
    this.stats.membershipHealthy.set(order.filter((h) => h.health === "healthy").length);
    this.stats.membershipDegraded.set(order.filter((h) => h.health === "degraded").length);
    const { hosts, panic } = eligible(order);
    this.#panic = panic;
    this.#balancer = roundRobin(hosts, this.#services.random);
  }

  #speakHttp2(options: Http2Model): { codec: Http2Options; environment: Http2Environment } {
    const { clock, timers, flushQueue, random } = this.#services;
    const { http, bufferLimitBytes } = this.model;
    const stats = new Http2CodecStats(this.#scope.under("http2."), NO_HTTP2_STATS.tooManyPrematureResets);
    return {
      codec: {
        ...HTTP2_CLIENT_DEFAULTS,
        ...options,
        maxHeaders: http.maxHeadersCount,
        streamBufferBytes: Math.min(bufferLimitBytes, HTTP2_CLIENT_DEFAULTS.streamBufferBytes),
      },
      environment: { clock, timers, flushQueue, stats, random: () => random.next() },
    };
  }

  #newPool(host: Host): Pool {
    const http2 = this.#http2;
    if (http2 === null)
      return new Http1Pool(host, this.#connector, this.#settings, this.stats, this.#services, this.#connections);
    const settings = { ...this.#settings, codec: http2.codec };
    return new Http2Pool(host, this.#connector, settings, this.stats, http2.environment, this.#connections);
  }

  #retire({ host, pool }: Member): void {
    this.channels.closeHost(host);
    this.#leaving++;
    pool.onEmpty = () => {
      this.#pools.delete(host);
      host.release();
      this.#leaving--;
      this.#releaseIfDone();
    };
    pool.drain();
  }

  /** The cluster is gone from the configuration: what it carries may finish. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const member of this.#members.values()) this.#retire(member);
    this.#members.clear();
    this.#balancer = roundRobin([], this.#services.random);
    this.#releaseIfDone();
  }

  /** Everything ends now. */
  destroy(): void {
    this.close();
    for (const pool of this.#pools.values()) pool.destroy();
    for (const upstream of this.#tcp) upstream.destroy();
  }

  #releaseIfDone(): void {
    if (this.#closed && this.#leaving === 0) this.#scope.release();
  }
}
