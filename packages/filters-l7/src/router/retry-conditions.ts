/** Which attempts are to be followed by another: Envoy's conditions (`retry_on`) on what came of one. Envoy: RetryStateImpl::wouldRetryFrom… */
import { RETRY_CONDITIONS, type ResetReason, type ResponseHeaders, type RetryCondition } from "@sluice/sdk";
import type { RetrySettings } from "./retry-settings.ts";

function bits(...conditions: readonly RetryCondition[]): number {
  let made = 0;
  for (const condition of conditions) made |= 1 << RETRY_CONDITIONS.indexOf(condition);
  return made;
}

const ALL_5XX = bits("5xx");
const GATEWAY = bits("gateway-error");
const CONNECT = bits("connect-failure");
const CONFLICT = bits("retriable-4xx");
const REFUSED = bits("refused-stream");
const STATUSES = bits("retriable-status-codes");
const HEADERS = bits("retriable-headers");
const RATE_LIMITED = bits("envoy-ratelimited");
/** Every reset is a 5xx for the client. */
const ANY_RESET = bits("5xx", "gateway-error", "reset");
const BEFORE_REQUEST = bits("reset-before-request");
/** By gRPC status. */
const GRPC: Readonly<Record<string, number>> = {
  1: bits("cancelled"),
  4: bits("deadline-exceeded"),
  8: bits("resource-exhausted"),
  13: bits("internal"),
  14: bits("unavailable"),
};
const ANY_GRPC = Object.values(GRPC).reduce((all, each) => all | each, 0);

/** Of an HTTP/2 server: RST_STREAM with REFUSED_STREAM, or GOAWAY with a smaller last stream (RFC 9113 sections 6.8, 8.7). */
const REFUSAL = "http2.remote_refuse";

/** `isDelivered`: whether anything of the request may have reached the upstream. */
export function retriesReset(on: number, reason: ResetReason, detail: string, isDelivered: boolean): boolean {
  // A limit that is reached is not tried again.
  if (reason === "overflow") return false;
  if ((on & BEFORE_REQUEST) !== 0 && !isDelivered) return true;
  if ((on & ANY_RESET) !== 0) return true;
  if ((on & REFUSED) !== 0 && detail === REFUSAL) return true;
  return (on & CONNECT) !== 0 && (reason === "connection_failure" || reason === "connection_timeout");
}

export function retriesResponse(settings: RetrySettings, headers: ResponseHeaders): boolean {
  const { on } = settings;
  if (on === 0) return false;
  // A proxy of ours behind this one has refused it for its rate.
  if (headers.has("x-envoy-ratelimited")) return (on & RATE_LIMITED) !== 0;
  const { status } = headers;
  if ((on & ALL_5XX) !== 0 && status >= 500 && status < 600) return true;
  if ((on & GATEWAY) !== 0 && status >= 502 && status <= 504) return true;
  if ((on & CONFLICT) !== 0 && status === 409) return true;
  if ((on & STATUSES) !== 0 && settings.statusCodes.includes(status)) return true;
  if ((on & HEADERS) !== 0 && settings.hasRetriableHeader(headers)) return true;
  if ((on & ANY_GRPC) === 0) return false;
  const grpc = headers.get("grpc-status");
  return grpc !== undefined && Object.hasOwn(GRPC, grpc) && (on & GRPC[grpc]!) !== 0;
}
