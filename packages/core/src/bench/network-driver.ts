/** Drives a network filter chain in memory: connections without sockets, one exchange of chunks a request, a terminal filter of the bench that answers. */
import { type NetworkConnection, defineNetworkFilter, parsedBy } from "@sluice/sdk";
import type { ListenerModel, NetworkFilterModel } from "../config/model.ts";
import { prepareChain } from "../network/filter-chain/prepare-chain.ts";
import type { NetworkChain } from "../network/filter-chain/network-chain.ts";
import { type AnyNetworkFilterDefinition, Registry } from "../registry/registry.ts";
import type { BenchServices } from "./bench-services.ts";
import { type ChainDriver, OpenRequests } from "./driver.ts";
import { NullConnection } from "./null-connection.ts";
import type { NetworkTraffic, SubjectFilter } from "./types.ts";
import { Scratch } from "./scratch.ts";

const TERMINAL_ID = "sluice.bench.terminal";
const BUFFER_LIMIT = 1024 * 1024;
const PLACE = { path: "", position: "" } as const;
const STATUS_DONE = 200;

export interface NetworkChainParts {
  readonly services: BenchServices;
  readonly filters: readonly SubjectFilter[];
  readonly definitions: readonly AnyNetworkFilterDefinition[];
  readonly traffic: NetworkTraffic;
}

/** @throws Error with a sentence where a filter refuses its configuration or cannot be created. */
export async function networkDriver(parts: NetworkChainParts): Promise<ChainDriver> {
  const { services, traffic } = parts;
  const registry = new Registry();
  const answers = new Answers();
  const problems = registry.add([...parts.definitions, terminalFor(answers)], "bench");
  if (problems[0] !== undefined) throw new Error(problems[0].message);
  const ends = parts.filters.some(({ id }) => registry.network(id)?.terminal === true);
  const models = parts.filters.map(({ name, id, config }) => extension(name, id, config));
  if (!ends) models.push(extension(TERMINAL_ID, TERMINAL_ID, {}));
  const chain = await prepareChain(listener(models), registry, services);
  return new NetworkDriver(services, chain, traffic, answers);
}

function extension(name: string, id: string, config: SubjectFilter["config"]): NetworkFilterModel {
  return { kind: "extension", name, id, config, statPrefix: "bench", accessLogs: [], place: PLACE };
}

function listener(filters: readonly NetworkFilterModel[]): ListenerModel {
  return {
    name: "bench",
    address: { kind: "ip", host: "127.0.0.1", port: 0 },
    statPrefix: "bench",
    bufferLimitBytes: BUFFER_LIMIT,
    backlog: 128,
    reusePort: false,
    filterChain: { name: "bench", tls: null, handshakeTimeoutMs: 0, filters },
    place: PLACE,
  };
}

/** The handle of the connection that is open: the driver answers through it. */
class Answers {
  handle: NetworkConnection | null = null;
}

function terminalFor(answers: Answers): AnyNetworkFilterDefinition {
  return defineNetworkFilter({
    id: TERMINAL_ID,
    maturity: "stable",
    security: "unknown",
    terminal: true,
    config: parsedBy(() => null),
    create: () => ({
      onNewConnection(connection) {
        answers.handle = connection;
      },
      onData() {},
    }),
  }) as unknown as AnyNetworkFilterDefinition;
}

class NetworkDriver extends OpenRequests implements ChainDriver {
  readonly #services: BenchServices;
  readonly #chain: NetworkChain;
  readonly #traffic: NetworkTraffic;
  readonly #answers: Answers;
  readonly #requestBytes = new Scratch();
  readonly #responseBytes = new Scratch();
  #connection: NullConnection | null = null;
  #exchanges = 0;
  #remaining = 0;
  #isPumping = false;

  constructor(services: BenchServices, chain: NetworkChain, traffic: NetworkTraffic, answers: Answers) {
    super();
    this.#services = services;
    this.#chain = chain;
    this.#traffic = traffic;
    this.#answers = answers;
  }

  run(count: number): void {
    this.open += count;
    this.#remaining += count;
    this.#pump();
  }

  #pump(): void {
    this.#isPumping = true;
    while (this.#remaining > 0) {
      const connection = this.#connection ?? this.#connect();
      // A filter holds the connection: on it goes when the filter lets go.
      if (connection.paused) break;
      this.#remaining--;
      this.#exchange(connection);
    }
    this.#isPumping = false;
  }

  #exchange(connection: NullConnection): void {
    const { requestChunks, responseChunks, exchangesPerConnection } = this.#traffic;
    const { flushQueue } = this.#services;
    flushQueue.enter();
    for (let i = 0; i < requestChunks.length && !connection.closed; i++) {
      connection.events.onData(this.#requestBytes.copy(requestChunks[i]!));
    }
    const { handle } = this.#answers;
    if (handle !== null) {
      for (let i = 0; i < responseChunks.length && !connection.closed; i++) {
        handle.send(this.#responseBytes.copy(responseChunks[i]!), false);
      }
    }
    flushQueue.leave();
    if (connection.closed || (++this.#exchanges >= exchangesPerConnection && !connection.paused)) this.#disconnect();
    this.ended(connection.closed ? 0 : STATUS_DONE);
  }

  #connect(): NullConnection {
    const connection = new NullConnection(() => {
      if (!this.#isPumping) queueMicrotask(() => this.#pump());
    });
    this.#answers.handle = null;
    this.#exchanges = 0;
    this.#connection = connection;
    this.#chain.accept(connection);
    return connection;
  }

  #disconnect(): void {
    const connection = this.#connection;
    this.#connection = null;
    connection?.events.onClose("");
  }

  failure(): string | null {
    return this.#services.errors[0] ?? null;
  }

  close(): void {
    this.#disconnect();
    this.#chain.release();
  }
}
