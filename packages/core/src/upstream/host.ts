/** One host of a cluster in one thread: its address, what it is called, whether it takes traffic, and its own counters (shown by /clusters). */
import type { Counter, Gauge, UpstreamHost } from "@sluice/sdk";
import type { AddressModel, EndpointModel } from "../config/model.ts";
import type { SlotGauge } from "../stats/metrics.ts";
import type { StatsScope } from "../stats/stats-store.ts";

export type HostHealth = EndpointModel["health"];

/** What discovery says of a host; plain data. */
export interface HostModel {
  readonly address: AddressModel;
  readonly hostname: string;
  readonly weight: number;
  readonly health: HostHealth;
}

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
  health: HostHealth;
  readonly cxTotal: Counter;
  readonly cxActive: Gauge;
  readonly cxConnectFail: Counter;
  readonly rqTotal: Counter;
  readonly rqActive: Gauge;
  readonly rqSuccess: Counter;
  readonly rqError: Counter;
  readonly rqTimeout: Counter;
  readonly #scope: StatsScope;

  /** `scope` is the host's own. */
  constructor(model: HostModel, cluster: string, scope: StatsScope) {
    this.target = model.address;
    this.address = addressKey(model.address);
    this.hostname = model.hostname === "" ? this.address : model.hostname;
    this.cluster = cluster;
    this.weight = model.weight;
    this.health = model.health;
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

  get usable(): boolean {
    return this.health === "healthy" || this.health === "degraded";
  }

  /** How many of its pools have learned that it speaks so. */
  speaks(protocol: "http1" | "http2"): SlotGauge {
    return this.#scope.gauge(protocolStat(protocol));
  }

  release(): void {
    this.#scope.release();
  }
}
