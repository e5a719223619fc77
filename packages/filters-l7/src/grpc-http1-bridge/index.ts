/** envoy.filters.http.grpc_http1_bridge: lets HTTP/1 clients, and clients that send bare protobuf, make unary gRPC calls. */
import { defineHttpFilter } from "@sluice/sdk";
import { GRPC_HTTP1_BRIDGE_MESSAGES, grpcHttp1BridgeConfig } from "./config.ts";
import { GrpcHttp1BridgeFilter, GrpcHttp1BridgeState } from "./filter.ts";

export const grpcHttp1Bridge = defineHttpFilter({
  id: "envoy.filters.http.grpc_http1_bridge",
  maturity: "stable",
  security: "untrusted-downstream-and-upstream",
  messages: GRPC_HTTP1_BRIDGE_MESSAGES,
  config: grpcHttp1BridgeConfig,
  newState: () => new GrpcHttp1BridgeState(),
  create: (settings) => new GrpcHttp1BridgeFilter(settings),
});
