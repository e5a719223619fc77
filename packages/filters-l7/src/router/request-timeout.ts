/** Hot path. The route's time-outs as request headers change them: `x-envoy-upstream-rq-timeout-ms` and its kin, which external clients cannot set at an edge. */
import type { ForwardRoute, RequestHeaders } from "@sluice/sdk";
import type { RouterSettings } from "./config.ts";
import { boundedTimeout, isGrpcRequest, setGrpcDeadline } from "./grpc-timeout.ts";

const ASKED = "x-envoy-upstream-rq-timeout-ms";
const EXPECTED = "x-envoy-expected-rq-timeout-ms";
const ALTERNATIVE = "x-envoy-upstream-rq-timeout-alt-response";
const DURATION = "x-envoy-upstream-stream-duration-ms";

/** Takes the header that asks for another time-out out of the request, and tells the upstream how long it is waited for. Milliseconds; 0: none. */
export function requestTimeout(
  headers: RequestHeaders,
  route: ForwardRoute,
  mayAsk: boolean,
  settings: RouterSettings,
): number {
  const bound = route.grpcTimeout !== null && isGrpcRequest(headers) ? route.grpcTimeout : null;
  const ofRoute = bound === null ? route.timeoutMs : boundedTimeout(headers, bound);
  const expected = mayAsk && settings.respectExpectedTimeout ? headers.get(EXPECTED) : undefined;
  let timeoutMs = ofRoute;
  if (expected !== undefined) timeoutMs = parse(expected, ofRoute);
  else if (mayAsk) timeoutMs = askedTimeout(headers, ofRoute);
  if (timeoutMs === 0) return 0;
  if (bound !== null) setGrpcDeadline(headers, timeoutMs);
  if (expected === undefined && !settings.suppressEnvoyHeaders) headers.set(EXPECTED, String(timeoutMs));
  return timeoutMs;
}

function askedTimeout(headers: RequestHeaders, otherwise: number): number {
  const asked = headers.get(ASKED);
  if (asked === undefined) return otherwise;
  headers.delete(ASKED);
  return parse(asked, otherwise);
}

function parse(text: string, otherwise: number): number {
  return /^[0-9]{1,9}$/.test(text) ? Number(text) : otherwise;
}

/** How long the stream to the upstream may last, as the request asks; 0: it does not. */
export function askedDuration(headers: RequestHeaders): number {
  const asked = headers.get(DURATION);
  if (asked === undefined) return 0;
  headers.delete(DURATION);
  return parse(asked, 0);
}

/** Whether the client wants 204 instead of 504 when the time is up. */
export function takesAlternative(headers: RequestHeaders): boolean {
  return headers.delete(ALTERNATIVE);
}
