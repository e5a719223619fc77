/** tcp_proxy in one chain and thread: chooses the cluster of each connection and makes its session. */
import {
  type Clock,
  type Clusters,
  type Counter,
  type FilterContext,
  type Gauge,
  type NetworkConnection,
  type NetworkFilter,
  type NetworkVerdict,
  Stop,
  type Timer,
} from "@sluice/sdk";
import type { TcpProxySettings, TcpProxyTarget } from "./config.ts";
import { TcpSession } from "./session.ts";
import { TunnelPlan } from "./tunnel.ts";

/** `tcp.<stat_prefix>.*`, under Envoy's names. */
export class TcpProxyStats {
  readonly cxTotal: Counter;
  readonly cxNoRoute: Counter;
  readonly rxBytes: Counter;
  readonly txBytes: Counter;
  readonly idleTimeout: Counter;
  readonly maxDuration: Counter;
  readonly pausedReading: Counter;
  readonly resumedReading: Counter;
  readonly flushTotal: Counter;
  readonly flushActive: Gauge;

  constructor(context: FilterContext, statPrefix: string) {
    const counter = (name: string): Counter => context.rootStats.counter(`tcp.${statPrefix}.${name}`);
    this.cxTotal = counter("downstream_cx_total");
    this.cxNoRoute = counter("downstream_cx_no_route");
    this.rxBytes = counter("downstream_cx_rx_bytes_total");
    this.txBytes = counter("downstream_cx_tx_bytes_total");
    this.idleTimeout = counter("idle_timeout");
    this.maxDuration = counter("max_downstream_connection_duration");
    this.pausedReading = counter("downstream_flow_control_paused_reading_total");
    this.resumedReading = counter("downstream_flow_control_resumed_reading_total");
    this.flushTotal = counter("upstream_flush_total");
    this.flushActive = context.rootStats.gauge(`tcp.${statPrefix}.upstream_flush_active`);
  }
}

export class TcpProxyFilter implements NetworkFilter<TcpSession | undefined> {
  readonly settings: TcpProxySettings;
  readonly stats: TcpProxyStats;
  readonly clusters: Clusters;
  readonly clock: Clock;
  /** null: bytes go upstream as they are. */
  readonly tunnel: TunnelPlan | null;
  readonly #context: FilterContext;

  constructor(settings: TcpProxySettings, context: FilterContext) {
    this.settings = settings;
    this.stats = new TcpProxyStats(context, settings.statPrefix);
    this.clusters = context.clusters;
    this.clock = context.clock;
    this.tunnel = settings.tunnel === null ? null : new TunnelPlan(settings.tunnel, context);
    this.#context = context;
  }

  onNewConnection(connection: NetworkConnection<TcpSession | undefined>): NetworkVerdict {
    const session = new TcpSession(this, connection, this.#pick());
    connection.state = session;
    session.start();
    // The client waits, its bytes in the kernel, until the upstream connection stands.
    return Stop;
  }

  onData(data: Uint8Array, end: boolean, connection: NetworkConnection<TcpSession | undefined>): void {
    connection.state!.fromClient(data, end);
  }

  onClose(connection: NetworkConnection<TcpSession | undefined>): void {
    connection.state!.clientGone();
  }

  /** No connection attempt is left. Envoy counts it with the cluster. */
  attemptsExceeded(cluster: string): void {
    const statName = this.clusters.get(cluster)?.statName;
    if (statName !== undefined)
      this.#context.rootStats.counter(`cluster.${statName}.upstream_cx_connect_attempts_exceeded`).inc();
  }

  /** For sessions that outlive their connection. */
  setTimer(callback: () => void, ms: number): Timer {
    return this.#context.setTimer(callback, ms);
  }

  #pick(): TcpProxyTarget {
    const { targets, totalWeight } = this.settings;
    let at = targets.length > 1 ? this.#context.random.below(totalWeight) : 0;
    for (const target of targets) {
      if (at < target.weight) return target;
      at -= target.weight;
    }
    return targets[0]!;
  }
}
