/** envoy.filters.network.local_ratelimit: a token bucket for new connections, exact over all workers. */
import { defineListenerFilter, defineNetworkFilter } from "@sluice/sdk";
import { connectionLimitConfig, LISTENER_MESSAGES, NETWORK_MESSAGES } from "./config.ts";
import { ListenerLocalRateLimitFilter, LocalRateLimitFilter } from "./filter.ts";

export const localRateLimit = defineNetworkFilter({
  id: "envoy.filters.network.local_ratelimit",
  maturity: "stable",
  security: "untrusted-downstream",
  messages: NETWORK_MESSAGES,
  config: connectionLimitConfig,
  create: (settings, context) => new LocalRateLimitFilter(settings, context),
});

/** envoy.filters.listener.local_ratelimit: a token bucket for new connections, before TLS and the choice of a chain. */
export const listenerLocalRateLimit = defineListenerFilter({
  id: "envoy.filters.listener.local_ratelimit",
  maturity: "stable",
  security: "untrusted-downstream",
  messages: LISTENER_MESSAGES,
  config: connectionLimitConfig,
  create: (settings, context) => new ListenerLocalRateLimitFilter(settings, context),
});
