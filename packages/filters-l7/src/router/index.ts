/** envoy.filters.http.router: ends the chain; takes the route's action: forward, redirect, or answer. */
import { defineTerminalHttpFilter } from "@sluice/sdk";
import { ROUTER_MESSAGES, routerConfig } from "./config.ts";
import { createRouter } from "./filter.ts";
import { RouterStream } from "./router-stream.ts";

export const router = defineTerminalHttpFilter({
  id: "envoy.filters.http.router",
  maturity: "stable",
  security: "untrusted-downstream-and-upstream",
  calls: true,
  messages: ROUTER_MESSAGES,
  config: routerConfig,
  newState: () => new RouterStream(),
  create: createRouter,
});
