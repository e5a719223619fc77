/** Limits of a cluster: CircuitBreakers. Also what hosts are labelled with, since retries look at it. */
import type { CircuitBreakers_Thresholds } from "../envoy/generated/envoy/config/cluster/v3/circuit_breaker_pb.js";
import type { Cluster } from "../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { Metadata } from "../envoy/generated/envoy/config/core/v3/base_pb.js";
import type { ClusterModel, HostMetadataModel } from "../model.ts";
import { DEFAULT_THRESHOLDS, type ThresholdsModel } from "../retry-model.ts";
import type { CompileContext } from "./context.ts";

const BUDGET_PERCENT = 20;
const BUDGET_FLOOR = 3;

export function compileCircuitBreakers(
  context: CompileContext,
  cluster: Cluster,
): Pick<ClusterModel, "circuitBreakers"> {
  const { circuitBreakers: breakers } = cluster;
  if (breakers === undefined) return {};
  // Envoy: the first of a priority counts.
  const of = (priority: number): ThresholdsModel => {
    const thresholds = breakers.thresholds.find((each) => each.priority === priority);
    return thresholds === undefined ? DEFAULT_THRESHOLDS : compileThresholds(thresholds);
  };
  let maxConnectionsPerHost = 0;
  for (const thresholds of breakers.perHostThresholds) {
    refuseOthers(context, thresholds);
    if (thresholds.priority === 0) maxConnectionsPerHost ||= thresholds.maxConnections ?? 0;
    else
      context.unsupported(
        { message: thresholds, field: "priority" },
        "a limit per host of the priority HIGH",
        "DEFAULT",
      );
    if (thresholds.maxConnections === 0)
      context.unsupported({ message: thresholds, field: "max_connections" }, "a host without connections", "1 or more");
  }
  return { circuitBreakers: { default: of(0), high: of(1), maxConnectionsPerHost } };
}

function compileThresholds(thresholds: CircuitBreakers_Thresholds): ThresholdsModel {
  const { retryBudget: budget } = thresholds;
  return {
    maxConnections: thresholds.maxConnections ?? DEFAULT_THRESHOLDS.maxConnections,
    maxPendingRequests: thresholds.maxPendingRequests ?? DEFAULT_THRESHOLDS.maxPendingRequests,
    maxRequests: thresholds.maxRequests ?? DEFAULT_THRESHOLDS.maxRequests,
    maxRetries: thresholds.maxRetries ?? DEFAULT_THRESHOLDS.maxRetries,
    maxConnectionPools: thresholds.maxConnectionPools ?? DEFAULT_THRESHOLDS.maxConnectionPools,
    retryBudget:
      budget === undefined
        ? null
        : {
            percent: budget.budgetPercent?.value ?? BUDGET_PERCENT,
            minConcurrency: budget.minRetryConcurrency ?? BUDGET_FLOOR,
          },
    tracksRemaining: thresholds.trackRemaining,
  };
}

/** Envoy refuses them too. */
function refuseOthers(context: CompileContext, thresholds: CircuitBreakers_Thresholds): void {
  const others = [
    ["max_pending_requests", thresholds.maxPendingRequests],
    ["max_requests", thresholds.maxRequests],
    ["max_retries", thresholds.maxRetries],
    ["max_connection_pools", thresholds.maxConnectionPools],
    ["retry_budget", thresholds.retryBudget],
  ] as const;
  for (const [field, value] of others)
    if (value !== undefined)
      context.error({ message: thresholds, field }, "ERR_CONFIG_CONFLICT", `${field} is no limit of single hosts`, {
        expected: "max_connections alone",
      });
}

/** What retries (and balancers) may judge hosts by. */
export function hostMetadata(metadata: Metadata | undefined): { readonly metadata?: HostMetadataModel } {
  const namespaces = metadata?.filterMetadata ?? {};
  return Object.keys(namespaces).length === 0 ? {} : { metadata: namespaces as HostMetadataModel };
}
