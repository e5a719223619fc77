/**
 * One configured listener in one worker: binds, accepts, runs each connection through listener filters, TLS and its filter chain, drains. It keeps its socket
 * while its chains change; streams stay with the chains that took them.
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
import { SocketConnection } from "../network/socket-connection.ts";
import type { ListenerPart, ListenOptions } from "../worker/parts.ts";
import type { WorkerServices } from "../worker/services.ts";
import { Accepted, AcceptedList, type AcceptedOwner } from "./accepted.ts";
import type { ListenerChains } from "./listener-chains.ts";
import type { ListenerFilterChain } from "./listener-filter-chain.ts";
import { ListenerStats } from "./listener-stats.ts";
import { PeekedSocket } from "./peeked-socket.ts";

/** While a listener drains, idle connections are closed this long after they were told, and again and again. */
const CLOSE_IDLE_EVERY_MS = 1000;

const ACCEPTED = Symbol("sluice.accepted");
interface AcceptedSocket extends Socket {
  [ACCEPTED]?: Accepted;
}

/** A descriptor that listens already, handed over by another process, takes the place of an address. */
export type ListenTarget = ListenOptions | { readonly fd: number };

export class Listener implements ListenerPart<ListenerChains>, AcceptedOwner {
  readonly #model: ListenerModel;
  readonly #services: WorkerServices;
  readonly #stats: ListenerStats;
  readonly #server: Server;
  readonly #accepted = new AcceptedList();
  #chains: ListenerChains | null = null;
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

  use(chains: ListenerChains, move = false): void {
    const before = this.#chains;
    if (before === chains) return;
    const { tls } = chains.chain;
    if (tls !== null) {
      tls.sink = { onSecure: (transport, socket, info) => this.#secured(transport as AcceptedSocket, socket, info) };
    }
    this.#chains = chains;
    if (before === null) return;
    for (const accepted of this.#accepted.snapshot()) {
      if (accepted.chains === chains) continue;
      if (move) accepted.moveTo(chains);
      else accepted.drain();
    }
    before.release();
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
    this.#chains?.release();
    this.#chains = null;
    this.#releaseIfDone();
  }

  closeConnections(): void {
    for (const accepted of this.#accepted.snapshot()) accepted.destroy();
  }

  onAcceptedFiltered(accepted: Accepted, hasEnded: boolean): void {
    const { socket, run } = accepted;
    accepted.earlier = run?.left ?? null;
    if (run?.awaitsClose !== true) accepted.run = null;
    this.#admit(accepted);
    const { tls } = accepted.chains.chain;
    if (tls !== null) {
      // Who says no more now will not shake hands.
      if (hasEnded) socket.destroy();
      else tls.accept(socket);
      return;
    }
    this.#connected(accepted, socket, null);
    const { connection } = accepted;
    if (connection === null || connection.closed) return;
    if (!connection.paused) socket.resume();
    // The socket told it to those who looked at it first.
    if (hasEnded) connection.ended();
  }

  onAcceptedClosed(accepted: Accepted): void {
    this.#accepted.remove(accepted);
    accepted.run?.onClose();
    if (accepted.startMs !== -1) this.#stats.ended(this.#services.clock.turnNow() - accepted.startMs);
    accepted.chains.connectionEnded();
    accepted.filteredBy?.connectionEnded();
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
    const chains = this.#chains;
    if (chains === null) {
      socket.destroy();
      return;
    }
    const accepted = new Accepted(this, socket, chains);
    this.#accepted.add(accepted);
    chains.connectionStarted();
    if (chains.filters !== null) {
      this.#filter(accepted, chains.filters);
      return;
    }
    this.#admit(accepted);
    const { tls } = chains.chain;
    if (tls === null) {
      this.#connected(accepted, socket, null);
      return;
    }
    socket[ACCEPTED] = accepted;
    socket.on("close", onTransportClose);
    tls.accept(socket);
  }

  #filter(accepted: Accepted, filters: ListenerFilterChain): void {
    const socket: AcceptedSocket = accepted.socket;
    socket[ACCEPTED] = accepted;
    socket.on("close", onTransportClose);
    const info = this.#infoOf(socket, null);
    const peeked = new PeekedSocket(filters, socket, info, this.#isPipe, accepted);
    accepted.info = info;
    accepted.run = peeked.run;
    peeked.start();
  }

  /** It counts as a connection from now on. */
  #admit(accepted: Accepted): void {
    accepted.startMs = this.#services.clock.turnNow();
    this.#stats.started();
  }

  #secured(transport: AcceptedSocket, socket: Socket, tls: TlsInfo): void {
    const accepted = transport[ACCEPTED];
    if (accepted === undefined || transport.destroyed) socket.destroy();
    else this.#connected(accepted, socket, tls);
  }

  #connected(accepted: Accepted, socket: Socket, tls: TlsInfo | null): void {
    const transport = accepted.socket;
    const services = this.#services;
    const { info } = accepted;
    if (info !== null && tls !== null) info.secured(tls);
    const connection = new SocketConnection({
      socket,
      transport,
      info: info ?? this.#infoOf(transport, tls),
      environment: services,
      highWatermark: this.#model.bufferLimitBytes,
      owner: accepted,
      usesReadBuffer: false,
    });
    accepted.connection = connection;
    try {
      accepted.drainable = accepted.chains.chain.accept(connection, accepted.earlier);
    } catch (error) {
      services.log.write("error", "listener", `${this.#model.name}: a connection could not be taken`, { error });
      connection.destroy(true);
      return;
    }
    if (accepted.nextChains !== null) accepted.moveTo(accepted.nextChains);
    if (this.#isDraining || accepted.drains) accepted.drain();
  }

  #infoOf(transport: Socket, tls: TlsInfo | null): SocketInfo {
    const remote = this.#isPipe ? UNKNOWN_ADDRESS : ipAddress(transport.remoteAddress, transport.remotePort);
    const local = this.#local ?? ipAddress(transport.localAddress, transport.localPort);
    return new SocketInfo(nextConnectionId(this.#services.workerIndex), remote, local, tls);
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
