/** One host of a cluster in one thread: its address, what it is called, whether it takes traffic, and its own counters (shown by /clusters). */
import type { Counter, Gauge, UpstreamHost } from "@sluice/sdk";
import { BALANCING_NAMESPACE } from "../config/balancing-model.ts";
import type {
  AddressModel,
  EndpointHealthModel,
  EndpointModel,
  HostMetadataModel,
  LocalityModel,
} from "../config/model.ts";
import type { HostConnections } from "./circuit-breakers.ts";
import type { SlotGauge } from "../stats/metrics.ts";
import type { StatsScope } from "../stats/stats-store.ts";
import { HEALTH_FLAG, healthOf } from "./health/health-flags.ts";
import { ActiveRequests } from "./active-requests.ts";
import type { HostLatency } from "./load-balancing/host-latency.ts";
import type { HostCountsModel } from "./outlier/host-counts.ts";
import type { HostWatch } from "./outlier/host-watch.ts";
import type { HostLoad } from "./load-balancing/host-load.ts";

export type HostHealth = EndpointModel["health"];

/** What discovery says of a host; plain data. */
export interface HostModel {
  readonly address: AddressModel;
  readonly hostname: string;
  readonly weight: number;
  readonly health: HostHealth;
  /** 0 is asked first. @default 0 */
  readonly priority?: number;
  /** @default none */
  readonly locality?: LocalityModel;
  /** Absent: checked as its cluster says. */
  readonly healthCheck?: EndpointHealthModel;
  /** What main's checks and its outlier detection found (HEALTH_FLAG); absent: nothing. */
  readonly flags?: number;
  /** Where its answers are counted; absent: nowhere. */
  readonly counts?: HostCountsModel;
  /** Absent: none. */
  readonly metadata?: HostMetadataModel;
  /** `name:port` of a host that stays the same while its address changes (LOGICAL_DNS). @default none */
  readonly logicalName?: string;
}

export type HostLabels = HostMetadataModel[string];

/** A host's address and the flags that it has from now on. */
export type HostFlags = readonly [address: string, flags: number];

/** What makes it the same host in the next set. */
export function hostKey(model: HostModel): string {
  return model.logicalName ?? addressKey(model.address);
}

/** Of hosts that are named more than once the first counts. */
export function distinctHosts(models: readonly HostModel[]): HostModel[] {
  const distinct = new Map<string, HostModel>();
  for (const model of models) {
    const key = hostKey(model);
    if (!distinct.has(key)) distinct.set(key, model);
  }
  return [...distinct.values()];
}

export function addressKey(address: AddressModel): string {
  if (address.kind === "pipe") return address.path;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

function hostnameOf({ hostname, address }: HostModel): string {
  return hostname === "" ? addressKey(address) : hostname;
}

/** Prefix of a host's metrics. Names that start with `#` are for `/clusters`, not for `/stats`. */
export function hostStatsPrefix(cluster: string, address: string): string {
  return `#host.${cluster}#${address}#`;
}

/** Envoy's counters and gauges of a host, after its prefix: `/clusters` shows these. */
export const HOST_STATS = [
  "cx_active",
  "cx_connect_fail",
  "cx_total",
  "rq_active",
  "rq_error",
  "rq_success",
  "rq_timeout",
  "rq_total",
] as const;

/** Name of the gauge behind {@link Host.speaks}, after the host's prefix. */
export function protocolStat(protocol: "http1" | "http2"): string {
  return `#protocol.${protocol}`;
}

export class Host implements UpstreamHost {
  /** Where new connections go. */
  target: AddressModel;
  /** `ip:port` or socket path. */
  address: string;
  /** {@link hostKey} */
  readonly key: string;
  hostname: string;
  readonly cluster: string;
  /** 1 or more. */
  weight: number;
  /** What discovery says and what was found besides, in one: see `judge`. */
  health: HostHealth;
  /** HEALTH_FLAG */
  flags: number;
  /** Told of its answers and failures; null: nobody wants to know. */
  watch: HostWatch | null;
  /** null: its connections are not limited. */
  limit: HostConnections | null;
  priority: number;
  locality: LocalityModel | null;
  metadata: HostMetadataModel | null;
  /** Monotonic ms: since when it is healthy, as far as anybody knows. */
  healthySinceMs: number;
  /** Those that it has, in this thread; `rqActive` keeps it. */
  requests: number;
  /** Connections for one caller alone, which are not requests. */
  connections: number;
  /** Where it stands in a shuffled list, 0 to 1; -1: not drawn yet. */
  shuffledPlace: number;
  /** null: nobody asks how long it takes. */
  latency: HostLatency | null;
  /** null: nobody asks what it reports. */
  load: HostLoad | null;
  readonly cxTotal: Counter;
  readonly cxActive: Gauge;
  readonly cxConnectFail: Counter;
  readonly rqTotal: Counter;
  readonly rqActive: ActiveRequests;
  readonly rqSuccess: Counter;
  readonly rqError: Counter;
  readonly rqTimeout: Counter;
  readonly #scope: StatsScope;
  #discovered: HostHealth;

  /** `scope` is the host's own. */
  constructor(model: HostModel, cluster: string, scope: StatsScope, nowMs = 0) {
    this.target = model.address;
    this.address = addressKey(model.address);
    this.key = hostKey(model);
    this.hostname = hostnameOf(model);
    this.cluster = cluster;
    this.weight = model.weight;
    this.health = model.health;
    this.flags = 0;
    this.watch = null;
    this.#discovered = model.health;
    this.limit = null;
    this.priority = model.priority ?? 0;
    this.locality = model.locality ?? null;
    this.metadata = model.metadata ?? null;
    this.healthySinceMs = nowMs;
    this.requests = 0;
    this.connections = 0;
    this.shuffledPlace = -1;
    this.latency = null;
    this.load = null;
    this.#scope = scope;
    this.cxTotal = scope.counter("cx_total");
    this.cxActive = scope.gauge("cx_active");
    this.cxConnectFail = scope.counter("cx_connect_fail");
    this.rqTotal = scope.counter("rq_total");
    this.rqActive = new ActiveRequests(scope.gauge("rq_active"), this);
    this.rqSuccess = scope.counter("rq_success");
    this.rqError = scope.counter("rq_error");
    this.rqTimeout = scope.counter("rq_timeout");
  }

  /** What it is busy with, in this thread. */
  get active(): number {
    return this.requests + this.connections;
  }

  /** What discovery says of it now, but for its health. */
  update(model: HostModel): void {
    if (model.logicalName !== undefined) {
      this.target = model.address;
      this.address = addressKey(model.address);
    }
    this.hostname = hostnameOf(model);
    this.weight = model.weight;
    this.priority = model.priority ?? 0;
    this.locality = model.locality ?? null;
    this.metadata = model.metadata ?? null;
  }

  /**
   * What discovery says of it (null: what it said last), and what checks and outlier detection found. It starts slowly when discovery or a check finds it well again; not when
   * its ejection ends, as in Envoy.
   */
  judge(discovered: HostHealth | null, flags: number, nowMs = 0): void {
    const wasOut = (this.flags & HEALTH_FLAG.failedActiveHc) !== 0 || this.#discovered !== "healthy";
    if (discovered !== null) this.#discovered = discovered;
    this.flags = flags;
    this.health = healthOf(this.#discovered, flags);
    const isOut = (flags & HEALTH_FLAG.failedActiveHc) !== 0 || this.#discovered !== "healthy";
    if (wasOut && !isOut) this.healthySinceMs = nowMs;
    if (this.watch !== null) this.watch.isFailed = (flags & HEALTH_FLAG.failedActiveHc) !== 0;
  }

  /** What discovery says of it, whatever was found besides. */
  get discovered(): HostHealth {
    return this.#discovered;
  }

  /** Of no account where health of the whole cluster is judged. Envoy: excluded hosts. */
  get isExcluded(): boolean {
    return (this.flags & HEALTH_FLAG.excludedByImmediateFail) !== 0;
  }

  /** What subsets, hashes and retries know it by; null: nothing. */
  get labels(): HostLabels | null {
    return this.metadata?.[BALANCING_NAMESPACE] ?? null;
  }

  get usable(): boolean {
    return this.health === "healthy" || this.health === "degraded";
  }

  /** How many of its pools have learned that it speaks so. */
  speaks(protocol: "http1" | "http2"): SlotGauge {
    return this.#scope.gauge(protocolStat(protocol));
  }

  release(): void {
    this.limit?.release();
    this.#scope.release();
  }
}
