/** The built-in L7 filters: data, without side effect. The composition root hands them to the registry. */
import { adaptiveConcurrency } from "./adaptive-concurrency/index.ts";
import { admissionControl } from "./admission-control/index.ts";
import { bandwidthLimit } from "./bandwidth-limit/index.ts";
import { buffer } from "./buffer/index.ts";
import { compressor } from "./compressor/index.ts";
import { decompressor } from "./decompressor/index.ts";
import { fallback } from "./fallback/index.ts";
import { fault } from "./fault/index.ts";
import { dynamicForwardProxy } from "./dynamic-forward-proxy/index.ts";
import { grpcHttp1Bridge } from "./grpc-http1-bridge/index.ts";
import { grpcStats } from "./grpc-stats/index.ts";
import { grpcWeb } from "./grpc-web/index.ts";
import { headerMutation } from "./header-mutation/index.ts";
import { headerToMetadata } from "./header-to-metadata/index.ts";
import { localRateLimit } from "./local-ratelimit/index.ts";
import { redisRateLimit } from "./redis-ratelimit/index.ts";
import { networkRateLimit, rateLimit } from "./ratelimit/index.ts";
import { router } from "./router/index.ts";
import { setFilterState } from "./set-filter-state/index.ts";
import { setMetadata } from "./set-metadata/index.ts";
import { statefulSession } from "./stateful-session/index.ts";

export const filters = [
  router,
  headerMutation,
  localRateLimit,
  rateLimit,
  networkRateLimit,
  buffer,
  grpcStats,
  grpcWeb,
  grpcHttp1Bridge,
  compressor,
  decompressor,
  setMetadata,
  setFilterState,
  headerToMetadata,
  fault,
  admissionControl,
  adaptiveConcurrency,
  bandwidthLimit,
  redisRateLimit,
  statefulSession,
  fallback,
  dynamicForwardProxy,
];
export {
  buffer,
  headerMutation,
  localRateLimit,
  rateLimit,
  networkRateLimit,
  router,
  grpcStats,
  grpcWeb,
  grpcHttp1Bridge,
  compressor,
  decompressor,
  setMetadata,
  setFilterState,
  headerToMetadata,
  fault,
  admissionControl,
  adaptiveConcurrency,
  bandwidthLimit,
  redisRateLimit,
  statefulSession,
  fallback,
  dynamicForwardProxy,
};
