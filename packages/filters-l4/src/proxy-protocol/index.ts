/** envoy.filters.listener.proxy_protocol: takes the client's address from the PROXY protocol's header, versions 1 and 2. */
import { defineListenerFilter } from "@sluice/sdk";
import { PROXY_PROTOCOL_ID, PROXY_PROTOCOL_MESSAGES, proxyProtocolConfig } from "./config.ts";
import { ProxyProtocolFilter } from "./filter.ts";
import { LARGEST_HEADER_BYTES } from "./header.ts";

export const proxyProtocol = defineListenerFilter({
  id: PROXY_PROTOCOL_ID,
  maturity: "stable",
  security: "untrusted-downstream",
  messages: PROXY_PROTOCOL_MESSAGES,
  config: proxyProtocolConfig,
  maxPeekBytes: LARGEST_HEADER_BYTES,
  create: (settings, context) => new ProxyProtocolFilter(settings, context.rootStats),
});
