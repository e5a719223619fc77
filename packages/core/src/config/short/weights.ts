/** `clusters:` with weights, as a mapping from name to weight, or (on routes) a list. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { adaptRouteFilters } from "./filters.ts";
import { adaptSubset } from "./hash.ts";
import { adaptHeaderChanges } from "./headers.ts";
import { isMapping } from "../is-mapping.ts";
import { Section } from "./section.ts";

/** Envoy's weighted clusters from `clusters` of the section. */
export function adaptWeights(section: Section): JsonObject | undefined {
  const value = section.get("clusters");
  if (Array.isArray(value))
    return section.make({ clusters: section.make(adaptList(section, value), "clusters") }, "clusters");
  const weights = section.mapping("clusters");
  if (!isMapping(weights)) return undefined;
  const clusters = Object.keys(weights).map((name) => {
    const made: JsonObject = { name, weight: weights[name] ?? null };
    section.context.derived.markEntry(made, "name", weights, name);
    section.context.derived.markEntry(made, "weight", weights, name);
    return section.context.derived.mark(made, weights, name);
  });
  return section.make({ clusters: section.make(clusters, "clusters") }, "clusters");
}

function adaptList(section: Section, list: Json[]): Json[] {
  const made: Json[] = [];
  for (const index of list.keys()) {
    const entry = Section.at(section.context, "weighted_cluster", list, index);
    if (entry === undefined) continue;
    const cluster = entry.make<JsonObject>({});
    entry.onlyOne(["name", "header"]);
    entry.copyAll({ name: "name", header: "cluster_header", weight: "weight", host: "host_rewrite_literal" }, cluster);
    adaptSubset(entry, cluster);
    adaptHeaderChanges(entry, cluster);
    adaptRouteFilters(entry, cluster);
    made.push(cluster);
  }
  return made;
}
