/** Makes a connection manager from its model: filters are created (each exactly once per chain and thread), routes compiled, loggers opened. */
import type { AnyHttpFilter } from "../chain/filter-chain.ts";
import { FilterSlot, HttpFilterChain } from "../chain/filter-chain.ts";
import type { HcmModel, HttpFilterModel, Json } from "../../config/model.ts";
import { createAccessLoggers } from "../../access-log/access-logger.ts";
import { checkHooks } from "../../registry/hooks.ts";
import type { Registry } from "../../registry/registry.ts";
import { OwnedFilterContext } from "../../worker/filter-context.ts";
import type { WorkerServices } from "../../worker/services.ts";
import { buildRouteTable } from "../route/route-table.ts";
import type { RouteFilter } from "../route/types.ts";
import { ConnectionManager } from "./connection-manager.ts";
import { hcmSettings } from "./settings.ts";

export interface CreateManagerOptions {
  readonly services: WorkerServices;
  readonly registry: Registry;
  readonly bufferLimitBytes: number;
  /** `<listener>/<filter chain>`: what shared state of the chain's filters is keyed by. */
  readonly chainKey: string;
}

/** @throws Error with the filter's name where one cannot be created: a chain without one of its filters never runs. */
export async function createConnectionManager(
  model: HcmModel,
  options: CreateManagerOptions,
): Promise<ConnectionManager> {
  const { services, registry } = options;
  const contexts: OwnedFilterContext[] = [];
  const slots: FilterSlot[] = [];
  const loggers = createAccessLoggers(model.accessLogs, services.accessLogSinks);
  const release = (): void => {
    for (const context of contexts) context.release();
    if (loggers !== null) for (const logger of loggers) logger.release();
  };
  try {
    for (const [slot, filter] of model.filters.entries()) {
      slots.push(await createSlot(slot, filter, model.statPrefix, options, contexts));
    }
    const routeFilters: RouteFilter[] = model.filters.map(({ name, id }, slot) => ({
      name,
      slot,
      parse: (json) => {
        const verdict = registry.judge(id, "routeConfig", json as Json);
        if (verdict.ok) return verdict.value;
        throw new TypeError(
          `${name}: ${verdict.issues.map((i) => `${i.path.join(".")} ${i.message}`.trim()).join("; ")}`,
        );
      },
    }));
    return new ConnectionManager({
      settings: hcmSettings(model, options.bufferLimitBytes),
      services,
      chain: new HttpFilterChain(slots),
      routes: buildRouteTable(model.routeConfig, routeFilters),
      accessLoggers: loggers,
      onRetired: release,
    });
  } catch (error) {
    for (const s of slots) await s.filter.dispose?.();
    release();
    throw error;
  }
}

async function createSlot(
  slot: number,
  model: HttpFilterModel,
  statPrefix: string,
  options: CreateManagerOptions,
  contexts: OwnedFilterContext[],
): Promise<FilterSlot> {
  const { services, registry } = options;
  const { name, id } = model;
  const definition = registry.http(id);
  if (definition === undefined) throw new Error(`HTTP filter "${name}": no extension "${id}" is loaded`);
  const verdict = registry.judge(id, "config", model.config);
  if (!verdict.ok) {
    throw new Error(
      `HTTP filter "${name}": ${verdict.issues.map((i) => `${i.path.join(".")} ${i.message}`.trim()).join("; ")}`,
    );
  }
  const context = new OwnedFilterContext({
    services,
    name,
    statPrefix,
    statsPrefix: `http.${statPrefix}.${name.replaceAll(".", "_")}.`,
    sharedKey: `${options.chainKey}/${name}`,
  });
  contexts.push(context);
  const filter = (await definition.create(verdict.value as never, context)) as AnyHttpFilter;
  const wrong = checkHooks("http", id, filter);
  if (wrong !== null) throw new TypeError(`HTTP filter "${name}": ${wrong}`);
  if (definition.terminal === true && filter.onRequestHeaders === undefined) {
    throw new TypeError(`HTTP filter "${name}" is terminal and has no onRequestHeaders: nothing would answer`);
  }
  return new FilterSlot({
    slot,
    name,
    id,
    filter,
    newState: definition.newState ?? null,
    terminal: definition.terminal === true,
    disabled: model.disabled,
    readOnlyHeaders: definition.mutatesHeaders === false,
    continueOnError: model.onError === "continue",
    heartbeatId: services.heartbeat.register(name),
    errors: context.stats.counter("errors"),
  });
}
