/** envoy.filters.network.tcp_proxy: ends a chain; carries the connection's bytes to a host of a cluster and back. */
import { defineNetworkFilter } from "@sluice/sdk";
import { TCP_PROXY_MESSAGES, tcpProxyConfig } from "./config.ts";
import { TcpProxyFilter } from "./filter.ts";

export const tcpProxy = defineNetworkFilter({
  id: "envoy.filters.network.tcp_proxy",
  maturity: "stable",
  security: "untrusted-downstream-and-upstream",
  calls: true,
  messages: TCP_PROXY_MESSAGES,
  config: tcpProxyConfig,
  terminal: true,
  create: (settings, context) => new TcpProxyFilter(settings, context),
});
