/** `filter_cost` and `debug_trace`: entries of bootstrap_extensions, judged by the compiler (compile/observe.ts). */
import { debugTraceType, filterCostType } from "../compile/observe.ts";
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import type { Section } from "./section.ts";

const typedStruct = "type.googleapis.com/xds.type.v3.TypedStruct";

const copied = { sample: "sample", header: "header", trusted: "trusted" };

export function adaptObserve(section: Section): Json[] {
  const made: Json[] = [];
  for (const [key, type] of [
    ["filter_cost", filterCostType],
    ["debug_trace", debugTraceType],
  ] as const) {
    const part = section.section(key, key);
    if (part === undefined) continue;
    const value = part.make<JsonObject>({});
    part.copyAll(copied, value);
    const config = section.make({ "@type": typedStruct, type_url: `type.googleapis.com/${type}`, value }, key);
    made.push(section.make({ name: type, typed_config: config }, key));
  }
  return made;
}
