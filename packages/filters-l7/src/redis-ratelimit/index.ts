/** sluice.filters.http.redis_ratelimit: limits that hold over all proxies that ask the same Redis. */
import { defineHttpFilter } from "@sluice/sdk";
import {
  REDIS_RATE_LIMIT_JSON_SCHEMA,
  REDIS_RATE_LIMIT_ROUTE_JSON_SCHEMA,
  redisRateLimitConfig,
  redisRateLimitRouteConfig,
} from "./config.ts";
import { Decision, RedisRateLimitFilter } from "./filter.ts";

export const redisRateLimit = defineHttpFilter({
  id: "sluice.filters.http.redis_ratelimit",
  maturity: "beta",
  security: "untrusted-downstream",
  config: redisRateLimitConfig,
  configJsonSchema: REDIS_RATE_LIMIT_JSON_SCHEMA,
  routeConfig: redisRateLimitRouteConfig,
  routeConfigJsonSchema: REDIS_RATE_LIMIT_ROUTE_JSON_SCHEMA,
  newState: () => new Decision(),
  // Loaded here, so that nobody who does not limit by Redis loads its client.
  create: async (settings, context) => {
    const { RedisStore } = await import("./redis-store.ts");
    const store = await RedisStore.open(settings.redis, context.logger);
    try {
      return new RedisRateLimitFilter(settings, context, store);
    } catch (error) {
      store.close();
      throw error;
    }
  },
});
