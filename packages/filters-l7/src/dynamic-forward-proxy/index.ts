/** envoy.filters.http.dynamic_forward_proxy: finds the host that a request asks for, before it goes there. */
import { defineHttpFilter } from "@sluice/sdk";
import { FORWARD_PROXY_MESSAGES, forwardProxyConfig, forwardProxyRouteConfig } from "./config.ts";
import { ForwardProxyFilter } from "./filter.ts";

export const dynamicForwardProxy = defineHttpFilter({
  id: "envoy.filters.http.dynamic_forward_proxy",
  maturity: "stable",
  security: "untrusted-downstream",
  messages: FORWARD_PROXY_MESSAGES,
  routeMessage: "envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig",
  calls: true,
  config: forwardProxyConfig,
  routeConfig: forwardProxyRouteConfig,
  create: (settings, context) => new ForwardProxyFilter(settings, context),
});
