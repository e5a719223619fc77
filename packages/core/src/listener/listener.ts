/**
 * One configured listener in one worker: binds, accepts, runs each connection through TLS and its filter chain, drains. It keeps its socket while its chain
 * changes; connections stay with the chain that took them.
 */
import { chmodSync } from "node:fs";
import {
  createServer,
  isIP,
  isIPv6,
  type ListenOptions as SocketListenOptions,
  type Server,
  type Socket,
} from "node:net";
import type { AddressInfo, Timer, TlsInfo } from "@sluice/sdk";
import type { AddressModel, ListenerModel } from "../config/model.ts";
import { addressOf, ipAddress, pipeAddress, UNKNOWN_ADDRESS } from "../network/address.ts";
import { nextConnectionId, SocketInfo } from "../network/connection-info.ts";
import type { NetworkChain } from "../network/filter-chain/network-chain.ts";
import { SocketConnection } from "../network/socket-connection.ts";
import type { ListenerPart, ListenOptions } from "../worker/parts.ts";
import type { WorkerServices } from "../worker/services.ts";
import { Accepted, AcceptedList, type AcceptedOwner } from "./accepted.ts";
import { ListenerStats } from "./listener-stats.ts";

/** While a listener drains, idle connections are closed this long after they were told, and again and again. */
const CLOSE_IDLE_EVERY_MS = 1000;

const ACCEPTED = Symbol("sluice.accepted");
interface AcceptedSocket extends Socket {
  [ACCEPTED]?: Accepted;
}

/** A descriptor that listens already, handed over by another process, takes the place of an address. */
export type ListenTarget = ListenOptions | { readonly fd: number };

export class Listener implements ListenerPart<NetworkChain>, AcceptedOwner {
  readonly #model: ListenerModel;
  readonly #services: WorkerServices;
  readonly #stats: ListenerStats;
  readonly #server: Server;
  readonly #accepted = new AcceptedList();
  #chain: NetworkChain | null = null;
  /** Shared by all connections where the socket is bound to one address; null where it is bound to all of a machine. */
  #local: AddressInfo | null = null;
  #isPipe = false;
  #isDraining = false;
  #idleTimer: Timer | null = null;
  #hasStopped = false;
  #isReleased = false;

  constructor(model: ListenerModel, services: WorkerServices) {
    this.#model = model;
    this.#services = services;
    this.#stats = new ListenerStats(services.stats, model.statPrefix, services.workerIndex);
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  get connections(): number {
    return this.#accepted.size;
  }

  use(chain: NetworkChain): void {
    const before = this.#chain;
    if (before === chain) return;
    if (chain.tls !== null) {
      chain.tls.sink = {
        onSecure: (transport, socket, info) => this.#secured(transport as AcceptedSocket, socket, info),
      };
    }
    this.#chain = chain;
    before?.release();
  }

  async listen(target: ListenTarget): Promise<AddressModel> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const server = this.#server;
    server.once("error", reject);
    server.listen(this.#socketOptions(target), resolve);
    await promise;
    server.off("error", reject);
    // Errors of accept (no descriptors left): the connection waits in the kernel's queue, the process goes on.
    server.on("error", (error) => {
      this.#services.log.write("warn", "listener", `${this.#model.name}: ${error.message}`);
    });
    return this.#bound(target);
  }

  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    for (const accepted of this.#accepted.snapshot()) accepted.drain();
    this.#scheduleIdle();
  }

  async stopAccepting(): Promise<void> {
    // The socket itself is closed at once; `close` would report back only when the last connection is gone.
    if (this.#server.listening) this.#server.close();
    this.#hasStopped = true;
    this.#chain?.release();
    this.#chain = null;
    this.#releaseIfDone();
  }

  closeConnections(): void {
    for (const accepted of this.#accepted.snapshot()) accepted.destroy();
  }

  onAcceptedClosed(accepted: Accepted): void {
    this.#accepted.remove(accepted);
    this.#stats.ended(this.#services.clock.turnNow() - accepted.startMs);
    accepted.chain.connectionEnded();
    this.#releaseIfDone();
  }

  #socketOptions(target: ListenTarget): SocketListenOptions {
    const { backlog } = this.#model;
    if ("fd" in target) return { fd: target.fd } as SocketListenOptions;
    const { address } = target;
    if (address.kind === "pipe") return { path: address.path, backlog };
    return {
      host: address.host,
      port: address.port,
      backlog,
      exclusive: true,
      reusePort: target.reusePort,
      // As Envoy without ipv4_compat: an address of one family takes clients of that family.
      ipv6Only: isIPv6(address.host),
    };
  }

  #bound(target: ListenTarget): AddressModel {
    const bound = this.#server.address();
    if (bound === null || typeof bound === "string") {
      const path = bound ?? "";
      const mode = "address" in target && target.address.kind === "pipe" ? target.address.mode : 0;
      this.#isPipe = true;
      this.#local = pipeAddress(path);
      if (mode !== 0) chmodSync(path, mode);
      return { kind: "pipe", path, mode };
    }
    const model: AddressModel = { kind: "ip", host: bound.address, port: bound.port };
    this.#local =
      bound.address === "0.0.0.0" || bound.address === "::" || isIP(bound.address) === 0 ? null : addressOf(model);
    return model;
  }

  #accept(socket: AcceptedSocket): void {
    const chain = this.#chain;
    if (chain === null) {
      socket.destroy();
      return;
    }
    const accepted = new Accepted(this, socket, chain, this.#services.clock.turnNow());
    this.#accepted.add(accepted);
    this.#stats.started();
    chain.connectionStarted();
    if (chain.tls === null) {
      this.#connected(accepted, socket, null);
      return;
    }
    socket[ACCEPTED] = accepted;
    socket.on("close", onTransportClose);
    chain.tls.accept(socket);
  }

  #secured(transport: AcceptedSocket, socket: Socket, tls: TlsInfo): void {
    const accepted = transport[ACCEPTED];
    if (accepted === undefined || transport.destroyed) socket.destroy();
    else this.#connected(accepted, socket, tls);
  }

  #connected(accepted: Accepted, socket: Socket, tls: TlsInfo | null): void {
    const transport = accepted.socket;
    const services = this.#services;
    const remote = this.#isPipe ? UNKNOWN_ADDRESS : ipAddress(transport.remoteAddress, transport.remotePort);
    const local = this.#local ?? ipAddress(transport.localAddress, transport.localPort);
    const connection = new SocketConnection({
      socket,
      transport,
      info: new SocketInfo(nextConnectionId(services.workerIndex), remote, local, tls),
      environment: services,
      highWatermark: this.#model.bufferLimitBytes,
      owner: accepted,
      usesReadBuffer: false,
    });
    accepted.connection = connection;
    try {
      accepted.drainable = accepted.chain.accept(connection);
    } catch (error) {
      services.log.write("error", "listener", `${this.#model.name}: a connection could not be taken`, { error });
      connection.destroy(true);
      return;
    }
    if (this.#isDraining) accepted.drain();
  }

  #scheduleIdle(): void {
    this.#idleTimer = this.#services.timers.setTimer(() => {
      for (const accepted of this.#accepted.snapshot()) accepted.drainable?.closeIfIdle();
      if (this.#isReleased) this.#idleTimer = null;
      else this.#scheduleIdle();
    }, CLOSE_IDLE_EVERY_MS);
  }

  #releaseIfDone(): void {
    if (!this.#hasStopped || this.#accepted.size !== 0 || this.#isReleased) return;
    this.#isReleased = true;
    this.#idleTimer?.cancel();
    this.#stats.release();
  }
}

function onTransportClose(this: AcceptedSocket): void {
  this[ACCEPTED]?.onSocketClosed();
}

/** For the worker's parts. */
export function createListener(model: ListenerModel, services: WorkerServices): Listener {
  return new Listener(model, services);
}
