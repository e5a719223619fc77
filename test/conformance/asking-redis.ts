// redis_ratelimit with a Redis that answers later, and admits every second request: what is held meanwhile must come out as it went in.
import { defineHttpFilter } from "@sluice/sdk";
import type { RedisRateLimitSettings } from "../../packages/filters-l7/src/redis-ratelimit/config.ts";
import { Decision, RedisRateLimitFilter } from "../../packages/filters-l7/src/redis-ratelimit/filter.ts";
import { redisRateLimit } from "../../packages/filters-l7/src/redis-ratelimit/index.ts";
import type { Store, Waiting } from "../../packages/filters-l7/src/redis-ratelimit/store.ts";

/** No server is on that port. */
export const redisLimit = {
  redis: "redis://127.0.0.1:1",
  limits: [{ name: "all", gcra: { requests: 5, per: "1s" }, key: [{ generic: "all" }] }],
};

class AnsweringStore implements Store {
  #asked = 0;

  decide(_keys: readonly string[], _words: readonly string[], waiting: Waiting): boolean {
    const admits = this.#asked++ % 2 === 0;
    queueMicrotask(() => waiting.decided([{ admits, remaining: 1, waitMs: 0, fullMs: 0 }]));
    return true;
  }

  overdue(): void {}

  close(): void {}
}

export const askingRedis = defineHttpFilter({
  ...redisRateLimit,
  newState: () => new Decision(),
  create: (settings: RedisRateLimitSettings, context) =>
    new RedisRateLimitFilter(settings, context, new AnsweringStore()),
});
