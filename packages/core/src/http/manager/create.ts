/** Makes a connection manager from its model: filters are created (each exactly once per chain and thread), routes compiled, loggers opened. */
import type { AnyHttpFilter } from "../chain/filter-chain.ts";
import { FilterSlot, HttpFilterChain } from "../chain/filter-chain.ts";
import { allFilters } from "../../config/hcm-filters.ts";
import type { HcmModel, HttpFilterModel, Json } from "../../config/model.ts";
import { createAccessLoggers } from "../../access-log/access-logger.ts";
import { checkHooks } from "../../registry/hooks.ts";
import type { AnyHttpFilterDefinition, Registry } from "../../registry/registry.ts";
import { judge } from "../../registry/schema.ts";
import { FilterRuntime } from "../../runtime/runtime-store.ts";
import { ApplyError } from "../../worker/data-plane.ts";
import { OwnedFilterContext } from "../../worker/filter-context.ts";
import type { WorkerServices } from "../../worker/services.ts";
import { buildRouteTableInSlices } from "../route/build-route-table.ts";
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
  const { services } = options;
  const contexts: OwnedFilterContext[] = [];
  const definitions: AnyHttpFilterDefinition[] = [];
  const slots: FilterSlot[] = [];
  const loggers = createAccessLoggers(model.accessLogs, services);
  const runtime = new FilterRuntime(services.runtime, services.random);
  const release = (): void => {
    runtime.release();
    for (const context of contexts) context.release();
    if (loggers !== null) for (const logger of loggers) logger.release();
  };
  try {
    const filters = allFilters(model);
    for (const [slot, filter] of filters.entries()) {
      const definition = await runningDefinition(filter, options);
      definitions.push(definition);
      slots.push(await createSlot(slot, filter, definition, model.statPrefix, options, contexts));
    }
    const routeFilters: RouteFilter[] = filters.map(({ name, id }, slot) => ({
      name,
      slot,
      parse: (json) => {
        const { routeConfig } = definitions[slot]!;
        if (routeConfig === undefined) throw new TypeError(`${name}: ${id} takes no configuration of routes`);
        const verdict = judge(routeConfig, json as Json);
        if (verdict.ok) return verdict.value;
        throw new TypeError(
          `${name}: ${verdict.issues.map((i) => `${i.path.join(".")} ${i.message}`.trim()).join("; ")}`,
        );
      },
    }));
    return new ConnectionManager({
      settings: hcmSettings(model, options.bufferLimitBytes),
      services,
      chain: chainOf(model, slots),
      routes: await buildRouteTableInSlices(model.routeConfig, routeFilters, runtime, services.clock),
      accessLoggers: loggers,
      chainKey: options.chainKey,
      onRetired: release,
    });
  } catch (error) {
    for (const { name, filter } of slots) await disposeOf(name, filter, services);
    release();
    throw error;
  }
}

/** The slots of upgrades stand behind the manager's own. */
function chainOf(model: HcmModel, slots: readonly FilterSlot[]): HttpFilterChain {
  let at = model.filters.length;
  const upgrades = new Map<string, readonly FilterSlot[]>();
  for (const { type, filters } of model.upgrades) {
    if (filters === undefined || filters === null) continue;
    upgrades.set(type, slots.slice(at, at + filters.length));
    at += filters.length;
  }
  return new HttpFilterChain(slots.slice(0, model.filters.length), upgrades);
}

/** Of a filter that never ran; what it throws is told, and hides nothing. */
async function disposeOf(name: string, filter: AnyHttpFilter | null, { log }: WorkerServices): Promise<void> {
  try {
    await filter?.dispose?.();
  } catch (error) {
    log.write("error", "http", `filter ${name} failed in dispose`, { error: String(error) });
  }
}

/** The filter's definition, or where it runs in threads of its own, one that stands for it. */
async function runningDefinition(
  { name, id, runtime }: HttpFilterModel,
  { services, registry }: CreateManagerOptions,
): Promise<AnyHttpFilterDefinition> {
  const definition = registry.http(id);
  if (definition === undefined) throw new Error(`HTTP filter "${name}": no extension "${id}" is loaded`);
  if (runtime === undefined) return definition;
  const module = registry.moduleOf(id);
  if (module === undefined)
    throw new Error(`HTTP filter "${name}": ${id} stands in this program's memory, and a thread cannot load it`);
  const { isolate, START_LIMIT_MS } = await import("../../isolate/isolate.ts");
  const { clock, timers, log } = services;
  return isolate(definition, runtime, { module, clock, timers, log, startLimitMs: START_LIMIT_MS });
}

async function createSlot(
  slot: number,
  model: HttpFilterModel,
  definition: AnyHttpFilterDefinition,
  statPrefix: string,
  options: CreateManagerOptions,
  contexts: OwnedFilterContext[],
): Promise<FilterSlot> {
  const { services } = options;
  const { name, id } = model;
  const verdict = judge(definition.config, model.config);
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
    calls: definition.calls === true,
  });
  contexts.push(context);
  const filter = await created(model, () => definition.create(verdict.value as never, context));
  const wrong = checkHooks("http", id, filter) ?? missingHook(definition, filter);
  if (wrong !== null) {
    await disposeOf(name, filter, services);
    throw new ApplyError(`HTTP filter "${name}": ${wrong}`, model.place);
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

function missingHook({ terminal, id }: AnyHttpFilterDefinition, filter: AnyHttpFilter): string | null {
  if (terminal !== true || filter.onRequestHeaders !== undefined) return null;
  return `${id} is terminal and has no onRequestHeaders: nothing would answer`;
}

async function created({ name, place }: HttpFilterModel, create: () => unknown): Promise<AnyHttpFilter> {
  try {
    return (await create()) as AnyHttpFilter;
  } catch (error) {
    throw new ApplyError(`HTTP filter "${name}": ${error instanceof Error ? error.message : String(error)}`, place);
  }
}
