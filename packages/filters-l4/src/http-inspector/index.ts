/** envoy.filters.listener.http_inspector: tells HTTP/1.0, HTTP/1.1 and HTTP/2 from one another and from everything else. */
import { defineListenerFilter } from "@sluice/sdk";
import { HTTP_INSPECTOR_MESSAGES, httpInspectorConfig } from "./config.ts";
import { HttpInspectorFilter, LARGEST_LINE } from "./filter.ts";
import { RequestLine } from "./request-line.ts";

export const httpInspector = defineListenerFilter({
  id: "envoy.filters.listener.http_inspector",
  maturity: "stable",
  security: "untrusted-downstream",
  messages: HTTP_INSPECTOR_MESSAGES,
  config: httpInspectorConfig,
  maxPeekBytes: LARGEST_LINE,
  newState: () => new RequestLine(),
  create: (_settings, context) => new HttpInspectorFilter(context.rootStats),
});
