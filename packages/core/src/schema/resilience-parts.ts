/** The schema of what routes and clusters of the short form say of failures: retries, copies, limits. */
import type { MirrorConfig, RetryConfig } from "../config/define-config.ts";
import type { CircuitBreakersConfig, ThresholdsConfig } from "../config/define-resilience.ts";
import { match } from "./http-parts.ts";
import { anyOf, count, described, duration, flag, listOf, mapOf, part, ref, text } from "./parts.ts";

const texts = listOf(text);
const percent = { type: "number", minimum: 0, maximum: 100 } as const;
const thresholds = {
  max_connections: count,
  max_pending_requests: count,
  max_requests: count,
  max_retries: count,
  retry_budget: described(
    "percent of the requests under way that may be sent again",
    anyOf(percent, ref("retry_budget")),
  ),
  max_connection_pools: count,
  track_remaining: flag,
};

export const resilienceParts = {
  retry: part<RetryConfig>({
    on: anyOf(text, texts),
    attempts: described("how often it is sent again", count),
    methods: anyOf({ const: "any" }, texts),
    per_try_timeout: duration,
    per_try_idle_timeout: duration,
    statuses: listOf({ type: "integer" }),
    headers: mapOf(match),
    back_off: anyOf(duration, ref("retry_back_off")),
    respect_retry_after: described("retry-after of an answer says when, up to this", duration),
    hedge: flag,
    same_host: flag,
  }),
  retry_back_off: part<Exclude<RetryConfig["back_off"], string | undefined>>({ base: duration, max: duration }, [
    "base",
  ]),
  mirror: part<MirrorConfig>({ cluster: text, percent, key: text, mark_host: flag }, ["cluster"]),
  thresholds: part<ThresholdsConfig>(thresholds),
  retry_budget: part<Exclude<ThresholdsConfig["retry_budget"], number | undefined>>({ percent, min: count }, [
    "percent",
  ]),
  circuit_breakers: part<CircuitBreakersConfig>({
    ...thresholds,
    high: ref("thresholds"),
    max_connections_per_host: count,
  }),
};
