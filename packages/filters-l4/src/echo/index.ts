/** envoy.filters.network.echo: ends a chain; sends back what comes in. */
import { defineNetworkFilter } from "@sluice/sdk";
import { ECHO_MESSAGES, echoConfig } from "./config.ts";
import { EchoFilter } from "./filter.ts";

export const echo = defineNetworkFilter({
  id: "envoy.filters.network.echo",
  maturity: "stable",
  security: "unknown",
  messages: ECHO_MESSAGES,
  config: echoConfig,
  terminal: true,
  create: () => new EchoFilter(),
});
