/** envoy.filters.http.adaptive_concurrency: lets as many requests through at a time as the upstream takes without getting slow. */
import { defineHttpFilter } from "@sluice/sdk";
import { ADAPTIVE_CONCURRENCY_MESSAGES, adaptiveConcurrencyConfig } from "./config.ts";
import { AdaptiveConcurrencyFilter, AdaptiveConcurrencyState } from "./filter.ts";

export const adaptiveConcurrency = defineHttpFilter({
  id: "envoy.filters.http.adaptive_concurrency",
  maturity: "stable",
  security: "untrusted-downstream-and-upstream",
  messages: ADAPTIVE_CONCURRENCY_MESSAGES,
  config: adaptiveConcurrencyConfig,
  newState: () => new AdaptiveConcurrencyState(),
  create: (settings, context) => new AdaptiveConcurrencyFilter(settings, context),
});
