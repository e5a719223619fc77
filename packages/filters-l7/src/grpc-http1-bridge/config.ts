/** Configuration of grpc_http1_bridge: envoy.extensions.filters.http.grpc_http1_bridge.v3.Config. */
import { parsedBy } from "@sluice/sdk";
import { Section } from "../shared/section.ts";

export interface GrpcHttp1BridgeSettings {
  /** Whether `application/x-protobuf` requests become gRPC calls. */
  readonly upgradesProtobuf: boolean;
  /** Whether the query is cut off the path. */
  readonly ignoresQuery: boolean;
}

const FIELDS = ["upgrade_protobuf_to_grpc", "ignore_query_parameters"];

export const GRPC_HTTP1_BRIDGE_MESSAGES = { "envoy.extensions.filters.http.grpc_http1_bridge.v3.Config": FIELDS };

export const grpcHttp1BridgeConfig = parsedBy((value): GrpcHttp1BridgeSettings => {
  const section = new Section(value ?? {}, FIELDS);
  return {
    upgradesProtobuf: section.boolean("upgrade_protobuf_to_grpc", false),
    ignoresQuery: section.boolean("ignore_query_parameters", false),
  };
});
