/** Time-outs of a route, with what they make of gRPC deadlines. */
import type { RouteAction } from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { ForwardActionModel, GrpcTimeoutModel } from "../../model.ts";
import type { CompileContext } from "../context.ts";
import { milliseconds } from "../values.ts";

type TimeoutsModel = Pick<
  ForwardActionModel,
  "timeoutMs" | "idleTimeoutMs" | "maxStreamDurationMs" | "grpcTimeout" | "grpcTimeoutHeader"
>;

export function compileTimeouts(context: CompileContext, action: RouteAction): TimeoutsModel {
  const duration = action.maxStreamDuration;
  // Envoy: whoever limits the stream has no time-out by default.
  const timeoutMs = milliseconds(context, action, "timeout", action.timeout, duration === undefined ? 15_000 : 0);
  return {
    timeoutMs,
    idleTimeoutMs: milliseconds(context, action, "idle_timeout", action.idleTimeout, -1),
    maxStreamDurationMs:
      duration === undefined
        ? -1
        : milliseconds(context, duration, "max_stream_duration", duration.maxStreamDuration, -1),
    grpcTimeout: grpcTimeout(context, action),
    grpcTimeoutHeader:
      duration?.grpcTimeoutHeaderMax === undefined
        ? null
        : {
            maxMs: milliseconds(context, duration, "grpc_timeout_header_max", duration.grpcTimeoutHeaderMax, 0),
            offsetMs: milliseconds(
              context,
              duration,
              "grpc_timeout_header_offset",
              duration.grpcTimeoutHeaderOffset,
              0,
            ),
          },
  };
}

/** Deprecated; Envoy passes it over beside max_stream_duration. */
function grpcTimeout(context: CompileContext, action: RouteAction): GrpcTimeoutModel | null {
  const { maxGrpcTimeout, grpcTimeoutOffset, maxStreamDuration } = action;
  if (maxGrpcTimeout === undefined) return null;
  if (maxStreamDuration !== undefined) {
    context.warning(
      { message: action, field: "max_grpc_timeout" },
      "ERR_CONFIG_CONFLICT",
      "max_grpc_timeout has no effect beside max_stream_duration",
      { expected: "grpc_timeout_header_max in max_stream_duration" },
    );
    return null;
  }
  return {
    maxMs: milliseconds(context, action, "max_grpc_timeout", maxGrpcTimeout, 0),
    offsetMs: milliseconds(context, action, "grpc_timeout_offset", grpcTimeoutOffset, 0),
  };
}
