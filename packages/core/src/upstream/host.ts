/** One host of a cluster in one thread: its address, what it is called, whether it takes traffic, and its own counters (shown by /clusters). */
import type { Counter, Gauge, UpstreamHost } from "@sluice/sdk";
import type { AddressModel, EndpointHealthModel, EndpointModel, HostMetadataModel } from "../config/model.ts";
import type { HostConnections } from "./circuit-breakers.ts";
import type { SlotGauge } from "../stats/metrics.ts";
import type { StatsScope } from "../stats/stats-store.ts";
import { HEALTH_FLAG, healthOf } from "./health/health-flags.ts";
import type { HostCountsModel } from "./outlier/host-counts.ts";
import type { HostWatch } from "./outlier/host-watch.ts";

export type HostHealth = EndpointModel["health"];

/** What discovery says of a host; plain data. */
export interface HostModel {
  readonly address: AddressModel;
  readonly hostname: string;
  readonly weight: number;
  readonly health: HostHealth;
  /** Absent: checked as its cluster says. */
  readonly healthCheck?: EndpointHealthModel;
  /** What main's checks and its outlier detection found (HEALTH_FLAG); absent: nothing. */
  readonly flags?: number;
  /** Where its answers are counted; absent: nowhere. */
  readonly counts?: HostCountsModel;
  /** Absent: none. */
  readonly metadata?: HostMetadataModel;
}

/** A host's address and the flags that it has from now on. */
export type HostFlags = readonly [address: string, flags: number];

export function addressKey(address: AddressModel): string {
  if (address.kind === "pipe") return address.path;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Prefix of a host's metrics. Names that start with `#` are for `/clusters`, not for `/stats`. */
export function hostStatsPrefix(cluster: string, address: string): string {
  return `#host.${cluster}#${address}#`;
}

/** Name of the gauge behind {@link Host.speaks}, after the host's prefix. */
export function protocolStat(protocol: "http1" | "http2"): string {
  return `#protocol.${protocol}`;
}

export class Host implements UpstreamHost {
  readonly target: AddressModel;
  /** `ip:port` or socket path. */
  readonly address: string;
  readonly hostname: string;
  readonly cluster: string;
  /** 1 to 128. */
  weight: number;
  /** What discovery says and what was found besides, in one: see `judge`. */
  health: HostHealth;
  /** HEALTH_FLAG */
  flags: number;
  /** Told of its answers and failures; null: nobody wants to know. */
  watch: HostWatch | null;
  metadata: HostMetadataModel | null;
  /** null: its connections are not limited. */
  limit: HostConnections | null;
  readonly cxTotal: Counter;
  readonly cxActive: Gauge;
  readonly cxConnectFail: Counter;
  readonly rqTotal: Counter;
  readonly rqActive: Gauge;
  readonly rqSuccess: Counter;
  readonly rqError: Counter;
  readonly rqTimeout: Counter;
  readonly #scope: StatsScope;
  #discovered: HostHealth;

  /** `scope` is the host's own. */
  constructor(model: HostModel, cluster: string, scope: StatsScope) {
    this.target = model.address;
    this.address = addressKey(model.address);
    this.hostname = model.hostname === "" ? this.address : model.hostname;
    this.cluster = cluster;
    this.weight = model.weight;
    this.health = model.health;
    this.flags = 0;
    this.watch = null;
    this.#discovered = model.health;
    this.metadata = model.metadata ?? null;
    this.limit = null;
    this.#scope = scope;
    this.cxTotal = scope.counter("cx_total");
    this.cxActive = scope.gauge("cx_active");
    this.cxConnectFail = scope.counter("cx_connect_fail");
    this.rqTotal = scope.counter("rq_total");
    this.rqActive = scope.gauge("rq_active");
    this.rqSuccess = scope.counter("rq_success");
    this.rqError = scope.counter("rq_error");
    this.rqTimeout = scope.counter("rq_timeout");
  }

  /** What discovery says of it (null: what it said last), and what checks and outlier detection found. */
  judge(discovered: HostHealth | null, flags: number): void {
    if (discovered !== null) this.#discovered = discovered;
    this.flags = flags;
    this.health = healthOf(this.#discovered, flags);
    if (this.watch !== null) this.watch.isFailed = (flags & HEALTH_FLAG.failedActiveHc) !== 0;
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
