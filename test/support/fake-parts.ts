// Listeners and clusters for tests of what is around them: a line protocol on real sockets. What a client sends tells the
// worker what to do: `who`, `hold`, `loop`, `throw`, `reject`, `exit`, `heap`; everything else is echoed. Filters named in the model are only counted.
import { type Server, type Socket, createServer } from "node:net";
import type { AddressModel, ListenerModel } from "../../packages/core/src/config/model.ts";
import { ApplyError } from "../../packages/core/src/worker/data-plane.ts";
import type {
  ChainPart,
  ClusterManagerPart,
  ListenOptions,
  ListenerPart,
  RuntimeParts,
} from "../../packages/core/src/worker/parts.ts";
import type { WorkerServices } from "../../packages/core/src/worker/services.ts";

export const FAKE_PARTS_URL: string = import.meta.url;

/** Chains that were made and not released, in this thread. */
export const unreleased = new Set<FakeChain>();

/** What the fake reads of a listener: the name of its chain says how its creation goes, and what it answers to `who`. */
class FakeChain implements ChainPart {
  readonly answer: string;
  constructor(answer: string) {
    this.answer = answer;
    unreleased.add(this);
  }
  release(): void {
    unreleased.delete(this);
  }
}

class FakeListener implements ListenerPart<FakeChain> {
  readonly #services: WorkerServices;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #accepted;
  #chain: FakeChain | null = null;
  #draining = false;

  constructor(model: ListenerModel, services: WorkerServices) {
    this.#services = services;
    this.#accepted = services.stats.scope(`listener.${model.statPrefix}.`).counter("downstream_cx_total");
    this.#server = createServer((socket) => this.#accept(socket));
  }

  get connections(): number {
    return this.#sockets.size;
  }

  async listen({ address, reusePort }: ListenOptions): Promise<AddressModel> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen(
      address.kind === "pipe" ? { path: address.path } : { host: address.host, port: address.port, reusePort },
      resolve,
    );
    await promise;
    const bound = this.#server.address();
    return address.kind === "ip" && bound !== null && typeof bound === "object"
      ? { ...address, port: bound.port }
      : address;
  }

  use(chain: FakeChain): void {
    this.#chain = chain;
  }

  drain(): void {
    this.#draining = true;
    for (const socket of this.#sockets) socket.write("draining\n");
  }

  async stopAccepting(): Promise<void> {
    if (this.#server.listening) this.#server.close();
  }

  closeConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#accepted.inc();
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket)).on("error", () => {});
    if (this.#draining) socket.write("draining\n");
    const chain = this.#chain;
    socket.on("data", (data) => this.#command(socket, data.toString().trim(), chain!));
  }

  #command(socket: Socket, command: string, chain: FakeChain): void {
    const { heartbeat, workerIndex, log } = this.#services;
    switch (command) {
      case "who":
        socket.write(`${workerIndex} ${chain.answer}\n`);
        break;
      case "loop":
        heartbeat.enter(heartbeat.register("acme.looper"));
        for (;;);
      case "throw":
        heartbeat.enter(heartbeat.register("acme.thrower"));
        throw new Error("thrown in a callback");
      case "reject":
        void Promise.reject(new Error("rejected and dropped"));
        socket.write("ok\n");
        break;
      case "log":
        log.write("info", "acme", "hello", { circular: log, big: 1n });
        socket.write("ok\n");
        break;
      case "heap": {
        const kept: unknown[] = [];
        for (;;) kept.push(Array.from({ length: 1000 }, () => ({ kept: kept.length })));
      }
      default:
        socket.write(`${command}\n`);
    }
  }
}

class NoClusters implements ClusterManagerPart {
  readonly #services: Omit<WorkerServices, "clusters">;
  constructor(services: Omit<WorkerServices, "clusters">) {
    this.#services = services;
  }
  get(): undefined {}
  prepare(models: readonly { readonly name: string }[]): { commit(): void; discard(): void } {
    if (models.some(({ name }) => name === "refuse")) throw new ApplyError("cluster refuse: no");
    return { commit: () => this.#services.stats.gauge("fake.clusters").set(models.length), discard: () => {} };
  }
  updateHosts(name: string, hosts: readonly unknown[]): void {
    this.#services.stats.gauge(`fake.hosts.${name}`).set(hosts.length);
  }
  destroy(): void {}
}

async function prepareChain(model: ListenerModel, services: WorkerServices): Promise<FakeChain> {
  const { name } = model.filterChain;
  const [what, worker = "any"] = name.split(":");
  if (worker === "any" || Number(worker) === services.workerIndex) {
    if (what === "refuse") throw new ApplyError("the chain refuses", model.place);
    if (what === "never") await new Promise(() => {});
    if (what === "slow") await new Promise((resolve) => setTimeout(resolve, 400));
    if (what === "stuck") {
      services.heartbeat.enter(services.heartbeat.register("acme.stuck"));
      for (;;);
    }
  }
  services.stats.counter("fake.chains_made").inc();
  return new FakeChain(name);
}

export const parts: RuntimeParts<FakeChain> = {
  createClusterManager: (services) => new NoClusters(services),
  prepareChain: (model, _registry, services) => prepareChain(model, services),
  createListener: (model, services) => new FakeListener(model, services),
};
