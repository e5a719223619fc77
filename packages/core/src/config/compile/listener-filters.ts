/** The listener filters of a listener: extensions, in the order in which they run, and the time that they have. */
import type { ListenerFilter } from "../envoy/generated/envoy/config/listener/v3/listener_components_pb.js";
import type { Listener } from "../envoy/generated/envoy/config/listener/v3/listener_pb.js";
import type { ExtensionModel, ListenerFiltersModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { resolveExtension } from "./extension.ts";
import { type PlacedFilter, checkOrder } from "./order.ts";
import { milliseconds } from "./values.ts";

const DEFAULT_TIMEOUT_MS = 15_000;

/** undefined: there are none. */
export function compileListenerFilters(context: CompileContext, listener: Listener): ListenerFiltersModel | undefined {
  const { listenerFilters, listenerFiltersTimeout, continueOnListenerFiltersTimeout } = listener;
  const field = "listener_filters_timeout";
  const timeoutMs = milliseconds(context, listener, field, listenerFiltersTimeout, DEFAULT_TIMEOUT_MS);
  const filters: ExtensionModel[] = [];
  const placed: PlacedFilter[] = [];
  for (const filter of listenerFilters) {
    const compiled = compileFilter(context, filter);
    if (compiled === undefined) continue;
    filters.push(compiled);
    const definition = context.registry.listener(compiled.id);
    if (definition !== undefined) placed.push({ name: filter.name, definition, at: { message: filter } });
  }
  checkOrder(context, placed, placed.length === listenerFilters.length);
  if (filters.length === 0) return undefined;
  return { filters, timeoutMs, continueOnTimeout: continueOnListenerFiltersTimeout };
}

function compileFilter(context: CompileContext, filter: ListenerFilter): ExtensionModel | undefined {
  if (filter.configType.case !== "typedConfig") return void context.missing({ message: filter }, "typed_config");
  const at = { message: filter, field: "typed_config" };
  const resolved = resolveExtension(context, "listener", filter.configType.value, at);
  if (resolved === undefined) return undefined;
  const { registered, config } = resolved;
  return { name: filter.name, id: registered.definition.id, config, place: context.place({ message: filter }) };
}
