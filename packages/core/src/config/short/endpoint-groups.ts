/** Endpoints of the short form by priority and locality, as the long form has them. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import type { Section } from "./section.ts";

export interface PlacedEndpoint {
  readonly long: JsonObject;
  /** The mapping that it was written as; undefined where it was an address alone. */
  readonly section: Section | undefined;
}

/** The namespace that balancing reads. */
const namespace = "envoy.lb";

/** `balancing`: where the weights of zones stand; undefined: nowhere. `from`: the key that the endpoints came from. */
export function endpointGroups(
  cluster: Section,
  endpoints: readonly PlacedEndpoint[],
  balancing: Section | undefined,
  from: string | undefined,
): Json[] {
  const weights = balancing?.mapping("locality_weights") ?? {};
  const groups = new Map<string, { readonly group: JsonObject; readonly members: Json[] }>();
  const zones = new Set<string>();
  // Nowhere to go is said by an empty list.
  if (endpoints.length === 0) return [cluster.make({ lb_endpoints: cluster.make<Json[]>([], from) })];
  for (const { long, section } of endpoints) {
    if (section?.has("metadata") === true) {
      const values = section.make<JsonObject>({});
      section.put(values, namespace, section.get("metadata"), "metadata");
      section.put(long, "metadata", section.make({ filter_metadata: values }, "metadata"), "metadata");
    }
    const locality = section === undefined ? undefined : readLocality(section);
    const priority = section?.get("priority");
    const key = JSON.stringify([priority ?? 0, locality ?? null]);
    let found = groups.get(key);
    if (found === undefined) {
      const members: Json[] = cluster.make<Json[]>([], from);
      const group = cluster.make<JsonObject>({});
      if (locality !== undefined) section!.put(group, "locality", locality, "locality");
      section?.copy("priority", group);
      const zone = locality?.["zone"];
      if (typeof zone === "string" && Object.hasOwn(weights, zone)) {
        group["load_balancing_weight"] = weights[zone]!;
        cluster.context.derived.markEntry(group, "load_balancing_weight", weights, zone);
      } else if (Object.keys(weights).length > 0) tellWeightless(cluster, weights);
      group["lb_endpoints"] = members;
      found = { group, members };
      groups.set(key, found);
      if (typeof zone === "string") zones.add(zone);
    }
    found.members.push(long);
  }
  for (const zone of Object.keys(weights)) {
    if (!zones.has(zone))
      balancing!.context.error(weights, zone, {
        code: "ERR_CONFIG_REFERENCE",
        message: `no endpoint is in the zone "${zone}"`,
      });
  }
  return [...groups.values()].map(({ group }) => group);
}

function tellWeightless({ context, value }: Section, weights: JsonObject): void {
  const message = "an endpoint is in no zone that has a weight: it gets nothing";
  const expected = `one of the zones ${Object.keys(weights).join(", ")}`;
  context.problems.warning(context.base.locate(value, "endpoints"), { code: "ERR_CONFIG_CONFLICT", message, expected });
}

function readLocality(section: Section): JsonObject | undefined {
  const value = section.get("locality");
  if (value === undefined) return undefined;
  const made = section.make<JsonObject>({}, "locality");
  if (typeof value === "string") {
    section.put(made, "zone", value, "locality");
    return made;
  }
  const names = section.section("locality", "locality");
  names?.copyAll({ region: "region", zone: "zone", sub_zone: "sub_zone" }, made);
  return names && made;
}
