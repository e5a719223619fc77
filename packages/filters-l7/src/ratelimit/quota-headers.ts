/** What is left of a limit, in headers: draft-polli-ratelimit-headers-03, as Envoy writes it. */
import type { ResponseHeaders } from "@sluice/sdk";
import type { LimitStatus } from "../shared/rate-limit/rls-messages.ts";

/** Of several limits the one that has least left is told; the windows of all follow it. */
export function addQuotaHeaders(headers: ResponseHeaders, limits: readonly LimitStatus[]): void {
  let least: LimitStatus | null = null;
  let policy = "";
  for (const limit of limits) {
    if (least === null || limit.remaining < least.remaining) least = limit;
    if (limit.windowSeconds === 0) continue;
    policy += `, ${limit.requestsPerUnit};w=${limit.windowSeconds}`;
    if (QUOTABLE.test(limit.name)) policy += `;name="${limit.name}"`;
  }
  if (least === null) return;
  headers.append("x-ratelimit-limit", `${least.requestsPerUnit}${policy}`);
  headers.append("x-ratelimit-remaining", String(least.remaining));
  headers.append("x-ratelimit-reset", String(least.resetSeconds));
}

/** What can stand between quotes as it is. */
const QUOTABLE = /^[ !#-[\]-~]+$/;
