/** `typed_per_filter_config` of one level: what each filter of the chain is told there. */
import type { Message } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { FilterConfig } from "../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import { isMessage, type Payload } from "../envoy/tree.ts";
import type { PerFilterConfig, PerFilterEntry } from "../model.ts";
import type { CompileContext, Field } from "./context.ts";
import { configOf } from "./extension.ts";
import { checkNestedFormats } from "./nested-formats.ts";

export interface FilterSlot {
  readonly id: string;
  readonly isTerminal: boolean;
}

/** Names in the filter chain → the filter; null where it is wrong itself or was skipped. */
export type FilterSlots = ReadonlyMap<string, FilterSlot | null>;

const filterConfigType = "envoy.config.route.v3.FilterConfig";

export function compilePerFilterConfig(
  context: CompileContext,
  message: Message & { readonly typedPerFilterConfig: { readonly [name: string]: Any } },
  slots: FilterSlots,
): PerFilterConfig {
  const entries: [string, PerFilterEntry][] = [];
  for (const [name, any] of Object.entries(message.typedPerFilterConfig)) {
    const at = { message, field: "typed_per_filter_config", element: name };
    const slot = slots.get(name);
    if (slot === undefined)
      context.dangling(at, "the filter", name, slots.keys(), context.strict ? "error" : "warning", "in this chain");
    if (!slot) continue;
    const entry = compileEntry(context, any, slot, at);
    if (entry !== undefined) entries.push([name, { ...entry, place: context.place(at) }]);
  }
  return Object.fromEntries(entries);
}

type Entry = Omit<PerFilterEntry, "place">;

function compileEntry(context: CompileContext, any: Any, slot: FilterSlot, at: Field): Entry | undefined {
  const payload = context.tree.payload(any);
  if (payload === undefined || payload.kind === "skipped") return undefined;
  if (payload.kind !== "message" || !isMessage<FilterConfig>(payload.message, filterConfigType))
    return compileConfig(context, payload, slot.id, at);
  const { disabled, config } = payload.message;
  if (disabled && slot.isTerminal) context.error(at, "ERR_CONFIG_CONFLICT", "a terminal filter cannot be disabled");
  if (disabled && config !== undefined)
    context.error(at, "ERR_CONFIG_CONFLICT", "the filter is disabled and configured at once");
  const inner = config === undefined || config.typeUrl === "" ? undefined : context.tree.payload(config);
  if (inner === undefined || inner.kind === "skipped") return { config: null, disabled };
  return compileConfig(context, inner, slot.id, { message: payload.message, field: "config" });
}

function compileConfig(
  context: CompileContext,
  payload: Exclude<Payload, { kind: "skipped" }>,
  id: string,
  at: Field,
): Entry | undefined {
  const definition = context.registry.http(id);
  if (definition === undefined) return undefined;
  if (definition.routeConfig === undefined) {
    return void context.error(at, "ERR_CONFIG_CONFLICT", `${id} has no configuration of routes`, {
      expected: `${filterConfigType} to disable it`,
    });
  }
  const expected = definition.routeMessage ?? id;
  if (payload.typeName !== expected) {
    return void context.error(at, "ERR_CONFIG_TYPE", `${payload.typeName} does not configure ${id} on routes`, {
      expected,
    });
  }
  const { config, message } = configOf(context, payload);
  if (message !== undefined) checkNestedFormats(context, message);
  context.judge(id, "routeConfig", config, message);
  return { config, disabled: false };
}
