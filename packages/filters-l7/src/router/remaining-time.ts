/** Hot path for routes with retries. What an upstream is told of the time that is left for its attempt. Envoy: FilterUtility::setTimeoutHeaders. */
import type { ForwardRoute, RequestHeaders } from "@sluice/sdk";
import type { RouterSettings } from "./config.ts";
import { grpcDeadline, isGrpcRequest, setGrpcDeadline } from "./grpc-timeout.ts";

const EXPECTED = "x-envoy-expected-rq-timeout-ms";

/** `timeoutMs`: for all attempts; `perTryMs`: for this one. Both 0: none. `elapsedMs`: of that time. */
export function remind(
  headers: RequestHeaders,
  route: ForwardRoute,
  settings: RouterSettings,
  timeoutMs: number,
  perTryMs: number,
  elapsedMs: number,
): void {
  const isGrpc = isGrpcRequest(headers);
  // What the client gave, or the route made of it, is for all attempts together.
  if (elapsedMs > 0 && isGrpc) {
    const deadlineMs = grpcDeadline(headers);
    if (deadlineMs > 0) setGrpcDeadline(headers, Math.max(1, deadlineMs - Math.floor(elapsedMs)));
  }
  let leftMs = perTryMs === 0 ? timeoutMs : perTryMs;
  if (leftMs === 0 || (perTryMs === 0 && elapsedMs === 0)) return;
  // 0 would be no limit.
  if (timeoutMs !== 0) leftMs = Math.min(leftMs, Math.max(1, Math.floor(timeoutMs - elapsedMs)));
  if (!settings.suppressEnvoyHeaders) headers.set(EXPECTED, String(leftMs));
  if (isGrpc && route.grpcTimeout !== null) setGrpcDeadline(headers, leftMs);
}
