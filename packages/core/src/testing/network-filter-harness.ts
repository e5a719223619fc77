/**
 * Network filters under test: definitions run through their schemas, defaults and `create`, and then through the real chain engine on a connection that the test
 * plays, under a virtual clock. Where no terminal filter ends the chain, the test plays the upstream too.
 */
import type { NetworkFilterModel } from "../config/model.ts";
import type { NetworkChain } from "../network/filter-chain/network-chain.ts";
import { prepareChain } from "../network/filter-chain/prepare-chain.ts";
import { ScriptedConnection } from "../network/scripted-connection.ts";
import { testConnectionInfo } from "./connection-info.ts";
import { testListener } from "./default-models.ts";
import { FilterHarness } from "./filter-harness.ts";
import { KitServices } from "./kit-services.ts";
import { type ChainInput, chainOf, type ChainMember } from "./members.ts";
import { NetworkClient } from "./network-client.ts";
import { NETWORK_UPSTREAM_ID, type NetworkUpstream, scriptedNetworkUpstream } from "./network-upstream.ts";
import type { AnyDefinition, CommonOptions, FilterSetup, TestClient } from "./setup.ts";

export interface NetworkHarnessOptions extends CommonOptions {
  /** Statistics of a filter stand under `<statPrefix>.<filter>.`, or without it under the filter's name. @default "" */
  readonly statPrefix?: string;
}

/** For the kit: what upstreams of all kinds have. */
export interface FarEnd {
  readonly receivedBytes: Uint8Array;
  readonly length: number;
  readonly ended: boolean;
  readonly closed: boolean;
  readonly paused: boolean;
  overwritesBuffers: boolean;
  keepsBytes: boolean;
  send(data: Uint8Array, end?: boolean): void;
  slow(): void;
  fast(): void;
}

export type NetworkChainInput = ChainInput<FilterSetup>;

/**
 * Makes a harness for one network filter, or for a chain of them.
 * @throws Error where a definition, a configuration or `create` is refused, with the filter's name
 */
export async function networkHarness(
  definition: AnyDefinition,
  options?: FilterSetup & NetworkHarnessOptions,
): Promise<NetworkFilterHarness>;
export async function networkHarness(
  chain: readonly NetworkChainInput[],
  options?: NetworkHarnessOptions,
): Promise<NetworkFilterHarness>;
export async function networkHarness(
  input: AnyDefinition | readonly NetworkChainInput[],
  options: FilterSetup & NetworkHarnessOptions = {},
): Promise<NetworkFilterHarness> {
  const harness = new NetworkFilterHarness(new KitServices(options), options);
  await harness.start(chainOf<FilterSetup>(input, options));
  return harness;
}

export class NetworkFilterHarness extends FilterHarness {
  readonly #options: NetworkHarnessOptions;
  readonly #upstreams = new Map<number, NetworkUpstream>();
  readonly #clients = new Set<NetworkClient>();
  #chain: NetworkChain | null = null;

  /** For the kit; tests call {@link networkHarness}. */
  constructor(services: KitServices, options: NetworkHarnessOptions) {
    super(services);
    this.#options = options;
  }

  /** For the kit. */
  async start(members: readonly ChainMember<FilterSetup>[]): Promise<void> {
    const { statPrefix = "", bufferLimitBytes = 1024 * 1024 } = this.#options;
    const chain = [...members];
    if (members.at(-1)?.definition.terminal !== true) {
      const definition = scriptedNetworkUpstream((id, upstream) => void this.#upstreams.set(id, upstream));
      chain.push({ name: NETWORK_UPSTREAM_ID, setup: {}, definition });
    }
    const registry = this.register(chain, "network");
    this.names(members, (name) => `${statPrefix === "" ? "" : `${statPrefix}.`}${name.replaceAll(".", "_")}.`);
    const filters: NetworkFilterModel[] = chain.map(({ name, definition, setup }) => ({
      kind: "extension",
      name,
      id: definition.id,
      config: (setup.config ?? {}) as Extract<NetworkFilterModel, { kind: "extension" }>["config"],
      place: { path: name, position: "" },
      statPrefix,
      accessLogs: [],
    }));
    this.#chain = await prepareChain(testListener(filters, bufferLimitBytes), registry, this.services.worker);
  }

  /** A client connects; `onNewConnection` of the filters runs at once. */
  connect(client: TestClient = this.#options.client ?? {}): NetworkClient {
    const chain = this.#chain;
    if (chain === null) throw new Error("the harness is closed");
    const connection = new ScriptedConnection({
      flushQueue: this.services.worker.flushQueue,
      info: testConnectionInfo(client),
      highWatermark: this.#options.bufferLimitBytes ?? 1024 * 1024,
    });
    const made = new NetworkClient(connection, () => this.#upstreams.get(connection.info.id) ?? null);
    this.#clients.add(made);
    chain.connectionStarted();
    chain.accept(connection);
    return made;
  }

  /** For the kit: who is behind the chain of that client. */
  farOf(client: NetworkClient): FarEnd | null {
    const scripted = this.#upstreams.get(client.id);
    if (scripted !== undefined) return scripted;
    let last: FarEnd | null = null;
    for (const cluster of Object.values(this.#options.clusters ?? {})) last = cluster.connections.at(-1) ?? last;
    return last;
  }

  async close(): Promise<void> {
    const chain = this.#chain;
    if (chain === null) return;
    this.#chain = null;
    for (const client of this.#clients) {
      client.reset();
      chain.connectionEnded();
    }
    chain.release();
    await this.settle();
  }
}
