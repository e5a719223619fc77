/** envoy.filters.http.ratelimit: limits that a rate limit service keeps for many proxies. */
import { defineHttpFilter, defineNetworkFilter } from "@sluice/sdk";
import type { RateLimitAnswer } from "../shared/rate-limit/rls-messages.ts";
import { RATE_LIMIT_MESSAGES, RATE_LIMIT_ROUTE_MESSAGE, rateLimitConfig, rateLimitRouteConfig } from "./config.ts";
import { RateLimitFilter } from "./filter.ts";
import { NETWORK_RATE_LIMIT_MESSAGES, networkRateLimitConfig } from "./network-config.ts";
import { NetworkRateLimitFilter } from "./network-filter.ts";

export const rateLimit = defineHttpFilter({
  id: "envoy.filters.http.ratelimit",
  maturity: "stable",
  security: "untrusted-downstream",
  messages: RATE_LIMIT_MESSAGES,
  routeMessage: RATE_LIMIT_ROUTE_MESSAGE,
  calls: true,
  config: rateLimitConfig,
  routeConfig: rateLimitRouteConfig,
  newState: () => ({ answer: null as RateLimitAnswer | null, isRefused: false }),
  create: (settings, context) => new RateLimitFilter(settings, context),
});

/** envoy.filters.network.ratelimit: limits of connections that a rate limit service keeps for many proxies. */
export const networkRateLimit = defineNetworkFilter({
  id: "envoy.filters.network.ratelimit",
  maturity: "stable",
  security: "untrusted-downstream",
  messages: NETWORK_RATE_LIMIT_MESSAGES,
  calls: true,
  config: networkRateLimitConfig,
  create: (settings, context) => new NetworkRateLimitFilter(settings, context),
});
