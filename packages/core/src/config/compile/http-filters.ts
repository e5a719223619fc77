/** The HTTP filters of a connection manager: each resolved and judged by its schema; one terminal filter, last. */
import type {
  HttpConnectionManager,
  HttpConnectionManager_UpgradeConfig,
  HttpFilter,
} from "../envoy/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpFilterModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { resolveExtension } from "./extension.ts";
import { unwrapOptions } from "./filter-options.ts";
import type { FilterSlot, FilterSlots } from "./per-filter-config.ts";
import { type PlacedFilter, checkOrder } from "./order.ts";
import { checkTerminal, type ChainLink } from "./terminal.ts";

export interface HttpChain {
  readonly filters: readonly HttpFilterModel[];
  readonly slots: FilterSlots;
}

/** `owner[field]` is the list: of a connection manager, or of an upgrade. */
export function compileHttpFilters(
  context: CompileContext,
  owner: HttpConnectionManager | (HttpConnectionManager_UpgradeConfig & { readonly httpFilters?: never }),
  field: "http_filters" | "filters",
): HttpChain {
  const httpFilters = owner.httpFilters ?? (owner as HttpConnectionManager_UpgradeConfig).filters;
  const filters: HttpFilterModel[] = [];
  const slots = new Map<string, FilterSlot | null>();
  const links: ChainLink[] = [];
  const placed: PlacedFilter[] = [];
  for (const filter of httpFilters) {
    const compiled = compileFilter(context, filter);
    const known = slots.get(filter.name);
    if (compiled === undefined || compiled === "skipped") {
      if (known === undefined) slots.set(filter.name, null);
      if (compiled === undefined) links.push({ name: filter.name, isTerminal: undefined, at: { message: filter } });
      continue;
    }
    const definition = context.registry.http(compiled.id);
    const isTerminal = definition?.terminal === true;
    links.push({ name: filter.name, isTerminal, at: { message: filter } });
    if (definition !== undefined) placed.push({ name: filter.name, definition, at: { message: filter } });
    slots.set(filter.name, { id: compiled.id, isTerminal });
    filters.push(compiled);
    checkFilter(context, filter, compiled, isTerminal, known?.id);
  }
  const at = { message: owner, field: httpFilters.length > 0 ? field : undefined };
  checkTerminal(context, links, at, "HTTP filter");
  checkOrder(context, placed, placed.length === httpFilters.length);
  return { filters, slots };
}

/** `sameName`: id of an earlier filter of that name; configurations of routes could not tell them apart. */
function checkFilter(
  context: CompileContext,
  filter: HttpFilter,
  compiled: HttpFilterModel,
  isTerminal: boolean,
  sameName: string | undefined,
): void {
  if (isTerminal && compiled.disabled) {
    context.error(
      { message: filter, field: "disabled" },
      "ERR_CONFIG_CONFLICT",
      "a terminal filter cannot be disabled",
    );
  }
  if (sameName !== undefined && sameName !== compiled.id) {
    context.error(
      { message: filter, field: "name" },
      "ERR_CONFIG_CONFLICT",
      `${sameName} has the name "${filter.name}" already`,
    );
  }
}

function compileFilter(context: CompileContext, filter: HttpFilter): HttpFilterModel | undefined | "skipped" {
  if (filter.configType.case !== "typedConfig") return void context.missing({ message: filter }, "typed_config");
  const any = filter.configType.value;
  if (context.tree.payload(any)?.kind === "skipped") return "skipped";
  const { inner, within, onError, runtime, checkRuntime } = unwrapOptions(context, any);
  const resolved = inner && resolveExtension(within, "http", inner, { message: filter, field: "typed_config" });
  if (resolved === undefined) return undefined;
  const { registered, config } = resolved;
  checkRuntime?.(registered.definition.id);
  return {
    name: filter.name,
    id: registered.definition.id,
    config,
    disabled: filter.disabled,
    onError,
    ...(runtime !== undefined && { runtime }),
    place: context.place({ message: filter }),
  };
}
