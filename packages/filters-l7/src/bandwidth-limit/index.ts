/** envoy.filters.http.bandwidth_limit: so many bytes a second, of requests and responses, in all workers together. */
import { defineHttpFilter } from "@sluice/sdk";
import { BANDWIDTH_LIMIT_MESSAGE, BANDWIDTH_LIMIT_MESSAGES, bandwidthLimitConfig } from "./config.ts";
import { BandwidthLimitFilter, BandwidthLimitState } from "./filter.ts";

export const bandwidthLimit = defineHttpFilter({
  id: "envoy.filters.http.bandwidth_limit",
  maturity: "stable",
  security: "untrusted-downstream-and-upstream",
  messages: BANDWIDTH_LIMIT_MESSAGES,
  routeMessage: BANDWIDTH_LIMIT_MESSAGE,
  config: bandwidthLimitConfig,
  routeConfig: bandwidthLimitConfig,
  newState: () => new BandwidthLimitState(),
  create: (settings, context) => new BandwidthLimitFilter(settings, context),
});
