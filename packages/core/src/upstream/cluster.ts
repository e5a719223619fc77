/** One cluster in one thread: its hosts, who is next, pools per host. Host sets come from discovery, whole each time. */
import type {
  ConnectionInfo,
  GrpcClient,
  GrpcClientOptions,
  HostChoice,
  OpenFailure,
  RetryAllowance,
  UpstreamConnection,
  UpstreamConnectionEvents,
  UpstreamRequest,
  UpstreamStream,
  UpstreamStreamEvents,
} from "@sluice/sdk";
import type { ClusterModel } from "../config/model.ts";
import { DEFAULT_CIRCUIT_BREAKERS } from "../config/retry-model.ts";
import type { StatsScope } from "../stats/stats-store.ts";
import type { WorkerServices } from "../worker/services.ts";
import { ClusterBreakers, HostConnections } from "./circuit-breakers.ts";
import { ClusterPools } from "./cluster-pools.ts";
import type { UpstreamCluster } from "./cluster-source.ts";
import { ClusterStats } from "./cluster-stats.ts";
import { AS_CONFIGURED, type Connector } from "./connector.ts";
import type { GrpcTarget } from "./grpc/grpc-call.ts";
import { beginCount, endCount } from "./grpc/call-counts.ts";
import { GrpcChannels } from "./grpc/grpc-channels.ts";
import { ClusterGrpcClient } from "./grpc/grpc-client.ts";
import { applyFlags, isOnProbation, judgeHost, probeHost } from "./health/cluster-health.ts";
import { ForeseenHosts } from "./foreseen-hosts.ts";
import { Host, type HostFlags, type HostModel, hostKey, hostStatsPrefix } from "./host.ts";
import { type HostSource, pickElsewhere, pickOther } from "./host-aversion.ts";
import { ClusterBalancing } from "./load-balancing/cluster-balancing.ts";
import { areOthers, MergedUpdates } from "./merged-updates.ts";
import { PacedUpdates } from "./paced-updates.ts";
import { HostPool } from "./pool/host-pool.ts";
import type { HostPools } from "./pool/host-pools.ts";
import type { PoolOwner, StreamPool } from "./pool/pool.ts";
import type { PooledStream } from "./pool/upstream-stream.ts";
import type { OpenCalls } from "./request/open-calls.ts";
import { refusalOf } from "./refusal.ts";
import { TcpUpstream } from "./tcp-upstream.ts";

/** What a cluster needs of its thread. */
export type ClusterServices = Pick<
  WorkerServices,
  "clock" | "timers" | "flushQueue" | "random" | "stats" | "runtime" | "hostReports" | "shared"
>;

export class Cluster implements UpstreamCluster, GrpcTarget, PoolOwner, HostSource {
  readonly name: string;
  readonly statName: string;
  readonly model: ClusterModel;
  readonly stats: ClusterStats;
  readonly channels: GrpcChannels;
  readonly #services: ClusterServices;
  readonly #connector: Connector;
  readonly #scope: StatsScope;
  readonly #breakers: ClusterBreakers;
  readonly #pools: ClusterPools;
  /** {@link ClusterPools.members}, {@link ClusterPools.byHost} */
  readonly #members: ReadonlyMap<string, HostPools>;
  readonly #poolsOf: ReadonlyMap<Host, HostPools>;
  /** Hosts that were picked in advance; as Envoy, at most as many as there are to pick from. */
  readonly #foreseen: ForeseenHosts;
  #hosts: readonly Host[] = [];
  /** Ejected hosts that single requests are to try. */
  #onProbation: readonly Host[] = [];
  readonly #tcp = new Set<TcpUpstream>();
  readonly #balancing: ClusterBalancing;
  /** null: every update is applied when it comes. */
  readonly #merged: MergedUpdates | null;
  readonly #paced: PacedUpdates;
  /** Told of every change of the hosts. */
  onHosts: ((hosts: readonly Host[]) => void) | null = null;
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
    this.#breakers = new ClusterBreakers(model.name, model.circuitBreakers, {
      table: services.shared,
      scope: this.#scope,
      stats: this.stats,
      clock: services.clock,
    });
    this.#pools = new ClusterPools({
      model,
      connector,
      services,
      scope: this.#scope,
      stats: this.stats,
      breakers: this.#breakers,
      owner: this,
      onDone: () => this.#releaseIfDone(),
    });
    this.#members = this.#pools.members;
    this.#poolsOf = this.#pools.byHost;
    const { lb } = model;
    this.#balancing = new ClusterBalancing({
      model: lb,
      services,
      scope: this.#scope,
      active: () => this.stats.rqActive.value + this.#tcp.size,
      findHost: (address) => this.#members.get(address)?.host,
    });
    this.#foreseen = new ForeseenHosts(model.preconnect.predictive, this.#balancing, this.#poolsOf);
    const { clock, timers } = services;
    this.#paced = new PacedUpdates(clock, timers, () => this.#balance());
    this.#merged =
      lb.mergeWindowMs === 0
        ? null
        : new MergedUpdates(lb.mergeWindowMs, clock, timers, (hosts) => this.#applyHosts(hosts));
    if (model.discovery.kind === "static") this.updateHosts(model.endpoints);
  }

  get isSecure(): boolean {
    return this.model.tls !== null;
  }

  openStream(events: UpstreamStreamEvents, request?: UpstreamRequest): UpstreamStream | OpenFailure {
    // What was let in once is not refused when it is sent again.
    if (request?.isRetry !== true && this.#balancing.drops()) return "drop_overload";
    if (this.#foreseen.ratio > 1) this.#foreseen.connectAhead(request, this.#members.values(), this.#hosts.length);
    const choice = request ?? null;
    const aversion = request?.aversion ?? null;
    const host = aversion === null ? this.#pick(choice, request?.isRetry !== true) : pickOther(this, choice, aversion);
    if (host === null) return "no_healthy_upstream";
    const pool = this.#poolsOf.get(host)!.pick(request);
    if (pool === null) {
      this.stats.cxPoolOverflow.inc();
      return "overflow";
    }
    const stream = pool.openStream(events);
    if (typeof stream !== "string") {
      stream.choice = choice;
      stream.aversion = aversion;
    }
    return stream;
  }

  /** Another host's pool of the same kind; the same pool where there is no other host and this one stays. */
  sendAgain(stream: PooledStream, from: StreamPool): boolean {
    if (this.#closed) return from instanceof HostPool && from.take(stream);
    const { kind } = from as HostPool;
    const host = pickElsewhere(this.#balancing, stream, [from.host], this.#hosts);
    if (host !== null) return this.#poolsOf.get(host)!.ofKind(kind)?.take(stream) ?? false;
    return this.#members.get(from.host.key)?.host === from.host
      ? (this.#poolsOf.get(from.host)!.ofKind(kind)?.take(stream) ?? false)
      : false;
  }

  sendElsewhere(stream: PooledStream, from: StreamPool): boolean {
    if (this.#closed) return false;
    const host = pickElsewhere(this.#balancing, stream, stream.unreached!, this.#hosts);
    const pools = host === null ? undefined : this.#poolsOf.get(host);
    return pools?.ofKind((from as HostPool).kind)?.take(stream) ?? false;
  }

  sendOverHttp1(stream: PooledStream, from: StreamPool): boolean {
    const pools = this.#members.get(from.host.key);
    if (pools === undefined || pools.host !== from.host) return this.sendAgain(stream, from);
    return pools.ofHttp1((from as HostPool).kind)?.take(stream) ?? false;
  }

  connect(
    events: UpstreamConnectionEvents,
    client: ConnectionInfo | null = null,
    choice: HostChoice | null = null,
  ): UpstreamConnection | OpenFailure {
    if (this.#balancing.drops()) return "drop_overload";
    const host = this.#pick(choice);
    if (host === null) return "no_healthy_upstream";
    const breakers = this.#breakers.default;
    if (!breakers.mayConnect || host.limit?.mayConnect === false) {
      this.stats.cxOverflow.inc();
      return "overflow";
    }
    const upstream = new TcpUpstream(host, this.stats, breakers, this.#services.clock, events, this.#tcp);
    const target = client === null || this.model.proxyProtocol === null ? null : { ...AS_CONFIGURED, client };
    upstream.start(this.#connector, this.model.connectTimeoutMs, target);
    return upstream;
  }

  grpcClient(options: GrpcClientOptions, calls: OpenCalls): GrpcClient {
    const sni = this.model.tls?.sni ?? "";
    return new ClusterGrpcClient(this, calls, options, sni === "" ? this.name : sni);
  }

  beginCall(): Host | OpenFailure {
    const host = this.#pick(null);
    if (host === null) return "no_healthy_upstream";
    return beginCount(this.stats, host, this.#breakers.default) ? host : "overflow";
  }

  endCall(host: Host, code: number): void {
    endCount(this.stats, host, code, this.#services.clock, this.#breakers.default);
  }

  refusal(isHighPriority: boolean): OpenFailure | null {
    return refusalOf(this.#members.values(), this.#breakers.of(isHighPriority), this.#balancing.isAsked);
  }

  get retries(): RetryAllowance {
    return this.#breakers;
  }

  /** `mayProbe`: whether an ejected host may be tried with it. */
  #pick(choice: HostChoice | null, mayProbe = true): Host | null {
    if (mayProbe && this.#onProbation.length !== 0) {
      const probed = probeHost(this.#onProbation, choice, this.model.lb.policy);
      if (probed !== null) return probed;
    }
    return this.pickNth(choice, 0);
  }

  pickNth(choice: HostChoice | null, attempt: number): Host | null {
    const isAny = choice === null || ((choice.override ?? null) === null && (choice.priorities ?? null) === null);
    const foreseen = isAny ? this.#foreseen.take() : null;
    const host = foreseen ?? this.#balancing.pick(choice, attempt);
    if (host === null) this.stats.cxNoneHealthy.inc();
    return host;
  }

  /** The hosts from now on. Those that stay keep their connections; those that go finish what they carry. */
  updateHosts(models: readonly HostModel[]): void {
    if (this.#closed) return;
    if (this.#merged === null) this.#applyHosts(models);
    else this.#merged.offer(models, areOthers(models, this.#members));
  }

  #applyHosts(models: readonly HostModel[]): void {
    const members = this.#members;
    const gone = new Set(members.keys());
    let changed = false;
    const order: Host[] = [];
    const seen = new Set<string>();
    const nowMs = this.#services.clock.turnNow();
    for (const model of models) {
      const key = hostKey(model);
      if (seen.has(key)) continue;
      seen.add(key);
      gone.delete(key);
      const known = members.get(key);
      if (known !== undefined) {
        known.host.update(model);
        judgeHost(known.host, model, this.model, this.#services.hostReports, nowMs);
        order.push(known.host);
        continue;
      }
      changed = true;
      const scope = this.#services.stats.scope(hostStatsPrefix(this.name, key));
      const host = new Host(model, this.name, scope, nowMs);
      this.#balancing.measure(host, scope);
      judgeHost(host, model, this.model, this.#services.hostReports, nowMs);
      const { maxConnectionsPerHost: perHost } = this.model.circuitBreakers ?? DEFAULT_CIRCUIT_BREAKERS;
      if (perHost !== 0) host.limit = new HostConnections(this.#services.shared, this.name, key, perHost);
      this.#pools.add(host);
      order.push(host);
    }
    for (const key of gone) {
      changed = true;
      this.channels.closeHost(members.get(key)!.host);
      this.#pools.remove(key);
    }
    if (changed) {
      this.stats.membershipChange.inc();
      if (this.model.lb.closesOnChange) this.#pools.renewAll();
    }
    this.#hosts = order;
    this.#paced.now();
  }

  /** What main's checks and its outlier detection say of hosts now. */
  updateFlags(changes: readonly HostFlags[]): void {
    if (this.#closed) return;
    // What waits was said before.
    this.#merged?.flush();
    const nowMs = this.#services.clock.turnNow();
    if (applyFlags(changes, this.#members, this.#pools.replaced, this.#tcp, this.model, nowMs)) this.#paced.ask();
  }

  /** From now on it is these hosts, as they are now, that are chosen from. */
  #balance(): void {
    const order = this.#hosts;
    this.stats.hostsAre(order);
    this.#foreseen.clear();
    this.#onProbation = order.filter(isOnProbation);
    this.#balancing.update(order);
    this.onHosts?.(order);
  }

  /** For clusters that choose in this one's stead. */
  get balancing(): ClusterBalancing {
    return this.#balancing;
  }

  /** As this thread knows them now. */
  get hosts(): readonly Host[] {
    return this.#hosts;
  }

  /** Hosts of the cluster that this proxy belongs to, for zone-aware routing. */
  updateCallers(callers: readonly Host[] | null): void {
    if (!this.#closed) this.#balancing.updateCallers(callers);
  }

  /** The cluster is gone from the configuration: what it carries may finish. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#merged?.close();
    this.#paced.close();
    this.#balancing.close();
    this.#hosts = [];
    this.#onProbation = [];
    this.#foreseen.clear();
    for (const { host } of this.#members.values()) this.channels.closeHost(host);
    this.#pools.removeAll();
    this.#releaseIfDone();
  }

  /** Everything ends now. */
  destroy(): void {
    this.close();
    this.#pools.destroy();
    for (const upstream of this.#tcp) upstream.destroy();
  }

  #releaseIfDone(): void {
    if (!this.#closed || !this.#pools.areDone) return;
    this.#scope.release();
    this.#breakers.release();
  }
}
