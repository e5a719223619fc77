/** envoy.filters.http.buffer: passes requests on when they are whole. */
import { defineHttpFilter } from "@sluice/sdk";
import { BUFFER_MESSAGES, bufferConfig, bufferRouteConfig } from "./config.ts";
import { BufferFilter, BufferState } from "./filter.ts";

export const buffer = defineHttpFilter({
  id: "envoy.filters.http.buffer",
  maturity: "stable",
  security: "untrusted-downstream-and-upstream",
  messages: BUFFER_MESSAGES,
  routeMessage: "envoy.extensions.filters.http.buffer.v3.BufferPerRoute",
  config: bufferConfig,
  routeConfig: bufferRouteConfig,
  newState: () => new BufferState(),
  create: (settings) => new BufferFilter(settings),
});
