/**
 * Makes a listener's filter chain in one thread from the compiled configuration: runs schemas and `create`, checks hooks, sets up TLS. Fail-closed: a filter
 * that refuses stops the configuration, and what was made before it is given back.
 */
import type { NetworkFilter } from "@sluice/sdk";
import { createAccessLoggers } from "../../access-log/access-logger.ts";
import type { AccessLogModel, ConfigPlace, ListenerModel, NetworkFilterModel } from "../../config/model.ts";
import { createConnectionManager } from "../../http/manager/create.ts";
import { checkHooks } from "../../registry/hooks.ts";
import type { Registry } from "../../registry/registry.ts";
import { ApplyError } from "../../worker/data-plane.ts";
import { OwnedFilterContext } from "../../worker/filter-context.ts";
import type { WorkerServices } from "../../worker/services.ts";
import { ServerTls } from "../tls/server-tls.ts";
import { TlsStats } from "../tls/tls-stats.ts";
import { type ConnectionLogger, NetworkChain, type NetworkFilterSlot } from "./network-chain.ts";
import type { NetworkTerminal } from "./terminal.ts";

type ExtensionFilter = Extract<NetworkFilterModel, { readonly kind: "extension" }>;

/** Rejects with an ApplyError that names the filter. */
export async function prepareChain(
  model: ListenerModel,
  registry: Registry,
  services: WorkerServices,
): Promise<NetworkChain> {
  const draft = new ChainDraft(model, registry, services);
  try {
    for (const filter of model.filterChain.filters) await draft.add(filter);
    return draft.finish();
  } catch (error) {
    await draft.discard();
    throw error;
  }
}

/** A chain in the making, and the way back. */
class ChainDraft {
  readonly #model: ListenerModel;
  readonly #registry: Registry;
  readonly #services: WorkerServices;
  readonly #contexts: OwnedFilterContext[] = [];
  readonly #filters: NetworkFilterSlot[] = [];
  readonly #loggers: ConnectionLogger[] = [];
  #terminal: NetworkTerminal | null = null;

  constructor(model: ListenerModel, registry: Registry, services: WorkerServices) {
    this.#model = model;
    this.#registry = registry;
    this.#services = services;
  }

  async add(model: NetworkFilterModel): Promise<void> {
    const chainKey = `${this.#model.name}/${this.#model.filterChain.name}`;
    if (model.kind === "http_connection_manager") {
      this.#terminal = await refused(model.name, model.place, () =>
        createConnectionManager(model.hcm, {
          services: this.#services,
          registry: this.#registry,
          bufferLimitBytes: this.#model.bufferLimitBytes,
          chainKey,
        }),
      );
      return;
    }
    await refused(model.name, model.place, () => this.#addExtension(model, chainKey));
  }

  async #addExtension(model: ExtensionFilter, chainKey: string): Promise<void> {
    const { name, id, statPrefix } = model;
    const services = this.#services;
    const definition = this.#registry.network(id);
    if (definition === undefined) throw new Error(`no extension "${id}" is loaded`);
    const verdict = this.#registry.judge(id, "config", model.config);
    if (!verdict.ok)
      throw new Error(verdict.issues.map(({ path, message }) => `${path.join(".")} ${message}`.trim()).join("; "));
    const ownName = name.replaceAll(".", "_");
    const context = new OwnedFilterContext({
      services,
      name,
      statPrefix,
      statsPrefix: statPrefix === "" ? `${ownName}.` : `${statPrefix}.${ownName}.`,
      sharedKey: `${chainKey}/${name}`,
      calls: definition.calls === true,
    });
    this.#contexts.push(context);
    const filter = (await definition.create(verdict.value as never, context)) as NetworkFilter;
    const wrong = checkHooks("network", id, filter);
    if (typeof filter !== "object" || filter === null) throw new TypeError(wrong!);
    // Before it is refused: what it has begun ends with the draft.
    this.#filters.push({
      name,
      filter,
      newState: definition.newState ?? null,
      heartbeatId: services.heartbeat.register(name),
      errors: context.stats.counter("errors"),
    });
    if (wrong !== null) throw new TypeError(wrong);
    if (definition.terminal === true && filter.onData === undefined && filter.onNewConnection === undefined) {
      throw new TypeError("is terminal and has neither onNewConnection nor onData: nothing would answer");
    }
    this.#loggers.push(...this.#loggersOf(model.accessLogs));
  }

  #loggersOf(models: readonly AccessLogModel[]): readonly ConnectionLogger[] {
    return createAccessLoggers(models, this.#services) ?? [];
  }

  finish(): NetworkChain {
    const services = this.#services;
    const { filterChain, bufferLimitBytes, statPrefix, place } = this.#model;
    const scope = services.stats.scope(`listener.${statPrefix}.`);
    const timeouts = scope.counter("downstream_cx_transport_socket_connect_timeout");
    let tls: ServerTls | null = null;
    if (filterChain.tls !== null) {
      try {
        tls = new ServerTls({
          model: filterChain.tls,
          handshakeTimeoutMs: filterChain.handshakeTimeoutMs,
          ticketKeys: services.ticketKeys,
          stats: new TlsStats(scope, ""),
          onHandshakeTimeout: () => timeouts.inc(),
        });
      } catch (error) {
        scope.release();
        throw new ApplyError((error as Error).message, place);
      }
    }
    return new NetworkChain({
      filters: this.#filters,
      terminal: this.#terminal,
      tls,
      bufferLimitBytes,
      loggers: this.#loggers,
      environment: services,
      onReleased: () => {
        scope.release();
        this.#release();
      },
    });
  }

  async discard(): Promise<void> {
    this.#terminal?.retire();
    for (const { name, filter } of this.#filters) {
      try {
        await filter.dispose?.();
      } catch (error) {
        this.#services.log.write("error", "network", `filter ${name} failed in dispose`, { error: String(error) });
      }
    }
    for (const logger of this.#loggers) logger.release();
    this.#release();
  }

  #release(): void {
    for (const context of this.#contexts) context.release();
  }
}

async function refused<T>(name: string, place: ConfigPlace, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    // A filter inside of it that knows its own place.
    if (error instanceof ApplyError) throw error;
    throw new ApplyError(`network filter "${name}": ${error instanceof Error ? error.message : String(error)}`, place);
  }
}
