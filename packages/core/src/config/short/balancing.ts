/** `load_balancing` of a cluster: a policy's name, or its options. Policies inside others are made from the inside out: localities, then subsets. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { isMapping } from "../is-mapping.ts";
import { Section } from "./section.ts";

const family = "type.googleapis.com/envoy.extensions.load_balancing_policies";

interface Policy {
  readonly type: string;
  /** Key → field. */
  readonly fields: Readonly<Record<string, string>>;
}

const hashing = { by_hostname: "use_hostname_for_hashing", bounded_load: "hash_balance_factor" };

const policies: Readonly<Record<string, Policy>> = {
  round_robin: { type: "round_robin.v3.RoundRobin", fields: {} },
  least_request: { type: "least_request.v3.LeastRequest", fields: { choices: "choice_count" } },
  random: { type: "random.v3.Random", fields: {} },
  ring_hash: {
    type: "ring_hash.v3.RingHash",
    fields: { min_ring_size: "minimum_ring_size", max_ring_size: "maximum_ring_size" },
  },
  maglev: { type: "maglev.v3.Maglev", fields: { table_size: "table_size" } },
  pick_first: { type: "pick_first.v3.PickFirst", fields: { shuffle: "shuffle_address_list" } },
  peak_ewma: { type: "peak_ewma.v3alpha.PeakEwma", fields: { decay: "decay_time", default_latency: "default_rtt" } },
  client_side_weighted_round_robin: {
    type: "client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin",
    fields: {
      blackout: "blackout_period",
      expiration: "weight_expiration_period",
      update_period: "weight_update_period",
      error_penalty: "error_utilization_penalty",
      utilization: "metric_names_for_computing_utilization",
    },
  },
};

/** Keys that not every policy has, and which have them. */
const owners: Readonly<Record<string, readonly string[]>> = {
  slow_start: ["round_robin", "least_request", "client_side_weighted_round_robin"],
  choices: ["least_request"],
  full_scan: ["least_request"],
  bias: ["least_request"],
  min_ring_size: ["ring_hash"],
  max_ring_size: ["ring_hash"],
  hash: ["ring_hash"],
  table_size: ["maglev"],
  by_hostname: ["ring_hash", "maglev"],
  bounded_load: ["ring_hash", "maglev"],
  shuffle: ["pick_first"],
  decay: ["peak_ewma"],
  default_latency: ["peak_ewma"],
  blackout: ["client_side_weighted_round_robin"],
  expiration: ["client_side_weighted_round_robin"],
  update_period: ["client_side_weighted_round_robin"],
  error_penalty: ["client_side_weighted_round_robin"],
  utilization: ["client_side_weighted_round_robin"],
};

/** The section behind `load_balancing`, whose zones have weights; undefined: none. `name`: of the cluster. */
export function adaptBalancing(cluster: Section, made: JsonObject, name: string): Section | undefined {
  const value = cluster.get("load_balancing");
  if (value === undefined) return undefined;
  if (typeof value === "string") {
    const policy = cluster.choice("load_balancing", policies);
    if (policy !== undefined && policy !== policies["round_robin"])
      cluster.put(
        made,
        "load_balancing_policy",
        listed(cluster, policy.type, optionsOf(cluster, policy.type)),
        "load_balancing",
      );
    return undefined;
  }
  const section = cluster.section("load_balancing", "load_balancing");
  if (section === undefined) return undefined;
  cluster.put(made, "load_balancing_policy", adaptPolicy(section, name), "load_balancing");
  if (section.has("panic_threshold")) {
    const percent = section.make<JsonObject>({});
    section.copy("panic_threshold", percent, "value");
    made["common_lb_config"] = section.make({ healthy_panic_threshold: percent }, "panic_threshold");
  }
  return section;
}

function adaptPolicy(section: Section, name: string): JsonObject | undefined {
  const which = (section.get("policy") as string | undefined) ?? "round_robin";
  const policy = section.has("policy") ? section.choice("policy", policies) : policies["round_robin"];
  if (policy === undefined) return undefined;
  const has = (key: string): boolean => {
    const isThere = section.has(key);
    const allowed = owners[key]!;
    if (!isThere || allowed.includes(which)) return isThere;
    const message = `"${key}" means nothing with the policy ${which}`;
    section.error(key, { code: "ERR_CONFIG_CONFLICT", message, expected: allowed.join(" or ") }, "key");
    return false;
  };
  const used = new Set(Object.keys(owners).filter(has));
  const options = optionsOf(section, policy.type);
  for (const [key, field] of Object.entries(policy.fields)) section.copy(key, options, field);
  if (used.has("slow_start")) section.put(options, "slow_start_config", adaptSlowStart(section, name), "slow_start");
  if (used.has("full_scan") && section.flag("full_scan") === true)
    section.put(options, "selection_method", "FULL_SCAN", "full_scan");
  if (used.has("bias"))
    section.put(
      options,
      "active_request_bias",
      tunable(section, "bias", `cluster.${name}.active_request_bias`),
      "bias",
    );
  if (used.has("hash")) section.put(options, "hash_function", section.choice("hash", hashFunctions), "hash");
  if (used.has("by_hostname") || used.has("bounded_load")) {
    const consistent = section.make<JsonObject>({});
    section.copyAll(hashing, consistent);
    options["consistent_hashing_lb_config"] = consistent;
  }
  let made = listed(section, policy.type, options);
  if (section.has("locality_weights")) {
    const type = "wrr_locality.v3.WrrLocality";
    const outer = optionsOf(section, type);
    outer["endpoint_picking_policy"] = made;
    made = listed(section, type, outer);
  }
  if (section.has("subsets")) return adaptSubsets(section, made);
  if (section.has("subset_fallback")) {
    const message = "there are no subsets to fall back from";
    section.error("subset_fallback", { code: "ERR_CONFIG_CONFLICT", message, expected: "subsets" }, "key");
  }
  return made;
}

const hashFunctions = { xx_hash: "XX_HASH", murmur_hash_2: "MURMUR_HASH_2" };

function optionsOf(section: Section, type: string): JsonObject {
  return section.make<JsonObject>({ "@type": `${family}.${type}` });
}

/** A list of one policy. */
function listed(section: Section, type: string, options: JsonObject): JsonObject {
  const name = `envoy.load_balancing_policies.${type.slice(0, type.indexOf("."))}`;
  const config = section.make({ name, typed_config: options });
  return section.make({ policies: section.make([section.make({ typed_extension_config: config })]) });
}

/** Envoy has such numbers in the runtime, under a key. */
function tunable(section: Section, from: string, key: string): JsonObject {
  const made = section.make<JsonObject>({ runtime_key: key });
  section.copy(from, made, "default_value");
  return made;
}

function adaptSlowStart(section: Section, name: string): JsonObject | undefined {
  const value = section.get("slow_start");
  if (value === undefined) return undefined;
  const made = section.make<JsonObject>({}, "slow_start");
  if (typeof value === "string") {
    section.put(made, "slow_start_window", value, "slow_start");
    return made;
  }
  const slow = section.section("slow_start", "slow_start");
  if (slow === undefined) return undefined;
  if (!slow.has("window")) slow.missing("window", "a duration, as in 30s");
  slow.copy("window", made, "slow_start_window");
  if (slow.has("aggression"))
    slow.put(made, "aggression", tunable(slow, "aggression", `cluster.${name}.slow_start_aggression`), "aggression");
  if (slow.has("min_weight")) {
    const percent = slow.make<JsonObject>({});
    slow.copy("min_weight", percent, "value");
    slow.put(made, "min_weight_percent", percent, "min_weight");
  }
  return made;
}

const fallbacks = { none: "NO_FALLBACK", any: "ANY_ENDPOINT" };
const selectorFallbacks = { ...fallbacks, default: "DEFAULT_SUBSET" };

function adaptSubsets(section: Section, inner: JsonObject): JsonObject {
  const list = section.list("subsets") ?? [];
  const selectors: Json[] = [];
  for (const [index, value] of list.entries()) {
    if (Array.isArray(value)) {
      selectors.push(section.context.derived.mark({ keys: value }, list, index));
      continue;
    }
    const subset = Section.at(section.context, "subset", list, index);
    if (subset === undefined) continue;
    if (!subset.has("keys")) subset.missing("keys", "a list of keys of the endpoints' metadata");
    const selector = subset.make<JsonObject>({});
    subset.copyAll({ keys: "keys", single_host: "single_host_per_subset" }, selector);
    if (Array.isArray(subset.get("fallback"))) {
      subset.put(selector, "fallback_policy", "KEYS_SUBSET", "fallback");
      subset.copy("fallback", selector, "fallback_keys_subset");
    } else subset.put(selector, "fallback_policy", subset.choice("fallback", selectorFallbacks), "fallback");
    selectors.push(selector);
  }
  const type = "subset.v3.Subset";
  const made = optionsOf(section, type);
  made["subset_selectors"] = section.make(selectors, "subsets");
  made["subset_lb_policy"] = inner;
  if (section.has("locality_weights")) made["locality_weight_aware"] = true;
  const fallback = section.get("subset_fallback");
  if (isMapping(fallback)) {
    section.put(made, "fallback_policy", "DEFAULT_SUBSET", "subset_fallback");
    section.put(made, "default_subset", fallback, "subset_fallback");
  } else section.put(made, "fallback_policy", section.choice("subset_fallback", fallbacks), "subset_fallback");
  return listed(section, type, made);
}
