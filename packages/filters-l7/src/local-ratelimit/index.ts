/** envoy.filters.http.local_ratelimit: a token bucket for requests, exact over all workers. */
import { defineHttpFilter } from "@sluice/sdk";
import type { Bucket } from "../shared/rate-limit/buckets.ts";
import {
  LOCAL_RATE_LIMIT_MESSAGE,
  LOCAL_RATE_LIMIT_MESSAGES,
  localRateLimitConfig,
  localRateLimitRouteConfig,
} from "./config.ts";
import { LocalRateLimitFilter } from "./filter.ts";

export const localRateLimit = defineHttpFilter({
  id: "envoy.filters.http.local_ratelimit",
  maturity: "stable",
  security: "untrusted-downstream-and-upstream",
  messages: LOCAL_RATE_LIMIT_MESSAGES,
  routeMessage: LOCAL_RATE_LIMIT_MESSAGE,
  config: localRateLimitConfig,
  routeConfig: localRateLimitRouteConfig,
  newState: (): Bucket | null => null,
  create: (settings, context) => new LocalRateLimitFilter(settings, context),
});
