// Retry policies as the compiler makes them, each field to be replaced.
import { parseRetryOn, type RetryPolicy } from "@sluice/sdk";
import type { RetryModel } from "../../packages/core/src/config/retry-model.ts";
import { RouteRetry } from "../../packages/core/src/http/route/route-retry.ts";

export interface PolicyOptions extends Partial<Omit<RetryModel, "on">> {
  /** As in `retry_on`. */
  readonly on?: string;
}

export function retryPolicy(options: PolicyOptions = {}): RetryPolicy {
  return new RouteRetry(retryModel(options));
}

export function retryModel({ on = "5xx", ...model }: PolicyOptions = {}): RetryModel {
  return {
    on: parseRetryOn(on),
    retries: 1,
    perTryTimeoutMs: 0,
    perTryIdleTimeoutMs: 0,
    statusCodes: [],
    headers: [],
    requestHeaders: [],
    backOffBaseMs: 25,
    backOffMaxMs: 250,
    rateLimitedBackOff: null,
    hosts: null,
    priorityUpdateFrequency: 0,
    ...model,
  };
}
