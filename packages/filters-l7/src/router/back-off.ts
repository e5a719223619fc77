/** How long a retry waits: a random time that grows with each, or what the response asks for (Retry-After). */
import type { Clock, Random, RateLimitedBackOff, ResponseHeaders } from "@sluice/sdk";
import type { Router } from "./filter.ts";
import type { ResponseCounters } from "./response-counters.ts";
import type { RetrySettings } from "./retry-settings.ts";

/** Before the n-th retry, after `response` (null: there was none); counted by who decides it. */
export function waitMs(
  { policy, backOffBaseMs, backOffMaxMs }: RetrySettings,
  { random, clock }: Router,
  counters: ResponseCounters,
  response: ResponseHeaders | null,
  n: number,
): number {
  const limited = policy === null ? null : policy.rateLimitedBackOff;
  const askedMs = limited === null || response === null ? -1 : rateLimitedMs(limited, response, clock, random);
  if (askedMs >= 0) {
    counters.rare("upstream_rq_retry_backoff_ratelimited");
    return askedMs;
  }
  counters.rare("upstream_rq_retry_backoff_exponential");
  return backOffMs(random, backOffBaseMs, backOffMaxMs, n);
}

/** Before the n-th retry, from 1; milliseconds. Envoy: full jitter. */
function backOffMs(random: Random, baseMs: number, maxMs: number, n: number): number {
  return random.next() * Math.min(maxMs, baseMs * (2 ** Math.min(n, 30) - 1));
}

/** -1: the response asks for nothing, or for more than is waited. A little is added by chance, so that not all come back at once. */
function rateLimitedMs(
  { headers, maxMs }: RateLimitedBackOff,
  response: ResponseHeaders,
  clock: Clock,
  random: Random,
): number {
  for (const { name, format } of headers) {
    const [text = ""] = response.getAll(name);
    if (!/^[0-9]{1,12}$/.test(text)) continue;
    const ms = format === "seconds" ? Number(text) * 1000 : Number(text) * 1000 - clock.wallNow();
    if (ms > 1 && ms <= maxMs) return ms * (1 + random.next() / 2);
  }
  return -1;
}
