/** envoy.filters.http.compressor: compresses responses, and requests, with gzip, brotli or zstd. */
import { defineHttpFilter } from "@sluice/sdk";
import { COMPRESSOR_MESSAGES, COMPRESSOR_ROUTE_MESSAGE, compressorConfig, compressorRouteConfig } from "./config.ts";
import { CompressorFilter, CompressorState } from "./filter.ts";

export const compressor = defineHttpFilter({
  id: "envoy.filters.http.compressor",
  maturity: "beta",
  security: "untrusted-downstream-and-upstream",
  messages: COMPRESSOR_MESSAGES,
  routeMessage: COMPRESSOR_ROUTE_MESSAGE,
  config: compressorConfig,
  routeConfig: compressorRouteConfig,
  newState: () => new CompressorState(),
  create: (settings, context) => new CompressorFilter(settings, context),
});
