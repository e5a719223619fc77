/** envoy.filters.http.grpc_web: lets browsers call gRPC services. */
import { defineHttpFilter } from "@sluice/sdk";
import { GRPC_WEB_MESSAGES, grpcWebConfig } from "./config.ts";
import { GrpcWebFilter, GrpcWebState } from "./filter.ts";

export const grpcWeb = defineHttpFilter({
  id: "envoy.filters.http.grpc_web",
  maturity: "stable",
  security: "untrusted-downstream-and-upstream",
  calls: true,
  messages: GRPC_WEB_MESSAGES,
  config: grpcWebConfig,
  newState: () => new GrpcWebState(),
  create: (_settings, context) => new GrpcWebFilter(context),
});
