/** envoy.filters.network.direct_response: ends a chain; sends fixed bytes and closes. */
import { defineNetworkFilter } from "@sluice/sdk";
import { DIRECT_RESPONSE_MESSAGES, directResponseConfig } from "./config.ts";
import { createDirectResponse } from "./filter.ts";

export const directResponse = defineNetworkFilter({
  id: "envoy.filters.network.direct_response",
  maturity: "stable",
  security: "unknown",
  messages: DIRECT_RESPONSE_MESSAGES,
  config: directResponseConfig,
  terminal: true,
  create: createDirectResponse,
});
