/** Configuration of adaptive_concurrency: envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency. */
import { parsedBy } from "@sluice/sdk";
import { type FeatureFlagSettings, parseFeatureFlag } from "../shared/feature-flag.ts";
import { parseErrorStatus } from "../shared/http-status.ts";
import { parsePercent } from "../shared/runtime-number.ts";
import { Section } from "../shared/section.ts";

export interface GradientSettings {
  /** 0 to 100. */
  readonly percentile: number;
  readonly maxLimit: number;
  /** 0: `minConcurrency`. */
  readonly minLimit: number;
  readonly updateIntervalMs: number;
  /** Between measurements of the least time; 0: there are none. */
  readonly minRttIntervalMs: number;
  /** In place of measurements; 0: none. */
  readonly fixedMinRttMs: number;
  /** Requests that a measurement takes. */
  readonly requestCount: number;
  /** Percent of the interval. */
  readonly jitterPercent: number;
  /** While it is measured. */
  readonly minConcurrency: number;
  /** Percent of the least time. */
  readonly bufferPercent: number;
}

export interface AdaptiveConcurrencySettings {
  readonly enabled: FeatureFlagSettings;
  readonly status: number;
  readonly gradient: GradientSettings;
}

const PACKAGE = "envoy.extensions.filters.http.adaptive_concurrency.v3";
const FIELDS = ["gradient_controller_config", "enabled", "concurrency_limit_exceeded_status"];
const GRADIENT = ["sample_aggregate_percentile", "concurrency_limit_params", "min_rtt_calc_params"];
const LIMIT = ["max_concurrency_limit", "concurrency_update_interval", "min_concurrency_limit"];
const MIN_RTT = ["interval", "fixed_value", "request_count", "jitter", "min_concurrency", "buffer"];

export const ADAPTIVE_CONCURRENCY_MESSAGES = {
  [`${PACKAGE}.AdaptiveConcurrency`]: FIELDS,
  [`${PACKAGE}.GradientControllerConfig`]: GRADIENT,
  [`${PACKAGE}.GradientControllerConfig.ConcurrencyLimitCalculationParams`]: LIMIT,
  [`${PACKAGE}.GradientControllerConfig.MinimumRTTCalculationParams`]: MIN_RTT,
  "envoy.config.core.v3.RuntimeFeatureFlag": ["default_value", "runtime_key"],
  "envoy.type.v3.HttpStatus": ["code"],
  "envoy.type.v3.Percent": ["value"],
};

export const adaptiveConcurrencyConfig = parsedBy((value): AdaptiveConcurrencySettings => {
  const section = new Section(value, FIELDS);
  return {
    enabled: parseFeatureFlag(section, "enabled"),
    status: parseErrorStatus(section, "concurrency_limit_exceeded_status", 503),
    gradient: parseGradient(required(section, "gradient_controller_config", GRADIENT)),
  };
});

function required(owner: Section, key: string, fields: readonly string[]): Section {
  const section = owner.section(key, fields);
  if (section === null) throw owner.wrong(key, "expected a mapping: it is required");
  return section;
}

function parseGradient(section: Section): GradientSettings {
  const limit = required(section, "concurrency_limit_params", LIMIT);
  const updateIntervalMs = limit.durationMs("concurrency_update_interval");
  if (updateIntervalMs <= 0) throw limit.wrong("concurrency_update_interval", "expected a duration of more than 0s");
  const minRtt = required(section, "min_rtt_calc_params", MIN_RTT);
  const { intervalMs, fixedMs } = parseSource(minRtt);
  return {
    percentile: parsePercent(section, "sample_aggregate_percentile", 50),
    maxLimit: limit.integer("max_concurrency_limit", 1000, 1),
    minLimit: limit.has("min_concurrency_limit") ? limit.integer("min_concurrency_limit", 0, 1) : 0,
    updateIntervalMs,
    minRttIntervalMs: intervalMs,
    fixedMinRttMs: fixedMs,
    requestCount: minRtt.integer("request_count", 50, 1),
    jitterPercent: parsePercent(minRtt, "jitter", 15),
    minConcurrency: minRtt.integer("min_concurrency", 3, 1),
    bufferPercent: parsePercent(minRtt, "buffer", 25),
  };
}

/** The least time is measured now and then, or known. */
function parseSource(minRtt: Section): { readonly intervalMs: number; readonly fixedMs: number } {
  const intervalMs = minRtt.durationMs("interval");
  const fixedMs = minRtt.durationMs("fixed_value");
  if (fixedMs === 0) throw minRtt.wrong("fixed_value", "expected a duration of more than 0s");
  if (intervalMs !== -1 && intervalMs < 1) throw minRtt.wrong("interval", "expected at least 0.001s");
  if (intervalMs === -1 && fixedMs === -1) throw minRtt.wrong("interval", "expected interval or fixed_value");
  if (intervalMs !== -1 && fixedMs !== -1) throw minRtt.wrong("fixed_value", "interval and fixed_value are both set");
  return { intervalMs: Math.max(0, intervalMs), fixedMs: Math.max(0, fixedMs) };
}
