// tcp_proxy between real sockets in one thread: a listener, the cluster `c`, an origin that the test plays.
import { PLAIN_ROUND_ROBIN } from "../../packages/core/src/config/balancing-model.ts";
import type { Socket } from "node:net";
import type { ClusterModel, Json, UpstreamTlsModel } from "../../packages/core/src/config/model.ts";
import type { ReadBufferSizes } from "../../packages/core/src/network/read-buffer.ts";
import { ClusterManager } from "../../packages/core/src/upstream/cluster-manager.ts";
import type { Connector } from "../../packages/core/src/upstream/connector.ts";
import { connectUpstream, createTcpConnector } from "../../packages/core/src/upstream/tcp-connector.ts";
import { type ListenerOptions, networkFilter, type RunningListener, startListener } from "./listeners.ts";
import { LoopbackServer } from "./loopback.ts";
import { type TestServices, testServices } from "./services.ts";

const BUFFER_LIMIT = 1024 * 1024;

export interface TcpWorldOptions {
  readonly onSocket: (socket: Socket) => void;
  readonly proxy?: Readonly<Record<string, Json>>;
  readonly upstreamTls?: UpstreamTlsModel;
  /** Of plain upstream connections. */
  readonly readBufferSizes?: ReadBufferSizes;
  readonly listener?: Omit<ListenerOptions, "filters">;
  /** Addresses before the origin's, to be tried first. */
  readonly deadPorts?: readonly number[];
}

export class TcpWorld implements AsyncDisposable {
  readonly services: TestServices;
  readonly origin: LoopbackServer;
  readonly proxy: RunningListener;
  readonly #clusters: ClusterManager;

  private constructor(
    services: TestServices,
    origin: LoopbackServer,
    proxy: RunningListener,
    clusters: ClusterManager,
  ) {
    this.services = services;
    this.origin = origin;
    this.proxy = proxy;
    this.#clusters = clusters;
  }

  static async start(options: TcpWorldOptions): Promise<TcpWorld> {
    const origin = await LoopbackServer.start(options.onSocket);
    const base = testServices();
    const clusters = new ClusterManager(base, (model) => connectorOf(model, base, options.readBufferSizes));
    const services: TestServices = Object.assign(base, { clusters });
    clusters
      .prepare([clusterModel([...(options.deadPorts ?? []), origin.port], options.upstreamTls ?? null)], new Map())
      .commit();
    const config = { stat_prefix: "t", cluster: "c", ...options.proxy };
    const filters = [networkFilter("envoy.filters.network.tcp_proxy", config, "t")];
    return new TcpWorld(services, origin, await startListener(services, { ...options.listener, filters }), clusters);
  }

  get port(): number {
    return this.proxy.port;
  }

  /** Connections that the proxy has open to clients. */
  get open(): number {
    return this.proxy.listener.connections;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    this.#clusters.destroy();
    await this.origin[Symbol.asyncDispose]();
  }
}

function connectorOf(
  model: ClusterModel,
  services: TestServices,
  readBufferSizes: ReadBufferSizes | undefined,
): Connector {
  if (readBufferSizes === undefined) return createTcpConnector(model, services);
  return {
    connect: (host, timeoutMs, events) =>
      connectUpstream(
        {
          address: host.target,
          tls: null,
          serverName: "",
          timeoutMs,
          highWatermark: BUFFER_LIMIT,
          workerIndex: 0,
          environment: services,
          tlsStats: null,
          readBufferSizes,
        },
        events,
      ),
  };
}

function clusterModel(ports: readonly number[], tls: UpstreamTlsModel | null): ClusterModel {
  const place = { path: "", position: "" };
  return {
    name: "c",
    statName: "c",
    discovery: { kind: "static" },
    endpoints: ports.map((port) => ({
      address: { kind: "ip", host: "127.0.0.1", port },
      hostname: "",
      weight: 1,
      health: "healthy",
      place,
    })),
    connectTimeoutMs: 2000,
    bufferLimitBytes: BUFFER_LIMIT,
    lb: PLAIN_ROUND_ROBIN,
    tcpKeepalive: null,
    proxyProtocol: null,
    preconnect: { perUpstream: 1, predictive: 1 },
    tls,
    http: {
      idleTimeoutMs: 0,
      maxConnectionDurationMs: 0,
      maxRequestsPerConnection: 0,
      maxHeadersCount: 100,
      maxResponseHeadersBytes: 65_536,
      protocol: "http1",
      http2: null,
      maxStreamDurationMs: 0,
      autoSni: false,
      autoSanValidation: false,
      autoSniHeader: "",
      enableTrailers: false,
    },
    place,
  };
}
