/** What checks of one cluster share in main: how a host is reached, over which connections, with whose name. Nothing of it shows in the cluster's statistics of traffic. */
import type { AddressModel, ClusterModel, HealthCheckModel } from "../../config/model.ts";
import { Http2CodecStats } from "../../http/codec/h2/codec-stats.ts";
import { HTTP2_CLIENT_DEFAULTS, NO_HTTP2_STATS } from "../../http/codec/h2/index.ts";
import { FlushQueue } from "../../network/flush-queue.ts";
import { StatsStore } from "../../stats/stats-store.ts";
import type { RealClock } from "../../timing/real-clock.ts";
import type { Timers } from "../../timing/clock.ts";
import type { LogSink } from "../../worker/log.ts";
import { systemRandom } from "../../worker/random.ts";
import { NO_LIMITS } from "../circuit-breakers.ts";
import { ClusterStats } from "../cluster-stats.ts";
import { AS_CONFIGURED, type ConnectTarget, type Connector } from "../connector.ts";
import { Host, type HostModel } from "../host.ts";
import { HostPool } from "../pool/host-pool.ts";
import { createTcpConnector } from "../tcp-connector.ts";

export interface ProbeServices {
  readonly clock: RealClock;
  readonly timers: Timers;
  readonly log: LogSink;
}

/** No worker has this number: ids of connections stay apart. */
const MAIN = 255;

export class ProbeTargets {
  readonly model: ClusterModel;
  readonly check: HealthCheckModel;
  readonly services: ProbeServices;
  readonly connector: Connector;
  readonly #stats = new StatsStore({ addSlab() {}, add() {}, remove() {} });
  readonly #flushQueue: FlushQueue;

  /** @throws Error where the cluster's TLS cannot be set up. */
  constructor(model: ClusterModel, check: HealthCheckModel, services: ProbeServices) {
    this.model = model;
    this.check = check;
    this.services = services;
    this.#flushQueue = new FlushQueue(services.clock, {
      late: "loop",
      onError: (error) => services.log.write("error", "health", "a check's flush threw", { error: String(error) }),
    });
    this.connector = createTcpConnector(model, {
      workerIndex: MAIN,
      timers: services.timers,
      flushQueue: this.#flushQueue,
      log: services.log,
      stats: this.#stats,
    });
  }

  get scheme(): "http" | "https" {
    return this.model.tls === null ? "http" : "https";
  }

  /** Where the host is asked. */
  host(model: HostModel): Host {
    const asked = { ...model, address: checkedAddress(model), health: "healthy" as const };
    return new Host(asked, this.model.name, this.#stats.scope("#"));
  }

  /** What the TLS of a check offers: what is told, else what the check speaks, where the cluster offers anything. */
  target(speaks: "http1" | "http2" | null): ConnectTarget {
    const { alpn } = this.check;
    const configured = this.model.tls?.alpn ?? [];
    if (alpn.length !== 0) return { ...AS_CONFIGURED, alpn };
    if (speaks === "http2") return { ...AS_CONFIGURED, alpn: ["h2"] };
    return { ...AS_CONFIGURED, alpn: speaks === "http1" && configured.length !== 0 ? ["http/1.1"] : null };
  }

  /** Connections for requests to that host, one at a time. */
  pool(host: Host, protocol: "http1" | "http2"): HostPool {
    const { clock, timers } = this.services;
    const { http, connectTimeoutMs } = this.model;
    const flushQueue = this.#flushQueue;
    const stats = new Http2CodecStats(this.#stats.scope("http2."), NO_HTTP2_STATS.tooManyPrematureResets);
    return new HostPool({
      host,
      connector: this.connector,
      target: this.target(protocol),
      limits: {
        http1: {
          maxHeadBytes: http.maxResponseHeadersBytes,
          maxHeaders: http.maxHeadersCount,
          enableTrailers: false,
        },
        http2: { ...HTTP2_CLIENT_DEFAULTS, maxHeaders: http.maxHeadersCount },
        connectTimeoutMs,
        idleTimeoutMs: 0,
        maxAgeMs: 0,
        maxRequests: this.check.reuseConnection ? 0 : 1,
        maxStreamMs: 0,
        preconnectRatio: 1,
      },
      stats: new ClusterStats(this.#stats.scope("")),
      clock,
      timers,
      breakers: NO_LIMITS,
      protocol,
      kind: null,
      flushQueue,
      environment:
        protocol === "http2" ? { clock, timers, flushQueue, stats, random: () => systemRandom.next() } : null,
      owner: null,
    });
  }

  /** The name that a host is asked under. Envoy: HealthCheckerFactory::getHostname. */
  authority({ healthCheck }: HostModel, configured: string): string {
    const own = healthCheck?.hostname ?? "";
    if (own !== "") return own;
    return configured === "" ? this.model.name : configured;
  }
}

function checkedAddress({ address, healthCheck }: HostModel): AddressModel {
  const base = healthCheck?.address ?? address;
  const port = healthCheck?.port ?? 0;
  return base.kind === "ip" && port !== 0 ? { ...base, port } : base;
}
