// Servers whose listeners speak the line protocol of fake-parts.ts, for one test after the other.
import type { AddressModel } from "../../packages/core/src/config/model.ts";
import { LogWriter } from "../../packages/core/src/main/log-writer.ts";
import { canReusePort } from "../../packages/core/src/main/probe.ts";
import { Server, type ServerOptions } from "../../packages/core/src/main/server.ts";
import { Registry } from "../../packages/core/src/registry/registry.ts";
import type { HostModel } from "../../packages/core/src/upstream/host.ts";
import { LogThreshold } from "../../packages/core/src/worker/log.ts";
import type { DiscoveryPart } from "../../packages/core/src/worker/parts.ts";
import { FAKE_PARTS_URL, parts } from "./fake-parts.ts";
import { LineClient } from "./line-client.ts";

const discovery: DiscoveryPart = {
  resolve: async () => new Map(),
  follow: () => {},
  hosts: new Map(),
  close: () => {},
};

export class FakeServers {
  /** Log lines of all servers. */
  readonly lines: string[] = [];
  /** What discovery would find, to the server that was made last. */
  tellHosts: (cluster: string, hosts: readonly HostModel[]) => void = () => {};
  readonly #reusePort: boolean;
  readonly #servers: Server[] = [];
  readonly #clients: LineClient[] = [];

  private constructor(reusePort: boolean) {
    this.#reusePort = reusePort;
  }

  static async prepare(): Promise<FakeServers> {
    return new FakeServers(await canReusePort());
  }

  make(concurrency: number, options: Partial<ServerOptions> = {}): Server {
    const threshold = new LogThreshold();
    const server = new Server({
      concurrency,
      threshold,
      log: new LogWriter({ threshold, format: "text", write: (line) => this.lines.push(line) }),
      registry: new Registry(),
      builtins: [],
      drainTimeMs: 5000,
      parts: { url: FAKE_PARTS_URL, local: parts },
      createDiscovery: (onHosts) => {
        this.tellHosts = onHosts;
        return discovery;
      },
      ...options,
    });
    this.#servers.push(server);
    server.spawn();
    return server;
  }

  async client(address: AddressModel): Promise<LineClient> {
    const opened = await LineClient.open(address);
    this.#clients.push(opened);
    return opened;
  }

  /** Opens connections until each of the workers has one; the first alone where threads cannot share a port. */
  async oneEach(address: AddressModel, workers: number): Promise<LineClient[]> {
    const wanted = this.#reusePort ? workers : 1;
    const found = new Map<number, LineClient>();
    while (found.size < wanted) {
      const candidate = await this.client(address);
      const worker = Number((await candidate.ask("who")).split(" ")[0]);
      if (!found.has(worker)) found.set(worker, candidate);
    }
    return Array.from({ length: wanted }, (_, worker) => found.get(worker)!);
  }

  /** Whether a line of the log has that text. */
  logged(text: string): boolean {
    return this.lines.some((line) => line.includes(text));
  }

  /** Ends everything; for after each test. */
  async end(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.close();
    await Promise.all(this.#servers.splice(0).map((server) => server.stop()));
    this.lines.length = 0;
  }
}

export function addressOf(server: Server, name = "a"): AddressModel {
  return server.listeners.find((bound) => bound.name === name)!.address;
}

/** Looks again and again until it is so; the test's time-out ends it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
