/**
 * Opens upstream connections: TCP or a Unix socket, TLS over it where the cluster says so, within the cluster's connect time-out. Plain connections read into
 * buffers of their own (`onread`).
 *
 *     connectUpstream(options, events): Connecting
 *     createTcpConnector(model, services): Connector      // what a cluster's pools use
 */
import { connect, type Socket, type TcpNetConnectOpts } from "node:net";
import type { TLSSocket } from "node:tls";
import type { AddressInfo, ConnectionInfo, TlsInfo } from "@sluice/sdk";
import type { AddressModel, ClusterModel, ProxyProtocolModel, TcpKeepaliveModel } from "../config/model.ts";
import { addressOf, ipAddress, UNKNOWN_ADDRESS } from "../network/address.ts";
import { nextConnectionId, SocketInfo } from "../network/connection-info.ts";
import { allocateReadBuffer, DEFAULT_READ_BUFFER, ONREAD, type ReadBufferSizes } from "../network/read-buffer.ts";
import { type ConnectionEnvironment, SocketConnection } from "../network/socket-connection.ts";
import { errorWord } from "../network/socket-error.ts";
import { ClientTls, verifyFailureOf } from "../network/tls/client-tls.ts";
import { tlsInfoOf } from "../network/tls/tls-info.ts";
import { TlsStats } from "../network/tls/tls-stats.ts";
import { TimerNode } from "../timing/clock.ts";
import type { WorkerServices } from "../worker/services.ts";
import type { ConnectEvents, ConnectTarget, Connecting, Connector } from "./connector.ts";
import type { Host } from "./host.ts";
import { proxyHeader } from "./proxy-header.ts";

export interface ConnectOptions {
  readonly address: AddressModel;
  readonly tls: ClientTls | null;
  /** Takes the place of the TLS context's server name; empty: the context's. */
  readonly serverName: string;
  /** null or absent: nothing special. */
  readonly target?: ConnectTarget | null;
  /** What the connection begins with; null or absent: nothing. */
  readonly proxyProtocol?: ProxyProtocolModel | null;
  readonly keepalive?: TcpKeepaliveModel | null;
  /** Resumes TLS sessions, and keeps them to be resumed, under that name; absent: does not. */
  readonly sessionKey?: string;
  /** Until the connection stands, its TLS handshake included; 0: the system's patience. */
  readonly timeoutMs: number;
  readonly highWatermark: number;
  readonly workerIndex: number;
  readonly environment: ConnectionEnvironment;
  readonly tlsStats: TlsStats | null;
  /** @default 16 KiB growing to 128 KiB */
  readonly readBufferSizes?: ReadBufferSizes;
}

/** Exactly one of the events fires, never before this call has returned; none after `cancel`. */
export function connectUpstream(options: ConnectOptions, events: ConnectEvents): Connecting {
  return new Attempt(options, events);
}

const ATTEMPT = Symbol("sluice.attempt");
interface AttemptSocket extends Socket {
  /** null once the connection is handed over. */
  [ATTEMPT]: Attempt | null;
}

class Attempt extends TimerNode implements Connecting {
  readonly #options: ConnectOptions;
  readonly #events: ConnectEvents;
  readonly #transport: Socket;
  #socket: Socket;
  #isOver = false;

  constructor(options: ConnectOptions, events: ConnectEvents) {
    super();
    this.#options = options;
    this.#events = events;
    this.#transport = open(options);
    this.#socket = this.#transport;
    listen(this.#transport, this);
    this.#transport.once("connect", onConnect);
    if (options.timeoutMs !== 0) options.environment.timers.arm(this, options.timeoutMs);
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#end();
    this.#socket.destroy();
  }

  override onTimeout(): void {
    if (this.#isOver) return;
    this.#end();
    this.#socket.destroy();
    this.#events.onConnectFailed("connection_timeout", "connect_timeout");
  }

  connected(): void {
    if (this.#isOver) return;
    const { tls, keepalive, proxyProtocol, target, sessionKey } = this.#options;
    const transport = this.#transport;
    if (keepalive) keepAlive(transport, keepalive);
    if (proxyProtocol) {
      const own = { local: localAddress(this.#options, transport), remote: addressOf(this.#options.address) };
      transport.write(proxyHeader(proxyProtocol, target?.client ?? null, own));
    }
    if (tls === null) {
      this.#hand(null);
      return;
    }
    const secure = tls.connect(transport, {
      serverName: this.#options.serverName,
      alpn: target?.alpn ?? null,
      sessionKey: sessionKey ?? "",
    });
    this.#socket = secure;
    listen(secure, this);
    secure.once("secureConnect", onSecureConnect);
  }

  secured(): void {
    if (this.#isOver) return;
    const { tlsStats } = this.#options;
    const tls = this.#options.tls!;
    const socket = this.#socket as TLSSocket;
    const peer = tls.peerOf(socket);
    const word = tls.verify(socket, peer, this.#options.target?.certificateName ?? "");
    const failure = verifyFailureOf(word);
    if (failure !== null) {
      tlsStats?.refused(failure);
      this.#end();
      socket.destroy();
      this.#events.onConnectFailed("connection_failure", word);
      return;
    }
    tlsStats?.done(socket, peer !== undefined);
    const serverName = this.#options.serverName === "" ? tls.model.sni : this.#options.serverName;
    this.#hand(tlsInfoOf(socket, serverName, peer, tls.verifies));
  }

  failed(error: unknown): void {
    if (this.#isOver) return;
    if (this.#socket !== this.#transport) this.#options.tlsStats?.failed();
    this.#end();
    this.#socket.destroy();
    this.#events.onConnectFailed("connection_failure", errorWord(error));
  }

  /** The connection stands: its socket's listeners are the connection's from now on. */
  #hand(tls: TlsInfo | null): void {
    const options = this.#options;
    const transport = this.#transport;
    const socket = this.#socket;
    this.#end();
    unlisten(socket);
    (transport as AttemptSocket)[ATTEMPT] = null;
    (socket as AttemptSocket)[ATTEMPT] = null;
    const connection = new SocketConnection({
      socket,
      transport,
      info: infoOf(options, transport, tls),
      environment: options.environment,
      highWatermark: options.highWatermark,
      owner: null,
      usesReadBuffer: options.tls === null,
      ...(options.readBufferSizes === undefined ? {} : { readBufferSizes: options.readBufferSizes }),
    });
    this.#events.onConnected(connection);
  }

  #end(): void {
    this.#isOver = true;
    this.#options.environment.timers.cancel(this);
  }
}

function open(options: ConnectOptions): Socket {
  const { address } = options;
  const common = { allowHalfOpen: true, noDelay: true };
  if (options.tls === null) {
    allocateReadBuffer((options.readBufferSizes ?? DEFAULT_READ_BUFFER).minBytes);
    if (address.kind === "pipe") return connect({ ...common, path: address.path, onread: ONREAD });
    return connect({ ...common, ...target(address), onread: ONREAD });
  }
  return address.kind === "pipe"
    ? connect({ ...common, path: address.path })
    : connect({ ...common, ...target(address) });
}

function target({ host, port }: Extract<AddressModel, { kind: "ip" }>): TcpNetConnectOpts {
  return { host, port, autoSelectFamily: false };
}

function infoOf(options: ConnectOptions, transport: Socket, tls: TlsInfo | null): ConnectionInfo {
  const local = localAddress(options, transport);
  return new SocketInfo(nextConnectionId(options.workerIndex), addressOf(options.address), local, tls);
}

function localAddress({ address }: ConnectOptions, transport: Socket): AddressInfo {
  return address.kind === "pipe" ? UNKNOWN_ADDRESS : ipAddress(transport.localAddress, transport.localPort);
}

/** What this version of Node cannot set stays as the system has it. */
type SetKeepAlive = (enable: boolean, initialDelay: number, interval?: number, count?: number) => Socket;

function keepAlive(socket: Socket, { idleMs, intervalMs, probes }: TcpKeepaliveModel): void {
  const set: SetKeepAlive = socket.setKeepAlive;
  set.call(socket, true, idleMs, intervalMs === 0 ? undefined : intervalMs, probes === 0 ? undefined : probes);
}

/** Both sockets of a TLS connection report errors, and either may be the only one that does. */
function listen(socket: Socket, attempt: Attempt): void {
  (socket as AttemptSocket)[ATTEMPT] = attempt;
  socket.on("error", onError);
  socket.on("close", onClose);
}

function unlisten(socket: Socket): void {
  socket.off("error", onError);
  socket.off("close", onClose);
}

function onConnect(this: Socket): void {
  (this as AttemptSocket)[ATTEMPT]?.connected();
}

function onSecureConnect(this: Socket): void {
  (this as AttemptSocket)[ATTEMPT]?.secured();
}

function onError(this: Socket, error: unknown): void {
  (this as AttemptSocket)[ATTEMPT]?.failed(error);
}

function onClose(this: Socket): void {
  (this as AttemptSocket)[ATTEMPT]?.failed({ code: "ECONNRESET" });
}

/** The connector of a cluster's pools. @throws Error where its TLS cannot be set up */
export function createTcpConnector(model: ClusterModel, services: ConnectorServices): Connector {
  return new TcpConnector(model, services);
}

export type ConnectorServices = Pick<WorkerServices, "workerIndex" | "timers" | "flushQueue" | "log" | "stats">;

class TcpConnector implements Connector {
  readonly #model: ClusterModel;
  readonly #services: ConnectorServices;
  readonly #tls: ClientTls | null;
  readonly #tlsStats: TlsStats | null;

  constructor(model: ClusterModel, services: ConnectorServices) {
    this.#model = model;
    this.#services = services;
    this.#tls = model.tls === null ? null : new ClientTls(model.tls);
    this.#tlsStats = model.tls === null ? null : new TlsStats(services.stats, `cluster.${model.statName}.`);
  }

  connect(host: Host, timeoutMs: number, events: ConnectEvents, target: ConnectTarget | null = null): Connecting {
    const services = this.#services;
    const model = this.#model;
    return connectUpstream(
      {
        address: host.target,
        tls: this.#tls,
        serverName: target === null ? "" : target.serverName,
        target,
        proxyProtocol: model.proxyProtocol,
        keepalive: model.tcpKeepalive,
        sessionKey: host.address,
        timeoutMs,
        highWatermark: model.bufferLimitBytes,
        workerIndex: services.workerIndex,
        environment: services,
        tlsStats: this.#tlsStats,
      },
      events,
    );
  }
}
