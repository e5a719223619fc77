/**
 * Hot path. One proxied connection: opens the upstream connection (several attempts where configured), carries bytes and half-closes both ways, lets the
 * slower side pause the faster, ends both. When the client is gone after it said everything, what it said is still delivered (Envoy's upstream flush).
 */
import type {
  DynamicMetadata,
  HashKey,
  HostChoice,
  HostOverride,
  NetworkConnection,
  ResetReason,
  SubsetValues,
  Timer,
  UpstreamConnection,
  UpstreamConnectionEvents,
  UpstreamHost,
  WatermarkListener,
} from "@sluice/sdk";
import type { TcpProxyTarget } from "./config.ts";
import type { TcpProxyFilter } from "./filter.ts";
import { addHash } from "./host-choice.ts";
import { openTunnel } from "./tunnel.ts";

export class TcpSession implements UpstreamConnectionEvents, WatermarkListener, HostChoice {
  readonly #filter: TcpProxyFilter;
  readonly #client: NetworkConnection<TcpSession | undefined>;
  readonly #clusterName: string;
  readonly #subset: SubsetValues | null;
  #upstream: UpstreamConnection | null = null;
  #attempts = 0;
  #isConnected = false;
  /** The client is gone, or was closed by this side. */
  #isClientGone = false;
  #hasClientEnded = false;
  #hasUpstreamEnded = false;
  /** What this session holds back: the client for the upstream's sake, and the other way round. */
  #pausesClient = false;
  #pausesUpstream = false;
  #lastActiveMs = 0;
  #flushTimer: Timer | null = null;

  constructor(filter: TcpProxyFilter, client: NetworkConnection<TcpSession | undefined>, target: TcpProxyTarget) {
    this.#filter = filter;
    this.#client = client;
    this.#clusterName = target.cluster;
    this.#subset = target.subset ?? null;
  }

  // As the cluster sees the connection, while it chooses a host.

  get metadata(): DynamicMetadata {
    return this.#client.metadata;
  }

  get override(): HostOverride | null {
    return this.#client.info.upstreamOverride;
  }

  /** What filters left takes the place of what is configured. */
  get subset(): SubsetValues | null {
    const left = this.#client.metadata.get("envoy.lb");
    if (left === undefined) return this.#subset;
    return { ...this.#subset, ...left };
  }

  hashKey(key: HashKey): void {
    const { hash } = this.#filter.settings;
    if (hash !== null) addHash(key, hash, this.#client);
  }

  start(): void {
    const { stats, settings } = this.#filter;
    stats.cxTotal.inc();
    this.#client.info.upstreamClusterName = this.#clusterName;
    this.#client.write.watch(this);
    const { maxDownstreamConnectionDurationMs } = settings;
    if (maxDownstreamConnectionDurationMs !== 0)
      this.#client.setTimer(onMaxDuration, maxDownstreamConnectionDurationMs);
    if (settings.logIntervalMs !== 0) this.#client.setTimer(onLogInterval, settings.logIntervalMs);
    this.#connect();
  }

  // ---- from the client ----------------------------------------------------------------------------------------------------------------------

  fromClient(data: Uint8Array, end: boolean): void {
    this.#lastActiveMs = this.#filter.clock.now();
    this.#filter.stats.rxBytes.inc(data.length);
    this.#hasClientEnded ||= end;
    this.#upstream?.write(data, end);
  }

  clientGone(): void {
    this.#isClientGone = true;
    const upstream = this.#upstream;
    if (upstream === null) return;
    if (this.#hasClientEnded && !this.#hasUpstreamEnded && this.#isConnected) this.#flush();
    else this.#closeUpstream(!this.#hasClientEnded);
  }

  // ---- from the upstream --------------------------------------------------------------------------------------------------------------------

  onUpstreamConnected(host: UpstreamHost, localAddress: string): void {
    const { info, read } = this.#client;
    this.#isConnected = true;
    info.upstreamHost = host;
    info.upstreamLocalAddress = localAddress;
    this.#lastActiveMs = this.#filter.clock.now();
    const { idleTimeoutMs, logsOnConnected } = this.#filter.settings;
    if (logsOnConnected) this.#client.logAccess("upstream_connected");
    if (idleTimeoutMs !== 0) this.#client.setTimer(onIdleCheck, idleTimeoutMs);
    read.resume();
  }

  onUpstreamData(data: Uint8Array, end: boolean): void {
    this.#hasUpstreamEnded ||= end;
    if (this.#isClientGone) {
      // Nobody is left to read what the upstream says: its connection was kept only to deliver, and does that by itself.
      if (data.length !== 0 || end) this.#closeUpstream(false);
      return;
    }
    this.#lastActiveMs = this.#filter.clock.now();
    this.#filter.stats.txBytes.inc(data.length);
    this.#client.send(data, end);
  }

  onUpstreamClose(reason: ResetReason | null, detail: string, host: UpstreamHost | null): void {
    this.#upstream = null;
    this.#endFlush();
    if (this.#isClientGone) return;
    const { info } = this.#client;
    if (host !== null) info.upstreamHost = host;
    if (reason !== null) info.upstreamFailure = detail;
    if (!this.#isConnected) {
      this.#connect();
      return;
    }
    if (reason === null) {
      this.#client.close("flush");
      return;
    }
    // A reset stays one: an orderly end would make a transfer that broke off look complete.
    info.addFlag("UC");
    this.#client.close("abort", `upstream_reset{${reason}}`);
  }

  onUpstreamWriteHigh(): void {
    if (this.#pausesClient || this.#isClientGone) return;
    this.#pausesClient = true;
    this.#filter.stats.pausedReading.inc();
    this.#client.read.pause();
  }

  onUpstreamWriteLow(): void {
    if (!this.#pausesClient || this.#isClientGone) return;
    this.#pausesClient = false;
    this.#filter.stats.resumedReading.inc();
    this.#client.read.unpause();
  }

  // ---- the client's way of writing ------------------------------------------------------------------------------------------------------------

  onAboveHighWatermark(): void {
    if (this.#pausesUpstream) return;
    this.#pausesUpstream = true;
    this.#upstream?.pause();
  }

  onBelowLowWatermark(): void {
    if (!this.#pausesUpstream) return;
    this.#pausesUpstream = false;
    this.#upstream?.unpause();
  }

  // ---- time -----------------------------------------------------------------------------------------------------------------------------------

  checkIdle(): void {
    const { settings, clock, stats } = this.#filter;
    const leftMs = this.#lastActiveMs + settings.idleTimeoutMs - clock.now();
    if (leftMs > 0) {
      this.#client.setTimer(onIdleCheck, leftMs);
      return;
    }
    stats.idleTimeout.inc();
    this.#client.close("now", "idle_timeout");
  }

  tooOld(): void {
    this.#filter.stats.maxDuration.inc();
    this.#client.info.addFlag("DT");
    this.#client.close("now", "max_downstream_connection_duration");
  }

  logAgain(): void {
    this.#client.logAccess("periodic");
    this.#client.setTimer(onLogInterval, this.#filter.settings.logIntervalMs);
  }

  // ---- the upstream connection ----------------------------------------------------------------------------------------------------------------

  #connect(): void {
    const { settings, clusters, stats } = this.#filter;
    const { info } = this.#client;
    if (this.#attempts >= settings.maxConnectAttempts) {
      info.addFlag("UF");
      info.addFlag("URX");
      this.#filter.attemptsExceeded(this.#clusterName);
      this.#client.close("now", "upstream_connect_failed");
      return;
    }
    const cluster = clusters.get(this.#clusterName);
    if (cluster === undefined) {
      stats.cxNoRoute.inc();
      info.addFlag("NC");
      this.#client.close("now", "cluster_not_found");
      return;
    }
    const { tunnel } = this.#filter;
    const request = tunnel === null ? null : tunnel.request(cluster, this.#client);
    if (tunnel !== null && request === null) {
      stats.cxNoRoute.inc();
      info.addFlag("NR");
      this.#client.close("now", "tunnel_hostname_invalid");
      return;
    }
    this.#attempts++;
    info.upstreamAttempts = this.#attempts;
    const upstream =
      tunnel === null || request === null
        ? cluster.connect(this, this.#client.connection, this)
        : openTunnel(tunnel, cluster, request, this.#client, this, this);
    if (typeof upstream === "string") {
      info.addFlag(FLAGS[upstream]);
      this.#client.close("now", upstream);
      return;
    }
    this.#upstream = upstream;
    if (this.#pausesUpstream) upstream.pause();
  }

  /** The client is gone, but its last bytes may still be on their way: the upstream gets them, for as long as an idle connection may last. */
  #flush(): void {
    const { stats, settings } = this.#filter;
    stats.flushTotal.inc();
    stats.flushActive.inc();
    if (this.#pausesUpstream) this.#upstream?.unpause();
    this.#flushTimer = this.#filter.setTimer(
      () => this.#closeUpstream(false),
      settings.idleTimeoutMs === 0 ? FLUSH_MS : settings.idleTimeoutMs,
    );
  }

  #endFlush(): void {
    if (this.#flushTimer === null) return;
    this.#flushTimer.cancel();
    this.#flushTimer = null;
    this.#filter.stats.flushActive.dec();
  }

  #closeUpstream(abort: boolean): void {
    this.#endFlush();
    const upstream = this.#upstream;
    this.#upstream = null;
    upstream?.close(abort);
  }
}

const FLAGS = { no_healthy_upstream: "UH", overflow: "UO", drop_overload: "DO" } as const;

/** A flush's greatest length where idle connections may last for ever. */
const FLUSH_MS = 3_600_000;

function onIdleCheck(connection: NetworkConnection<TcpSession | undefined>): void {
  connection.state!.checkIdle();
}

function onLogInterval(connection: NetworkConnection<TcpSession | undefined>): void {
  connection.state!.logAgain();
}

function onMaxDuration(connection: NetworkConnection<TcpSession | undefined>): void {
  connection.state!.tooOld();
}
