/** envoy.filters.http.decompressor: decompresses requests and responses of gzip, brotli or zstd, and refuses bombs. */
import { defineHttpFilter } from "@sluice/sdk";
import { DECOMPRESSOR_MESSAGES, decompressorConfig } from "./config.ts";
import { DecompressorFilter, DecompressorState } from "./filter.ts";

export const decompressor = defineHttpFilter({
  id: "envoy.filters.http.decompressor",
  maturity: "beta",
  security: "untrusted-downstream-and-upstream",
  messages: DECOMPRESSOR_MESSAGES,
  config: decompressorConfig,
  newState: () => new DecompressorState(),
  create: (settings, context) => new DecompressorFilter(settings, context),
});
