/** What the short form fills in for filters whose defaults in Envoy's API would surprise: required names, and features that are off. */
import type { JsonObject } from "../source/source.ts";

const everyRequest: JsonObject = { default_value: { numerator: 100, denominator: "HUNDRED" } };

const defaults: Readonly<Record<string, JsonObject>> = {
  "envoy.filters.http.bandwidth_limit": { stat_prefix: "bandwidth_limit", enable_mode: "REQUEST_AND_RESPONSE" },
  "envoy.filters.http.adaptive_concurrency": {
    gradient_controller_config: {
      concurrency_limit_params: { concurrency_update_interval: "0.1s" },
      min_rtt_calc_params: { interval: "60s" },
    },
  },
  "envoy.filters.http.admission_control": { success_criteria: {} },
  // In Envoy's API a rate limit without these two percentages limits nothing.
  "envoy.filters.http.local_ratelimit": {
    stat_prefix: "local_ratelimit",
    filter_enabled: everyRequest,
    filter_enforced: everyRequest,
  },
};

/** `config` with what it leaves out; the same object where there is nothing to add. */
export function withDefaults(id: string, config: JsonObject): JsonObject {
  const added = defaults[id];
  if (added === undefined) return config;
  return { ...structuredClone(added), ...config };
}
