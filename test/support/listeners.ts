// Listeners of one thread with real chains on free ports: what a worker makes of a ListenerModel, without the worker.
import { type ListenerFilter, defineListenerFilter, parsedBy } from "@sluice/sdk";
import type {
  AddressModel,
  DownstreamTlsModel,
  ExtensionModel,
  Json,
  ListenerFiltersModel,
  ListenerModel,
  NetworkFilterModel,
} from "../../packages/core/src/config/model.ts";
import { filters as builtins } from "../../packages/filters-l4/src/index.ts";
import { Listener } from "../../packages/core/src/listener/listener.ts";
import { prepareListener } from "../../packages/core/src/listener/prepare-listener.ts";
import { Registry } from "../../packages/core/src/registry/registry.ts";
import { type TestServices, testServices } from "./services.ts";

const PLACE = { path: "listeners[0]", position: "test:1:1" };
export const ANY_PORT: AddressModel = { kind: "ip", host: "127.0.0.1", port: 0 };

/** A registry with the built-in network filters and those given. */
export function networkRegistry(definitions: readonly unknown[] = []): Registry {
  const registry = new Registry();
  const problems = [...registry.add([...builtins], "filters-l4"), ...registry.add([...definitions], "test")];
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  return registry;
}

export function networkFilter(id: string, config: Json = {}, statPrefix = ""): NetworkFilterModel {
  return { kind: "extension", name: id, id, config, statPrefix, accessLogs: [], place: PLACE };
}

export function listenerFilter(id: string, config: Json = {}): ExtensionModel {
  return { name: id, id, config, place: PLACE };
}

/** The listener filter that {@link mine} defines. */
export const MINE: ExtensionModel = listenerFilter("test.mine");

export function mine(filter: ListenerFilter): unknown {
  return defineListenerFilter({
    id: "test.mine",
    maturity: "alpha",
    security: "unknown",
    config: parsedBy(() => ({})),
    create: () => filter,
  });
}

export const ECHO: NetworkFilterModel = networkFilter("envoy.filters.network.echo");

export interface ListenerOptions {
  readonly filters?: readonly NetworkFilterModel[];
  readonly tls?: DownstreamTlsModel;
  readonly handshakeTimeoutMs?: number;
  readonly listenerFilters?: readonly ExtensionModel[];
  /** Of the listener filters. @default 15 s, and closed after it */
  readonly patience?: Partial<ListenerFiltersModel>;
  readonly model?: Partial<ListenerModel>;
  readonly registry?: Registry;
}

export function listenerModel({
  filters = [ECHO],
  tls,
  handshakeTimeoutMs = 0,
  listenerFilters = [],
  patience,
  model,
}: ListenerOptions = {}): ListenerModel {
  return {
    name: "test",
    address: ANY_PORT,
    statPrefix: "test",
    bufferLimitBytes: 1024 * 1024,
    backlog: 128,
    reusePort: false,
    filterChain: { name: "", tls: tls ?? null, handshakeTimeoutMs, filters },
    ...(listenerFilters.length > 0
      ? { listenerFilters: { filters: listenerFilters, timeoutMs: 15_000, continueOnTimeout: false, ...patience } }
      : {}),
    place: PLACE,
    ...model,
  };
}

export class RunningListener implements AsyncDisposable {
  readonly listener: Listener;
  readonly address: AddressModel;

  constructor(listener: Listener, address: AddressModel) {
    this.listener = listener;
    this.address = address;
  }

  get port(): number {
    return this.address.kind === "ip" ? this.address.port : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listener.stopAccepting();
    this.listener.closeConnections();
  }
}

export async function startListener(services: TestServices, options: ListenerOptions = {}): Promise<RunningListener> {
  const model = listenerModel(options);
  const listener = new Listener(model, services);
  listener.use(await prepareListener(model, options.registry ?? networkRegistry(), services));
  try {
    return new RunningListener(listener, await listener.listen({ address: model.address, reusePort: model.reusePort }));
  } catch (error) {
    await listener.stopAccepting();
    throw error;
  }
}

/** With that listener filter. */
export function startFiltered(
  filter: ListenerFilter,
  options: ListenerOptions = {},
  services: TestServices = testServices(),
): Promise<RunningListener> {
  return startListener(services, { registry: networkRegistry([mine(filter)]), listenerFilters: [MINE], ...options });
}
