/** client_side_weighted_round_robin: weights from load reports that come with answers. Reports asked for besides (out of band) are refused. */
import type { ClientSideWeightedRoundRobin } from "../../envoy/generated/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin_pb.js";
import type { CompileContext } from "../context.ts";
import { milliseconds } from "../values.ts";
import { type PolicyModel, slowStartOf } from "./parts.ts";

/** Envoy has the same bound. */
const LEAST_UPDATE_MS = 100;

const METRIC =
  /^(?:application_utilization|cpu_utilization|mem_utilization|eps|rps_fractional|(?:named_metrics|utilization|request_cost)\..+)$/;

export function compileReportedWeights(context: CompileContext, message: ClientSideWeightedRoundRobin): PolicyModel {
  if (message.enableOobLoadReport === true)
    context.unsupported({ message, field: "enable_oob_load_report" }, "a report out of band", "reports with answers");
  else if (message.oobReportingPeriod !== undefined)
    context.warning(
      { message, field: "oob_reporting_period" },
      "ERR_CONFIG_CONFLICT",
      "without enable_oob_load_report this has no effect",
    );
  const metrics = message.metricNamesForComputingUtilization;
  const unknown = metrics.find((name) => !METRIC.test(name));
  if (unknown !== undefined)
    context.warning(
      { message, field: "metric_names_for_computing_utilization" },
      "ERR_CONFIG_CONFLICT",
      `no report has a metric "${unknown}"`,
      { expected: "cpu_utilization, mem_utilization, named_metrics.NAME, utilization.NAME or request_cost.NAME" },
    );
  const { blackoutPeriod, weightExpirationPeriod, weightUpdatePeriod } = message;
  return {
    policy: {
      kind: "client_side_weighted_round_robin",
      blackoutMs: milliseconds(context, message, "blackout_period", blackoutPeriod, 10_000),
      expirationMs: milliseconds(context, message, "weight_expiration_period", weightExpirationPeriod, 180_000),
      updateMs: Math.max(
        LEAST_UPDATE_MS,
        milliseconds(context, message, "weight_update_period", weightUpdatePeriod, 1000),
      ),
      errorPenalty: message.errorUtilizationPenalty ?? 1,
      metrics,
      slowStart: slowStartOf(context, message.slowStartConfig),
    },
    locality: undefined,
  };
}
