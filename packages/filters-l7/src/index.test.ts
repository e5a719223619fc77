import { expect, test } from "vitest";
import * as exported from "./index.ts";

test("the package exports every filter by name, and all of them together", () => {
  const { filters, ...named } = exported;
  expect(new Set<unknown>(filters)).toEqual(new Set<unknown>(Object.values(named)));
  expect(filters.map(({ id }) => id).sort()).toEqual([
    "envoy.filters.http.adaptive_concurrency",
    "envoy.filters.http.admission_control",
    "envoy.filters.http.bandwidth_limit",
    "envoy.filters.http.buffer",
    "envoy.filters.http.compressor",
    "envoy.filters.http.decompressor",
    "envoy.filters.http.dynamic_forward_proxy",
    "envoy.filters.http.fault",
    "envoy.filters.http.grpc_http1_bridge",
    "envoy.filters.http.grpc_stats",
    "envoy.filters.http.grpc_web",
    "envoy.filters.http.header_mutation",
    "envoy.filters.http.header_to_metadata",
    "envoy.filters.http.local_ratelimit",
    "envoy.filters.http.ratelimit",
    "envoy.filters.http.router",
    "envoy.filters.http.set_filter_state",
    "envoy.filters.http.set_metadata",
    "envoy.filters.http.stateful_session",
    "envoy.filters.network.ratelimit",
    "sluice.filters.http.fallback",
    "sluice.filters.http.redis_ratelimit",
  ]);
});
