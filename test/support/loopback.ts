// Real connections on the loopback interface: an accepted SocketConnection, or one opened by the upstream connector, and a plain socket at the other end.
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { AddressModel } from "../../packages/core/src/config/model.ts";
import type { Connection } from "../../packages/core/src/network/connection.ts";
import { SocketInfo } from "../../packages/core/src/network/connection-info.ts";
import { ipAddress } from "../../packages/core/src/network/address.ts";
import type { ReadBufferSizes } from "../../packages/core/src/network/read-buffer.ts";
import { SocketConnection } from "../../packages/core/src/network/socket-connection.ts";
import { ClientTls } from "../../packages/core/src/network/tls/client-tls.ts";
import type { TlsStats } from "../../packages/core/src/network/tls/tls-stats.ts";
import type { UpstreamTlsModel } from "../../packages/core/src/config/model.ts";
import { connectUpstream } from "../../packages/core/src/upstream/tcp-connector.ts";
import { RawPeer } from "./raw-peer.ts";
import type { TestServices } from "./services.ts";

/** A server on a free port; every connection goes to `onSocket`. */
export class LoopbackServer implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, onSocket: (socket: Socket) => void) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      onSocket(socket);
    });
  }

  static async start(onSocket: (socket: Socket) => void): Promise<LoopbackServer> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const server = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, "127.0.0.1", resolve);
    await promise;
    return new LoopbackServer(server, onSocket);
  }

  get address(): AddressModel {
    return { kind: "ip", host: "127.0.0.1", port: this.port };
  }

  get open(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const socket of this.#sockets) socket.destroy();
    await promise;
  }
}

export interface Accepted extends AsyncDisposable {
  readonly connection: SocketConnection;
  readonly socket: Socket;
  readonly client: RawPeer;
}

/** A connection as a listener makes it, and its client. */
export async function accept(services: TestServices, highWatermark = 1024 * 1024): Promise<Accepted> {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const server = await LoopbackServer.start(resolve);
  const client = await RawPeer.open(server.port);
  const socket = await promise;
  const connection = new SocketConnection({
    socket,
    transport: socket,
    info: new SocketInfo(
      1,
      ipAddress(socket.remoteAddress, socket.remotePort),
      ipAddress("127.0.0.1", server.port),
      null,
    ),
    environment: services,
    highWatermark,
    owner: null,
    usesReadBuffer: false,
  });
  return {
    connection,
    socket,
    client,
    async [Symbol.asyncDispose]() {
      client.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

export interface OpenOptions {
  readonly tls?: UpstreamTlsModel;
  readonly tlsStats?: TlsStats;
  readonly timeoutMs?: number;
  readonly highWatermark?: number;
  readonly readBufferSizes?: ReadBufferSizes;
  readonly serverName?: string;
}

/** Opens an upstream connection; rejects with `reason: detail`. */
export function openUpstream(
  services: TestServices,
  address: AddressModel,
  options: OpenOptions = {},
): Promise<Connection> {
  const { promise, resolve, reject } = Promise.withResolvers<Connection>();
  connectUpstream(
    {
      address,
      tls: options.tls === undefined ? null : new ClientTls(options.tls),
      serverName: options.serverName ?? "",
      timeoutMs: options.timeoutMs ?? 5000,
      highWatermark: options.highWatermark ?? 1024 * 1024,
      workerIndex: 0,
      environment: services,
      tlsStats: options.tlsStats ?? null,
      ...(options.readBufferSizes === undefined ? {} : { readBufferSizes: options.readBufferSizes }),
    },
    {
      onConnected: resolve,
      onConnectFailed: (reason, detail) => reject(new Error(`${reason}: ${detail}`)),
    },
  );
  return promise;
}
