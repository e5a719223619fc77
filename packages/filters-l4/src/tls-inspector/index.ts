/** envoy.filters.listener.tls_inspector: tells TLS from plain text, and reads server name and ALPN before the handshake. */
import { defineListenerFilter } from "@sluice/sdk";
import { LARGEST_CLIENT_HELLO, TLS_INSPECTOR_MESSAGES, tlsInspectorConfig } from "./config.ts";
import { HelloReader } from "./client-hello.ts";
import { type HelloState, TlsInspectorFilter } from "./filter.ts";

export const tlsInspector = defineListenerFilter({
  id: "envoy.filters.listener.tls_inspector",
  maturity: "stable",
  security: "untrusted-downstream",
  messages: TLS_INSPECTOR_MESSAGES,
  config: tlsInspectorConfig,
  maxPeekBytes: LARGEST_CLIENT_HELLO,
  newState: (): HelloState => ({ needed: 0, reader: new HelloReader() }),
  create: (settings, context) => new TlsInspectorFilter(settings, context.rootStats),
});
