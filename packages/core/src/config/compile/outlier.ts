/** Outlier detection of a cluster, with Envoy's defaults; probation, which Envoy has no field for, stands in the cluster's metadata. */
import type { Cluster } from "../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { OutlierDetection } from "../envoy/generated/envoy/config/cluster/v3/outlier_detection_pb.js";
import { didYouMean } from "../did-you-mean.ts";
import type { Json, OutlierModel } from "../model.ts";
import { OUTLIER_DEFAULTS } from "../outlier-defaults.ts";
import type { JsonObject } from "../source/source.ts";
import type { CompileContext } from "./context.ts";
import { milliseconds } from "./values.ts";

/** Key of `metadata.filter_metadata`: `{ probation: true }`. */
export const outlierMetadata = "sluice.outlier_detection";

export function compileOutlier(context: CompileContext, cluster: Cluster): OutlierModel | null {
  const options = compileOptions(context, cluster);
  const message = cluster.outlierDetection;
  if (message === undefined) return null;
  const model = { ...compileNumbers(context, message), probation: options, eventLog: context.outlierEventLog };
  const made: OutlierModel = { ...model, place: context.place({ message }) };
  warnOfNobody(context, cluster, message, made);
  return made;
}

function compileNumbers(
  context: CompileContext,
  message: OutlierDetection,
): Omit<OutlierModel, "place" | "probation" | "eventLog"> {
  const defaults = OUTLIER_DEFAULTS;
  const ms = (field: string, value: OutlierDetection["interval"], otherwise: number): number =>
    milliseconds(context, message, field, value, otherwise);
  const baseEjectionMs = ms("base_ejection_time", message.baseEjectionTime, defaults.baseEjectionMs);
  return {
    consecutive5xx: message.consecutive5xx ?? defaults.consecutive5xx,
    consecutiveGatewayFailure: message.consecutiveGatewayFailure ?? defaults.consecutiveGatewayFailure,
    consecutiveLocalOriginFailure: message.consecutiveLocalOriginFailure ?? defaults.consecutiveLocalOriginFailure,
    intervalMs: ms("interval", message.interval, defaults.intervalMs),
    baseEjectionMs,
    // Envoy: the longer of both where none is told.
    maxEjectionMs: ms("max_ejection_time", message.maxEjectionTime, Math.max(baseEjectionMs, defaults.maxEjectionMs)),
    maxEjectionJitterMs: ms("max_ejection_time_jitter", message.maxEjectionTimeJitter, defaults.maxEjectionJitterMs),
    maxEjectionPercent: message.maxEjectionPercent ?? defaults.maxEjectionPercent,
    enforcingConsecutive5xx: message.enforcingConsecutive5xx ?? defaults.enforcingConsecutive5xx,
    enforcingConsecutiveGatewayFailure:
      message.enforcingConsecutiveGatewayFailure ?? defaults.enforcingConsecutiveGatewayFailure,
    enforcingConsecutiveLocalOriginFailure:
      message.enforcingConsecutiveLocalOriginFailure ?? defaults.enforcingConsecutiveLocalOriginFailure,
    enforcingSuccessRate: message.enforcingSuccessRate ?? defaults.enforcingSuccessRate,
    enforcingLocalOriginSuccessRate:
      message.enforcingLocalOriginSuccessRate ?? defaults.enforcingLocalOriginSuccessRate,
    enforcingFailurePercentage: message.enforcingFailurePercentage ?? defaults.enforcingFailurePercentage,
    enforcingLocalOriginFailurePercentage:
      message.enforcingFailurePercentageLocalOrigin ?? defaults.enforcingLocalOriginFailurePercentage,
    successRateMinimumHosts: message.successRateMinimumHosts ?? defaults.successRateMinimumHosts,
    successRateRequestVolume: message.successRateRequestVolume ?? defaults.successRateRequestVolume,
    successRateStdevFactor: message.successRateStdevFactor ?? defaults.successRateStdevFactor,
    failurePercentageThreshold: message.failurePercentageThreshold ?? defaults.failurePercentageThreshold,
    failurePercentageMinimumHosts: message.failurePercentageMinimumHosts ?? defaults.failurePercentageMinimumHosts,
    failurePercentageRequestVolume: message.failurePercentageRequestVolume ?? defaults.failurePercentageRequestVolume,
    splitsLocalOrigin: message.splitExternalLocalOriginErrors,
    alwaysEjectsOne: message.alwaysEjectOneHost ?? defaults.alwaysEjectsOne,
    checkUnejects: message.successfulActiveHealthCheckUnejectHost ?? defaults.checkUnejects,
  };
}

/** Whether hosts come back by probation. */
function compileOptions(context: CompileContext, cluster: Cluster): boolean {
  const { metadata } = cluster;
  const options = metadata?.filterMetadata[outlierMetadata] as JsonObject | undefined;
  if (metadata === undefined || options === undefined) return false;
  const tell = (key: string | undefined, message: string, expected?: string, suggestion?: string): void =>
    context.errorAt(
      metadata,
      ["filter_metadata", outlierMetadata, ...(key === undefined ? [] : [key])],
      "ERR_CONFIG_TYPE",
      message,
      { expected, suggestion },
    );
  if (cluster.outlierDetection === undefined)
    tell(undefined, "the cluster has no outlier detection", "outlier_detection beside it");
  for (const [key, value] of Object.entries(options) as [string, Json][]) {
    if (key !== "probation") tell(key, `unknown field "${key}"`, undefined, didYouMean(key, ["probation"]));
    else if (typeof value !== "boolean") tell(key, `found ${JSON.stringify(value)}`, "true or false");
  }
  return options["probation"] === true;
}

/** The limit of Envoy's default, 10 %, lets nobody of fewer than ten hosts go, which few expect. */
function warnOfNobody(
  context: CompileContext,
  cluster: Cluster,
  message: OutlierDetection,
  { maxEjectionPercent, alwaysEjectsOne }: OutlierModel,
): void {
  const isListed = cluster.clusterDiscoveryType.case !== "type" || cluster.clusterDiscoveryType.value === 0;
  const hosts = (cluster.loadAssignment?.endpoints ?? []).reduce((sum, each) => sum + each.lbEndpoints.length, 0);
  if (!isListed || hosts === 0 || alwaysEjectsOne || 100 / hosts <= maxEjectionPercent) return;
  context.warning(
    { message, field: message.maxEjectionPercent === undefined ? undefined : "max_ejection_percent" },
    "ERR_CONFIG_CONFLICT",
    `at most ${maxEjectionPercent} % of ${hosts} hosts is none: nobody is ever ejected`,
    { expected: `max_ejection_percent of ${Math.ceil(100 / hosts)} or more, or always_eject_one_host` },
  );
}
