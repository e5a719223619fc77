/** `hash` and `subset` of routes and of the TCP proxy: which of a cluster's hosts a request goes to. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { isMapping } from "../is-mapping.ts";
import { Section } from "./section.ts";

const kinds = ["header", "cookie", "query", "filter_state"];
/** Keys that only go with one of them. */
const parts: Readonly<Record<string, string>> = {
  rewrite: "header",
  ttl: "cookie",
  path: "cookie",
  attributes: "cookie",
};

/** Envoy's hash_policy of routes. */
export function adaptHash(route: Section, action: JsonObject): void {
  const value = route.get("hash");
  if (value === undefined) return;
  const list = Array.isArray(value) ? value : [value];
  const made: Json[] = [];
  for (const [index, entry] of list.entries()) {
    const container = Array.isArray(value) ? value : route.value;
    const key = Array.isArray(value) ? index : "hash";
    if (entry === "source_ip")
      made.push(route.context.derived.mark({ connection_properties: { source_ip: true } }, container, key));
    else if (typeof entry === "string") route.context.wrongType(container, key, "source_ip, or a mapping");
    else {
      const section = Section.at(route.context, "hash", container, key);
      const policy = section && adaptPart(section);
      if (policy !== undefined) made.push(policy);
    }
  }
  route.put(action, "hash_policy", route.make(made, "hash"), "hash");
}

function adaptPart(section: Section): JsonObject | undefined {
  const kind = section.onlyOne(kinds);
  if (kind === undefined) return void section.missing(kinds);
  for (const [key, owner] of Object.entries(parts)) {
    if (section.has(key) && owner !== kind)
      section.error(key, { code: "ERR_CONFIG_CONFLICT", message: `"${key}" means nothing beside "${kind}"` }, "key");
  }
  const policy = section.make<JsonObject>({});
  const inner = section.make<JsonObject>({}, kind);
  section.copy("terminal", policy);
  switch (kind) {
    case "header":
      section.copy("header", inner, "header_name");
      section.put(inner, "regex_rewrite", rewriteOf(section), "rewrite");
      policy["header"] = inner;
      break;
    case "cookie":
      section.copyAll({ cookie: "name", ttl: "ttl", path: "path" }, inner);
      section.put(inner, "attributes", attributesOf(section), "attributes");
      policy["cookie"] = inner;
      break;
    case "query":
      section.copy("query", inner, "name");
      policy["query_parameter"] = inner;
      break;
    default:
      section.copy("filter_state", inner, "key");
      policy["filter_state"] = inner;
  }
  return policy;
}

function rewriteOf(section: Section): JsonObject | undefined {
  const rewrite = section.section("regex_rewrite", "rewrite");
  if (rewrite === undefined) return undefined;
  const pattern = rewrite.make<JsonObject>({});
  rewrite.copy("pattern", pattern, "regex");
  const made = rewrite.make<JsonObject>({ pattern });
  rewrite.copy("substitution", made);
  return made;
}

function attributesOf(section: Section): Json[] | undefined {
  const attributes = section.mapping("attributes");
  if (attributes === undefined) return undefined;
  return Object.entries(attributes).map(([name, value]) =>
    section.context.derived.mark({ name, value }, attributes, name),
  );
}

/** Envoy's metadata_match. */
export function adaptSubset(section: Section, into: JsonObject): void {
  const values = section.mapping("subset");
  if (!isMapping(values)) return;
  const namespaces = section.make({ "envoy.lb": values }, "subset");
  section.put(into, "metadata_match", section.make({ filter_metadata: namespaces }, "subset"), "subset");
}

/** Of the TCP proxy: the client's address, or a key of the filter state. */
export function adaptTcpHash(section: Section, proxy: JsonObject): void {
  const value = section.get("hash");
  if (value === undefined) return;
  let policy: JsonObject | undefined;
  if (value === "source_ip") policy = section.make({ source_ip: section.make({}, "hash") }, "hash");
  else if (isMapping(value) && Object.keys(value).join() === "filter_state") {
    const state = section.make<JsonObject>({ key: value["filter_state"] ?? null }, "hash");
    policy = section.make({ filter_state: state }, "hash");
  } else return section.context.wrongType(section.value, "hash", "source_ip, or a mapping with filter_state alone");
  section.put(proxy, "hash_policy", section.make([policy], "hash"), "hash");
}
