/** The short form's balancing as JSON Schema: parts of short-form.ts. */
import type {
  EndpointConfig,
  HashPartConfig,
  LoadBalancingConfig,
  LocalityNamesConfig,
  SlowStartConfig,
  SubsetConfig,
} from "../config/define-config.ts";
import type { JsonSchema } from "@sluice/sdk";
import { address, anyOf, count, described, duration, flag, listOf, mapOf, oneOf, part, ref, text } from "./parts.ts";

const number: JsonSchema = { type: "number" };
const percent: JsonSchema = { type: "number", minimum: 0, maximum: 100 };
/** JSON of any kind. */
const values: JsonSchema = { type: "object" };
const keys: JsonSchema = { ...listOf(text), minItems: 1 };

const policy = described(
  "which host gets which request",
  oneOf(
    "round_robin",
    "least_request",
    "random",
    "ring_hash",
    "maglev",
    "pick_first",
    "peak_ewma",
    "client_side_weighted_round_robin",
  ),
);

export const loadBalancing = anyOf(policy, ref("load_balancing"));
export const subsetValues = described("only hosts whose metadata has these values", values);

const hashPart = anyOf({ const: "source_ip" }, ref("hash"));
export const hash = described(
  "what requests have in common that are to reach the same host",
  anyOf(hashPart, listOf(hashPart)),
);
export const tcpHash = anyOf(
  { const: "source_ip" },
  { type: "object", properties: { filter_state: text }, required: ["filter_state"], additionalProperties: false },
);

export const balancingParts = {
  load_balancing: part<LoadBalancingConfig>({
    policy,
    slow_start: anyOf(duration, ref("slow_start")),
    choices: { ...count, minimum: 2 },
    full_scan: flag,
    bias: number,
    min_ring_size: count,
    max_ring_size: count,
    hash: oneOf("xx_hash", "murmur_hash_2"),
    table_size: count,
    by_hostname: flag,
    bounded_load: { ...count, minimum: 100 },
    shuffle: flag,
    decay: duration,
    default_latency: duration,
    blackout: duration,
    expiration: duration,
    update_period: duration,
    error_penalty: { type: "number", minimum: 0 },
    utilization: listOf(text),
    panic_threshold: percent,
    overprovisioning: count,
    locality_weights: mapOf(count),
    subsets: listOf(anyOf(keys, ref("subset"))),
    subset_fallback: anyOf(oneOf("none", "any"), values),
  }),
  slow_start: part<SlowStartConfig>({ window: duration, aggression: number, min_weight: percent }, ["window"]),
  subset: part<SubsetConfig>({ keys, fallback: anyOf(oneOf("none", "any", "default"), keys), single_host: flag }, [
    "keys",
  ]),
  locality: part<LocalityNamesConfig>({ region: text, zone: text, sub_zone: text }),
  hash: part<HashPartConfig>({
    header: text,
    rewrite: ref("regex_rewrite"),
    cookie: text,
    ttl: duration,
    path: text,
    attributes: mapOf(text),
    query: text,
    filter_state: text,
    terminal: flag,
  }),
  endpoint: part<EndpointConfig>(
    {
      address,
      weight: count,
      hostname: text,
      health: oneOf("healthy", "unhealthy", "draining", "degraded"),
      priority: { type: "integer", minimum: 0, maximum: 128 },
      locality: described("its zone, or all names", anyOf(text, ref("locality"))),
      metadata: described("what subsets are made of", values),
    },
    ["address"],
  ),
};
