/** `circuit_breakers` of a cluster. Where routes retry, every cluster has a retry budget unless it says otherwise. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { Section } from "./section.ts";

const BUDGET = { budget_percent: 20, min_retry_concurrency: 3 };

export function adaptCircuitBreakers(cluster: Section, made: JsonObject): void {
  const { hasRetries } = cluster.context;
  const breakers = cluster.section("circuit_breakers", "circuit_breakers");
  if (breakers === undefined && (cluster.has("circuit_breakers") || !hasRetries)) return;
  const thresholds: Json[] = [];
  if (breakers === undefined) thresholds.push(withBudget(cluster, cluster.make({})));
  else {
    thresholds.push(adaptThresholds(breakers, hasRetries));
    const high = breakers.section("thresholds", "high");
    if (high !== undefined) thresholds.push(Object.assign(adaptThresholds(high, hasRetries), { priority: "HIGH" }));
  }
  const key = breakers === undefined ? undefined : "circuit_breakers";
  const long = cluster.make<JsonObject>({ thresholds: cluster.make(thresholds, key) }, key);
  if (breakers?.has("max_connections_per_host") === true) {
    const perHost = breakers.make<JsonObject>({}, "max_connections_per_host");
    breakers.copy("max_connections_per_host", perHost, "max_connections");
    long["per_host_thresholds"] = breakers.make([perHost], "max_connections_per_host");
  }
  made["circuit_breakers"] = long;
}

function withBudget(section: Section, long: JsonObject): JsonObject {
  const { budget_percent: value, min_retry_concurrency } = BUDGET;
  long["retry_budget"] = section.make({ budget_percent: section.make({ value }), min_retry_concurrency });
  return long;
}

function adaptThresholds(section: Section, hasRetries: boolean): JsonObject {
  const long = section.make<JsonObject>({});
  section.copyAll(
    {
      max_connections: "max_connections",
      max_pending_requests: "max_pending_requests",
      max_requests: "max_requests",
      max_retries: "max_retries",
      max_connection_pools: "max_connection_pools",
      track_remaining: "track_remaining",
    },
    long,
  );
  section.onlyOne(["retry_budget", "max_retries"]);
  if (section.has("retry_budget")) section.put(long, "retry_budget", adaptBudget(section), "retry_budget");
  else if (hasRetries && !section.has("max_retries")) withBudget(section, long);
  return long;
}

function adaptBudget(section: Section): JsonObject | undefined {
  const value = section.get("retry_budget");
  const made = section.make<JsonObject>({}, "retry_budget");
  const percent = section.make<JsonObject>({}, "retry_budget");
  made["budget_percent"] = percent;
  if (typeof value === "number") {
    section.put(percent, "value", value, "retry_budget");
    return made;
  }
  const budget = section.section("retry_budget", "retry_budget");
  if (budget === undefined) return undefined;
  if (!budget.has("percent")) budget.missing("percent");
  budget.copy("percent", percent, "value");
  budget.copy("min", made, "min_retry_concurrency");
  return made;
}
