/** Makes what one listener runs its connections through, in one thread, from the compiled configuration. Fail-closed: who refuses stops the configuration. */
import { DEFAULT_PEEK_BYTES, LARGEST_PEEK_BYTES, type ListenerFilter } from "@sluice/sdk";
import type { ExtensionModel, ListenerFiltersModel, ListenerModel } from "../config/model.ts";
import { prepareChain } from "../network/filter-chain/prepare-chain.ts";
import { checkHooks } from "../registry/hooks.ts";
import type { Registry } from "../registry/registry.ts";
import { ApplyError } from "../worker/data-plane.ts";
import { OwnedFilterContext } from "../worker/filter-context.ts";
import type { WorkerServices } from "../worker/services.ts";
import { ListenerChains } from "./listener-chains.ts";
import { ListenerFilterChain, type ListenerFilterSlot } from "./listener-filter-chain.ts";
import { preConnectionStats } from "./listener-stats.ts";

/** Rejects with an ApplyError that names the filter. */
export async function prepareListener(
  model: ListenerModel,
  registry: Registry,
  services: WorkerServices,
): Promise<ListenerChains> {
  const { listenerFilters } = model;
  const filters =
    listenerFilters === undefined ? null : await prepareListenerFilters(model, listenerFilters, registry, services);
  try {
    return new ListenerChains(filters, await prepareChain(model, registry, services));
  } catch (error) {
    await filters?.dispose();
    throw error;
  }
}

/** The listener filters alone. Rejects with an ApplyError that names the filter. */
export async function prepareListenerFilters(
  listener: Pick<ListenerModel, "name" | "statPrefix">,
  model: ListenerFiltersModel,
  registry: Registry,
  services: WorkerServices,
): Promise<ListenerFilterChain> {
  const contexts: OwnedFilterContext[] = [];
  const slots: ListenerFilterSlot[] = [];
  const scope = services.stats.scope(`listener.${listener.statPrefix}.`);
  const chain = new ListenerFilterChain({
    filters: slots,
    timeoutMs: model.timeoutMs,
    continueOnTimeout: model.continueOnTimeout,
    stats: preConnectionStats(scope),
    environment: services,
    onReleased: () => {
      for (const context of contexts) context.release();
      scope.release();
    },
  });
  try {
    for (const filter of model.filters) slots.push(await createFilter(listener, filter, registry, services, contexts));
    return chain.seal();
  } catch (error) {
    await chain.dispose();
    throw error;
  }
}

async function createFilter(
  listener: Pick<ListenerModel, "name" | "statPrefix">,
  { name, id, config, place }: ExtensionModel,
  registry: Registry,
  services: WorkerServices,
  contexts: OwnedFilterContext[],
): Promise<ListenerFilterSlot> {
  try {
    const definition = registry.listener(id);
    if (definition === undefined) throw new Error(`no extension "${id}" is loaded`);
    const verdict = registry.judge(id, "config", config);
    if (!verdict.ok)
      throw new Error(verdict.issues.map(({ path, message }) => `${path.join(".")} ${message}`.trim()).join("; "));
    const context = new OwnedFilterContext({
      services,
      name,
      statPrefix: listener.statPrefix,
      statsPrefix: `listener.${listener.statPrefix}.${name.replaceAll(".", "_")}.`,
      sharedKey: `${listener.name}/listener_filters/${name}`,
      calls: definition.calls === true,
    });
    contexts.push(context);
    const filter = (await definition.create(verdict.value as never, context)) as ListenerFilter;
    const wrong = checkHooks("listener", id, filter);
    if (wrong !== null) throw new TypeError(wrong);
    const maxPeekBytes = definition.maxPeekBytes ?? DEFAULT_PEEK_BYTES;
    if (maxPeekBytes > LARGEST_PEEK_BYTES)
      throw new TypeError(`maxPeekBytes is ${maxPeekBytes}, expected at most ${LARGEST_PEEK_BYTES}`);
    return {
      name,
      filter,
      newState: definition.newState ?? null,
      maxPeekBytes,
      heartbeatId: services.heartbeat.register(name),
      errors: context.stats.counter("errors"),
    };
  } catch (error) {
    throw new ApplyError(`listener filter "${name}": ${error instanceof Error ? error.message : String(error)}`, place);
  }
}
