/** Outlier detection's numbers as they hold now: the configuration's, unless the runtime says others. Keys are Envoy's (outlier_detection_impl.h). */
import type { OutlierModel } from "../../config/model.ts";
import { type RuntimeEntries, readNumber } from "../../runtime/runtime-entry.ts";

export type Numbers = {
  readonly [K in keyof OutlierModel as OutlierModel[K] extends number ? K : never]: number;
};

const KEYS: Readonly<Record<keyof Numbers, string>> = {
  consecutive5xx: "consecutive_5xx",
  consecutiveGatewayFailure: "consecutive_gateway_failure",
  consecutiveLocalOriginFailure: "consecutive_local_origin_failure",
  intervalMs: "interval_ms",
  baseEjectionMs: "base_ejection_time_ms",
  maxEjectionMs: "max_ejection_time_ms",
  maxEjectionJitterMs: "max_ejection_time_jitter_ms",
  maxEjectionPercent: "max_ejection_percent",
  enforcingConsecutive5xx: "enforcing_consecutive_5xx",
  enforcingConsecutiveGatewayFailure: "enforcing_consecutive_gateway_failure",
  enforcingConsecutiveLocalOriginFailure: "enforcing_consecutive_local_origin_failure",
  enforcingSuccessRate: "enforcing_success_rate",
  enforcingLocalOriginSuccessRate: "enforcing_local_origin_success_rate",
  enforcingFailurePercentage: "enforcing_failure_percentage",
  enforcingLocalOriginFailurePercentage: "enforcing_failure_percentage_local_origin",
  successRateMinimumHosts: "success_rate_minimum_hosts",
  successRateRequestVolume: "success_rate_request_volume",
  successRateStdevFactor: "success_rate_stdev_factor",
  failurePercentageThreshold: "failure_percentage_threshold",
  failurePercentageMinimumHosts: "failure_percentage_minimum_hosts",
  failurePercentageRequestVolume: "failure_percentage_request_volume",
};

/** A value of the runtime that is no count is passed over. */
export function outlierNumbers(model: OutlierModel, entries: RuntimeEntries): Numbers {
  const numbers: Record<string, number> = {};
  for (const [field, key] of Object.entries(KEYS) as [keyof Numbers, string][]) {
    const told = readNumber(entries, `outlier_detection.${key}`);
    numbers[field] = told !== undefined && told >= 0 ? Math.floor(told) : model[field];
  }
  return numbers as Numbers;
}
