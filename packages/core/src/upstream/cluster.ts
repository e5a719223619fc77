/** One cluster in one thread: its hosts, who is next, pools per host. Host sets come from discovery, whole each time. */
import type {
  ConnectionInfo,
  GrpcClient,
  GrpcClientOptions,
  OpenFailure,
  RetryAllowance,
  UpstreamConnection,
  UpstreamConnectionEvents,
  UpstreamRequest,
  UpstreamStream,
  UpstreamStreamEvents,
} from "@sluice/sdk";
import type { ClusterModel, HeaderCaseModel } from "../config/model.ts";
import { DEFAULT_CIRCUIT_BREAKERS } from "../config/retry-model.ts";
import type { StatsScope } from "../stats/stats-store.ts";
import type { WorkerServices } from "../worker/services.ts";
import { ClusterBreakers, HostConnections } from "./circuit-breakers.ts";
import type { UpstreamCluster } from "./cluster-source.ts";
import { ClusterStats } from "./cluster-stats.ts";
import { AS_CONFIGURED, type Connector } from "./connector.ts";
import type { GrpcTarget } from "./grpc/grpc-call.ts";
import { GrpcChannels } from "./grpc/grpc-channels.ts";
import { ClusterGrpcClient } from "./grpc/grpc-client.ts";
import { applyFlags, isOnProbation, judgeHost, probeHost } from "./health/cluster-health.ts";
import { Host, type HostFlags, type HostModel, addressKey, hostStatsPrefix } from "./host.ts";
import { type LoadBalancer, eligible, roundRobin } from "./load-balancing/round-robin.ts";
import { pickElsewhere, pickOther } from "./host-aversion.ts";
import { HTTP2_CLIENT_DEFAULTS, type Http2Environment, NO_HTTP2_STATS } from "../http/codec/h2/index.ts";
import { Http2CodecStats } from "../http/codec/h2/codec-stats.ts";
import { HostPool, type PoolSettings } from "./pool/host-pool.ts";
import { httpOfGrpc } from "./outlier/host-watch.ts";
import { HostPools } from "./pool/host-pools.ts";
import { type ChosenPool, PoolChoice } from "./pool/pool-choice.ts";
import type { PoolOwner, PoolProtocol, StreamPool } from "./pool/pool.ts";
import type { PooledStream } from "./pool/upstream-stream.ts";
import type { OpenCalls } from "./request/open-calls.ts";
import { TcpUpstream } from "./tcp-upstream.ts";

/** What a cluster needs of its thread. */
export type ClusterServices = Pick<
  WorkerServices,
  "clock" | "timers" | "flushQueue" | "random" | "stats" | "hostReports" | "shared"
>;

/** Connections that one request may have opened in advance, and hosts that are tried for a request that another one refused. */
const MOST_AHEAD = 3;
const MOST_PICKS = 4;

const LOWER_CASE: HeaderCaseModel = { style: "lower", preserves: false };

export class Cluster implements UpstreamCluster, GrpcTarget, PoolOwner {
  readonly name: string;
  readonly statName: string;
  readonly model: ClusterModel;
  readonly stats: ClusterStats;
  readonly channels: GrpcChannels;
  readonly #services: ClusterServices;
  readonly #connector: Connector;
  readonly #scope: StatsScope;
  readonly #settings: PoolSettings;
  /** What hosts are spoken to in, where requests do not decide it. */
  readonly #protocol: PoolProtocol;
  /** null: never. */
  readonly #http2: Http2Environment | null;
  /** null: one pool a host. */
  readonly #choice: PoolChoice | null;
  readonly #breakers: ClusterBreakers;
  /** By host, so that a pick leads to its pools: by address those of the cluster, by object those that leave too. */
  readonly #members = new Map<string, HostPools>();
  readonly #pools = new Map<Host, HostPools>();
  /** Hosts that were picked in advance; as Envoy, at most as many as there are to pick from. */
  #foreseen: Host[] = [];
  #hostsInTurn = 0;
  /** Ejected hosts that single requests are to try. */
  #onProbation: readonly Host[] = [];
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
    const { shared: table } = services;
    this.#breakers = new ClusterBreakers(model.name, model.circuitBreakers, {
      table,
      scope: this.#scope,
      stats: this.stats,
      clock: services.clock,
    });
    const { http } = model;
    this.#settings = {
      http1: {
        maxHeadBytes: http.maxResponseHeadersBytes,
        maxHeaders: http.maxHeadersCount,
        enableTrailers: http.enableTrailers,
        allowChunkedLength: http.allowChunkedLength ?? false,
        headerCase: http.headerCase ?? LOWER_CASE,
      },
      http2: {
        ...HTTP2_CLIENT_DEFAULTS,
        ...http.http2,
        maxHeaders: http.maxHeadersCount,
        streamBufferBytes: Math.min(model.bufferLimitBytes, HTTP2_CLIENT_DEFAULTS.streamBufferBytes),
      },
      connectTimeoutMs: model.connectTimeoutMs,
      idleTimeoutMs: http.idleTimeoutMs,
      maxAgeMs: http.maxConnectionDurationMs,
      maxRequests: http.maxRequestsPerConnection,
      maxStreamMs: http.maxStreamDurationMs,
      preconnectRatio: model.preconnect.perUpstream,
    };
    // Without TLS there is nothing that could tell.
    const protocol = http.protocol === "auto" && model.tls === null ? "http1" : http.protocol;
    this.#protocol = protocol === "downstream" ? "auto" : protocol;
    this.#http2 = protocol === "http1" ? null : this.#http2Environment();
    this.#choice = PoolChoice.of(model);
    this.#balancer = roundRobin([], services.random);
    if (model.discovery.kind === "static") this.updateHosts(model.endpoints);
  }

  get isSecure(): boolean {
    return this.model.tls !== null;
  }

  openStream(events: UpstreamStreamEvents, request?: UpstreamRequest): UpstreamStream | OpenFailure {
    const { predictive } = this.model.preconnect;
    if (predictive > 1) this.#connectAhead(predictive, request);
    const aversion = request?.aversion ?? null;
    const host = aversion === null ? this.#pick(request?.isRetry !== true) : pickOther(this.#others, aversion);
    if (host === null) return "no_healthy_upstream";
    const pool = this.#pools.get(host)!.pick(request);
    if (pool === null) return this.#noPool();
    const stream = pool.openStream(events);
    if (aversion !== null && typeof stream !== "string") stream.aversion = aversion;
    return stream;
  }

  #noPool(): OpenFailure {
    this.stats.cxPoolOverflow.inc();
    return "overflow";
  }

  /** As Envoy: connections to the hosts that are next in turn, until those that there are would do for `ratio` times the streams. */
  #connectAhead(ratio: number, request: UpstreamRequest | undefined): void {
    for (let i = 0; i < MOST_AHEAD; i++) {
      let streams = 1;
      let capacity = 0;
      for (const pools of this.#members.values()) {
        for (const pool of pools.all()) {
          streams += pool.pending + pool.active;
          capacity += pool.capacity + pool.active;
        }
      }
      if (streams * ratio <= capacity || this.#foreseen.length >= this.#hostsInTurn) return;
      const host = this.#balancer.pick();
      if (host === null) return;
      this.#foreseen.push(host);
      const pool = this.#pools.get(host)!.pick(request);
      if (pool === null || !pool.connectAhead(ratio)) return;
    }
  }

  /** Another host's pool of the same kind; the same pool where there is no other host and this one stays. */
  sendAgain(stream: PooledStream, from: StreamPool): boolean {
    if (this.#closed) return from instanceof HostPool && from.take(stream);
    const { kind } = from as HostPool;
    for (let i = 0; i < MOST_PICKS; i++) {
      const host = this.#balancer.pick();
      if (host === null) break;
      if (host !== from.host) return this.#pools.get(host)!.ofKind(kind)?.take(stream) ?? false;
    }
    return this.#members.get(from.host.address)?.host === from.host
      ? (this.#pools.get(from.host)!.ofKind(kind)?.take(stream) ?? false)
      : false;
  }

  sendElsewhere(stream: PooledStream, from: StreamPool): boolean {
    if (this.#closed) return false;
    const { unreached, aversion } = stream;
    const host = pickElsewhere(() => this.#balancer.pick(), 2 * this.#hostsInTurn, unreached!, aversion);
    if (host === null) return false;
    return (
      this.#pools
        .get(host)!
        .ofKind((from as HostPool).kind)
        ?.take(stream) ?? false
    );
  }

  sendOverHttp1(stream: PooledStream, from: StreamPool): boolean {
    const pools = this.#members.get(from.host.address);
    if (pools === undefined || pools.host !== from.host) return this.sendAgain(stream, from);
    return pools.ofHttp1((from as HostPool).kind)?.take(stream) ?? false;
  }

  connect(events: UpstreamConnectionEvents, client: ConnectionInfo | null = null): UpstreamConnection | OpenFailure {
    const host = this.#pick();
    if (host === null) return "no_healthy_upstream";
    const breakers = this.#breakers.default;
    if (!breakers.mayConnect || host.limit?.mayConnect === false) {
      this.stats.cxOverflow.inc();
      return "overflow";
    }
    const upstream = new TcpUpstream(host, this.stats, breakers, this.#services.clock, events, this.#tcp);
    const target = client === null || this.model.proxyProtocol === null ? null : { ...AS_CONFIGURED, client };
    upstream.start(this.#connector, this.#settings.connectTimeoutMs, target);
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
    host.watch?.count(httpOfGrpc(code));
    if (code === 0) host.rqSuccess.inc();
    else host.rqError.inc();
  }

  get retries(): RetryAllowance {
    return this.#breakers;
  }

  readonly #others = (): Host | null => this.#pick(false);

  /** `mayProbe`: whether an ejected host may be tried with it. */
  #pick(mayProbe = true): Host | null {
    if (this.#panic) this.stats.lbHealthyPanic.inc();
    const probed = !mayProbe || this.#onProbation.length === 0 ? null : probeHost(this.#onProbation);
    if (probed !== null) return probed;
    const host = this.#foreseen.length === 0 ? this.#balancer.pick() : this.#foreseen.shift()!;
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
        judgeHost(known.host, model, this.model, this.#services.hostReports);
        known.host.metadata = model.metadata ?? null;
        order.push(known.host);
        continue;
      }
      changed = true;
      const scope = this.#services.stats.scope(hostStatsPrefix(this.name, key));
      const host = new Host(model, this.name, scope);
      judgeHost(host, model, this.model, this.#services.hostReports);
      const { maxConnectionsPerHost: perHost } = this.model.circuitBreakers ?? DEFAULT_CIRCUIT_BREAKERS;
      if (perHost !== 0) host.limit = new HostConnections(this.#services.shared, this.name, key, perHost);
      const pools = new HostPools(host, this.#choice, this.#newPool);
      members.set(key, pools);
      this.#pools.set(host, pools);
      order.push(host);
    }
    for (const key of gone) {
      changed = true;
      this.#retire(members.get(key)!);
      members.delete(key);
    }
    if (changed) this.stats.membershipChange.inc();
    this.#choose(order);
  }

  /** What main's checks and its outlier detection say of hosts now. */
  updateFlags(changes: readonly HostFlags[]): void {
    if (applyFlags(changes, this.#members, this.#tcp, this.model))
      this.#choose(Array.from(this.#members.values(), ({ host }) => host));
  }

  /** From now on it is these hosts that are chosen from. */
  #choose(order: readonly Host[]): void {
    this.stats.membershipTotal.set(order.length);
    this.stats.membershipHealthy.set(order.filter((h) => h.health === "healthy").length);
    this.stats.membershipDegraded.set(order.filter((h) => h.health === "degraded").length);
    const { hosts, panic } = eligible(order);
    this.#panic = panic;
    this.#balancer = roundRobin(hosts, this.#services.random);
    this.#hostsInTurn = hosts.length;
    this.#foreseen = [];
    this.#onProbation = order.filter(isOnProbation);
  }

  #http2Environment(): Http2Environment {
    const { clock, timers, flushQueue, random } = this.#services;
    const stats = new Http2CodecStats(this.#scope.under("http2."), NO_HTTP2_STATS.tooManyPrematureResets);
    return { clock, timers, flushQueue, stats, random: () => random.next() };
  }

  readonly #newPool = (host: Host, kind: ChosenPool | null): HostPool => {
    const { clock, timers, flushQueue } = this.#services;
    return new HostPool({
      host,
      connector: this.#connector,
      target: kind === null ? null : kind.target,
      limits: this.#settings,
      stats: this.stats,
      clock,
      timers,
      breakers: this.#breakers.of(kind?.isHigh === true),
      protocol: kind === null || kind.protocol === "auto" ? this.#protocol : kind.protocol,
      kind,
      flushQueue,
      environment: this.#http2,
      owner: this,
    });
  };

  #retire(pools: HostPools): void {
    const { host } = pools;
    this.channels.closeHost(host);
    this.#leaving++;
    pools.drain(() => {
      this.#pools.delete(host);
      host.release();
      this.#leaving--;
      this.#releaseIfDone();
    });
  }

  /** The cluster is gone from the configuration: what it carries may finish. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#balancer = roundRobin([], this.#services.random);
    this.#foreseen = [];
    for (const pools of this.#members.values()) this.#retire(pools);
    this.#members.clear();
    this.#releaseIfDone();
  }

  /** Everything ends now. */
  destroy(): void {
    this.close();
    for (const pools of this.#pools.values()) pools.destroy();
    for (const upstream of this.#tcp) upstream.destroy();
  }

  #releaseIfDone(): void {
    if (!this.#closed || this.#leaving !== 0) return;
    this.#scope.release();
    this.#breakers.release();
  }
}
