/** The built-in L7 filters: data, without side effect. The composition root hands them to the registry. */
import { buffer } from "./buffer/index.ts";
import { compressor } from "./compressor/index.ts";
import { decompressor } from "./decompressor/index.ts";
import { fault } from "./fault/index.ts";
import { grpcHttp1Bridge } from "./grpc-http1-bridge/index.ts";
import { grpcStats } from "./grpc-stats/index.ts";
import { grpcWeb } from "./grpc-web/index.ts";
import { headerMutation } from "./header-mutation/index.ts";
import { headerToMetadata } from "./header-to-metadata/index.ts";
import { localRateLimit } from "./local-ratelimit/index.ts";
import { router } from "./router/index.ts";
import { setFilterState } from "./set-filter-state/index.ts";
import { setMetadata } from "./set-metadata/index.ts";

export const filters = [
  router,
  headerMutation,
  localRateLimit,
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
];
export {
  buffer,
  headerMutation,
  localRateLimit,
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
};
