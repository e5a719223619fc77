/** envoy.filters.http.grpc_stats: counts gRPC calls, their statuses and messages, by cluster and method. */
import { defineHttpFilter } from "@sluice/sdk";
import { GRPC_STATS_MESSAGES, grpcStatsConfig } from "./config.ts";
import { GrpcStatsFilter, GrpcStatsState } from "./filter.ts";

export const grpcStats = defineHttpFilter({
  id: "envoy.filters.http.grpc_stats",
  maturity: "stable",
  security: "untrusted-downstream-and-upstream",
  calls: true,
  messages: GRPC_STATS_MESSAGES,
  config: grpcStatsConfig,
  newState: () => new GrpcStatsState(),
  create: (settings, context) => new GrpcStatsFilter(settings, context),
});
