/** Configuration of http_inspector: envoy.extensions.filters.listener.http_inspector.v3.HttpInspector, which has no fields. */
import { parsedBy } from "@sluice/sdk";
import { fieldsOf, refuseUnknown } from "../shared/fields.ts";

export type HttpInspectorSettings = Readonly<Record<never, never>>;

export const HTTP_INSPECTOR_MESSAGES = {
  "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector": [],
} as const;

export const httpInspectorConfig = parsedBy((value): HttpInspectorSettings => {
  refuseUnknown(fieldsOf(value), []);
  return {};
});
