// A filter's context over real clusters: real pools and sockets, origins on loopback.
import { type Server, createServer, type RequestListener } from "node:http";
import { type AddressInfo, type Socket, createServer as createTcpServer } from "node:net";
import type { Cluster } from "@sluice/sdk";
import type { AddressModel, ClusterModel } from "../../../packages/core/src/config/model.ts";
import { ClusterManager } from "../../../packages/core/src/upstream/cluster-manager.ts";
import { createTcpConnector } from "../../../packages/core/src/upstream/tcp-connector.ts";
import { OwnedFilterContext } from "../../../packages/core/src/worker/filter-context.ts";
import { cluster } from "../../support/plain-config.ts";
import { type TestServices, testServices } from "../../support/services.ts";

export interface UpstreamWorldOptions {
  readonly cluster?: Partial<ClusterModel>;
  readonly ports?: readonly number[];
  readonly calls?: boolean;
}

export class UpstreamWorld {
  readonly services: TestServices;
  readonly manager: ClusterManager;
  readonly context: OwnedFilterContext;

  constructor(options: UpstreamWorldOptions) {
    const base = testServices();
    this.manager = new ClusterManager(base, (model) => createTcpConnector(model, base));
    this.configure(options.ports ?? [], options.cluster);
    this.services = Object.assign(base, { clusters: this.manager });
    this.context = this.newContext(options.calls ?? true);
  }

  newContext(calls = true): OwnedFilterContext {
    return new OwnedFilterContext({
      services: this.services,
      name: "caller",
      statPrefix: "t",
      statsPrefix: "http.t.caller.",
      sharedKey: "l/c/caller",
      calls,
    });
  }

  configure(ports: readonly number[], model: Partial<ClusterModel> = {}): void {
    const endpoints = ports.map((port) => {
      const address: AddressModel = { kind: "ip", host: "127.0.0.1", port };
      return { address, hostname: "", weight: 1, health: "healthy" as const, place: { path: "", position: "" } };
    });
    this.manager.prepare([cluster("origin", { endpoints, ...model })], new Map()).commit();
  }

  get origin(): Cluster {
    return this.context.clusters.get("origin")!;
  }

  count(name: string): number {
    return this.services.count(`cluster.origin.${name}`);
  }

  active(name: string): number {
    return this.services.gaugeValue(`cluster.origin.${name}`);
  }

  close(): void {
    this.context.release();
    this.manager.destroy();
  }
}

export class Origin {
  readonly #server: Server;
  readonly port: number;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(listener: RequestListener): Promise<Origin> {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Origin(server);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** Bytes as a socket gets them, answered by hand. */
export async function rawOrigin(
  onSocket: (socket: Socket) => void,
): Promise<{ readonly port: number; readonly sockets: readonly Socket[]; close(): void }> {
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
