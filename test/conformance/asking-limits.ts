// A rate limit service that has nothing against anybody, for filters that ask one.
import { SHOULD_RATE_LIMIT, writeAnswer } from "../support/rate-limit-service.ts";

export { SHOULD_RATE_LIMIT };
export const rateLimitService = {
  grpc_service: { envoy_grpc: { cluster_name: "limits" } },
  transport_api_version: "V3",
};
export const withinLimit = (): Uint8Array => writeAnswer({ overallCode: "OK" });
