/** Hot path. The deadlines of gRPC clients (`grpc-timeout`, gRPC over HTTP/2) as routes bound them, in Envoy's two ways. */
import { type ForwardRoute, type GrpcTimeout, type RequestHeaders, isGrpcType } from "@sluice/sdk";

const HEADER = "grpc-timeout";
const UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds, rounded up; -1 where there is none, or what stands there is none. */
export function grpcDeadline(headers: RequestHeaders): number {
  const text = headers.get(HEADER);
  if (text === undefined || !/^[0-9]{1,8}[HMSmun]$/.test(text)) return -1;
  return Math.ceil(Number(text.slice(0, -1)) * UNITS[text.at(-1)!]!);
}

/** In the smallest unit that takes it: at most eight digits. */
export function setGrpcDeadline(headers: RequestHeaders, ms: number): void {
  for (const [unit, size] of SIZES) {
    const value = Math.ceil(ms / size);
    if (value > 99_999_999) continue;
    headers.set(HEADER, `${value}${unit}`);
    return;
  }
}

const SIZES = [
  ["m", 1],
  ["S", 1000],
  ["M", 60_000],
  ["H", 3_600_000],
] as const;

export function isGrpcRequest(headers: RequestHeaders): boolean {
  return isGrpcType(headers.get("content-type"));
}

/** The time-out of a gRPC request where the route has max_grpc_timeout: the client's, less the offset, at most that. 0: none. */
export function boundedTimeout(headers: RequestHeaders, { maxMs, offsetMs }: GrpcTimeout): number {
  const deadline = grpcDeadline(headers);
  let ms = Math.max(0, deadline);
  if (offsetMs < ms) ms -= offsetMs;
  return maxMs !== 0 && (ms === 0 || ms > maxMs) ? maxMs : ms;
}

/** The greatest duration of the stream, and where it bounds a gRPC request, its deadline. -1: the route says nothing; 0: none. */
export function streamDuration(headers: RequestHeaders, route: ForwardRoute): number {
  const bound = route.grpcTimeoutHeader;
  const deadline = bound === null ? -1 : grpcDeadline(headers);
  if (bound === null || deadline < 0) {
    const { maxStreamDurationMs } = route;
    if (maxStreamDurationMs > 0 && isGrpcRequest(headers)) setGrpcDeadline(headers, maxStreamDurationMs);
    return maxStreamDurationMs;
  }
  let ms = bound.maxMs !== 0 && deadline > bound.maxMs ? bound.maxMs : deadline;
  ms = bound.offsetMs < ms ? ms - bound.offsetMs : bound.offsetMs === 0 ? ms : 0;
  if (isGrpcRequest(headers)) setGrpcDeadline(headers, ms);
  // What is over at once is over as soon as anything can be: 0 would be no limit.
  return Math.max(1, ms);
}
