/** When a host is asked next. Envoy: HealthCheckerImplBase::interval. */
import type { Random } from "@sluice/sdk";
import type { HealthCheckModel } from "../../config/model.ts";
import { type RuntimeEntries, readNumber } from "../../runtime/runtime-entry.ts";

export interface IntervalQuestion {
  readonly isHealthy: boolean;
  /** Its state changes if it goes on like that, and has not yet: thresholds. */
  readonly isPending: boolean;
  /** Whether the cluster has ever had a connection. */
  readonly hasTraffic: boolean;
}

/** Milliseconds, at least 1. */
export function checkInterval(
  model: HealthCheckModel,
  question: IntervalQuestion,
  random: Random,
  runtime: RuntimeEntries,
): number {
  return withJitter(baseOf(model, question), model, random, runtime);
}

function baseOf(model: HealthCheckModel, { isHealthy, isPending, hasTraffic }: IntervalQuestion): number {
  if (!hasTraffic) return isHealthy && !isPending ? model.noTrafficHealthyIntervalMs : model.noTrafficIntervalMs;
  if (isHealthy) return isPending ? model.healthyEdgeIntervalMs : model.intervalMs;
  return isPending ? model.unhealthyEdgeIntervalMs : model.unhealthyIntervalMs;
}

function withJitter(baseMs: number, model: HealthCheckModel, random: Random, runtime: RuntimeEntries): number {
  const { intervalJitterMs, intervalJitterPercent } = model;
  const share = Math.floor((intervalJitterPercent * baseMs) / 100);
  let ms = baseMs;
  if (share > 0) ms += random.below(share);
  if (intervalJitterMs > 0) ms += random.below(intervalJitterMs);
  const most = readNumber(runtime, "health_check.max_interval") ?? Infinity;
  const least = readNumber(runtime, "health_check.min_interval") ?? 1;
  return Math.max(Math.min(ms, most), least, 1);
}
