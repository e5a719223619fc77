/**
 * Listener filters under test: definitions run through their schemas, defaults and `create`, and then through the real engine on a connection that the test plays,
 * under a virtual clock. What a filter chain would get is kept.
 */
import type { ExtensionModel } from "../config/model.ts";
import type { ListenerFilterChain } from "../listener/listener-filter-chain.ts";
import { prepareListenerFilters } from "../listener/prepare-listener.ts";
import { ScriptedPeek } from "../listener/scripted-peek.ts";
import { testConnectionInfo } from "./connection-info.ts";
import { FilterHarness } from "./filter-harness.ts";
import { KitServices } from "./kit-services.ts";
import { ListenerClient } from "./listener-client.ts";
import { type ChainInput, chainOf, type ChainMember } from "./members.ts";
import type { AnyDefinition, CommonOptions, FilterSetup, TestClient } from "./setup.ts";

export interface ListenerHarnessOptions extends CommonOptions {
  /** `listener_filters_timeout`, milliseconds; 0: none. @default 15 000 */
  readonly timeoutMs?: number;
  /** `continue_on_listener_filters_timeout`. @default false */
  readonly continueOnTimeout?: boolean;
}

export type ListenerChainInput = ChainInput<FilterSetup>;

const STAT_PREFIX = "test";

/**
 * Makes a harness for one listener filter, or for several in order.
 * @throws Error where a definition, a configuration or `create` is refused, with the filter's name
 */
export async function listenerHarness(
  definition: AnyDefinition,
  options?: FilterSetup & ListenerHarnessOptions,
): Promise<ListenerFilterHarness>;
export async function listenerHarness(
  chain: readonly ListenerChainInput[],
  options?: ListenerHarnessOptions,
): Promise<ListenerFilterHarness>;
export async function listenerHarness(
  input: AnyDefinition | readonly ListenerChainInput[],
  options: FilterSetup & ListenerHarnessOptions = {},
): Promise<ListenerFilterHarness> {
  const harness = new ListenerFilterHarness(new KitServices(options), options);
  await harness.start(chainOf<FilterSetup>(input, options));
  return harness;
}

export class ListenerFilterHarness extends FilterHarness {
  readonly #options: ListenerHarnessOptions;
  readonly #clients = new Set<ListenerClient>();
  #chain: ListenerFilterChain | null = null;

  /** For the kit; tests call {@link listenerHarness}. */
  constructor(services: KitServices, options: ListenerHarnessOptions) {
    super(services);
    this.#options = options;
  }

  /** For the kit. */
  async start(members: readonly ChainMember<FilterSetup>[]): Promise<void> {
    const registry = this.register(members, "listener");
    this.names(members, (name) => `listener.${STAT_PREFIX}.${name.replaceAll(".", "_")}.`);
    const filters: ExtensionModel[] = members.map(({ name, definition, setup }) => ({
      name,
      id: definition.id,
      config: (setup.config ?? {}) as ExtensionModel["config"],
      place: { path: name, position: "" },
    }));
    const { timeoutMs = 15_000, continueOnTimeout = false } = this.#options;
    this.#chain = await prepareListenerFilters(
      { name: STAT_PREFIX, statPrefix: STAT_PREFIX },
      { filters, timeoutMs, continueOnTimeout },
      registry,
      this.services.worker,
    );
  }

  /** A client connects; `onAccept` of the first filter runs at once. */
  connect(client: TestClient = this.#options.client ?? {}): ListenerClient {
    if (this.#chain === null) throw new Error("the harness is closed");
    const made = new ListenerClient(new ScriptedPeek(this.#chain, { info: testConnectionInfo(client) }));
    this.#clients.add(made);
    return made;
  }

  async close(): Promise<void> {
    const chain = this.#chain;
    if (chain === null) return;
    this.#chain = null;
    for (const client of this.#clients) client.reset();
    await chain.dispose();
    await this.settle();
  }
}
