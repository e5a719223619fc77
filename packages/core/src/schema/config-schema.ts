/** The JSON Schema (2020-12) of configurations in both forms, with the filters of a registry: what `sluice schema` prints. */
import type { JsonSchema } from "@sluice/sdk";
import { envoyTypes } from "../config/envoy/registry.ts";
import { supportTable } from "../config/supported.ts";
import type { Registered } from "../registry/registry.ts";
import { FilterSchemas } from "./filter-schemas.ts";
import { MessageSchemas } from "./message-schemas.ts";
import { shortFormParts } from "./short-form.ts";

const BOOTSTRAP = "envoy.config.bootstrap.v3.Bootstrap";
const HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const TYPE_URL = "type.googleapis.com/";
/** Messages that stand in an Any and belong to no filter. */
const PAYLOADS = [
  HCM,
  "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
  "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
  "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
  "envoy.extensions.access_loggers.file.v3.FileAccessLog",
  "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
  "envoy.extensions.access_loggers.stream.v3.StderrAccessLog",
  "envoy.extensions.formatter.metadata.v3.Metadata",
  "envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery",
  "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
  "envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig",
  "envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig",
  "envoy.extensions.http.original_ip_detection.xff.v3.XffConfig",
  "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig",
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
  "envoy.config.route.v3.FilterConfig",
];
/** In both forms. */
const SHARED = new Set(["node", "admin"]);

export interface SchemaSource {
  readonly registered: readonly Registered[];
  /** An entry of `extensions` → ids of the filters that it brings. */
  readonly bySpecifier: ReadonlyMap<string, readonly string[]>;
}

export function configSchema({ registered, bySpecifier }: SchemaSource): JsonSchema {
  const declared = registered.flatMap(({ definition: { messages } }) => (messages === undefined ? [] : [messages]));
  const messages = new MessageSchemas(envoyTypes(), supportTable(declared));
  const filters = new FilterSchemas(messages, registered, bySpecifier);
  const parts = shortFormParts(filters);
  const bootstrap = messages.reference(BOOTSTRAP) ?? {};
  const any = anySchema(messages, filters, registered);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Sluice configuration",
    type: "object",
    if: { anyOf: isLongForm(messages) },
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    then: bootstrap,
    else: { $ref: "#/$defs/configuration" },
    $defs: { ...parts, Any: any, ...messages.definitions, ...filters.definitions },
  };
}

/** A key that only Envoy's form has, or an admin that is no address. */
function isLongForm({ definitions }: MessageSchemas): JsonSchema[] {
  const keys = Object.keys(definitions[BOOTSTRAP]?.properties ?? {});
  const own = keys.filter((key) => !SHARED.has(key) && key !== "@type");
  return [
    ...[...own, "staticResources"].map((key) => ({ required: [key] })),
    { required: ["admin"], properties: { admin: { type: "object" } } },
  ];
}

/** What stands in an Any, by its type; a TypedStruct for one of our extensions, by the type that it names. */
function anySchema(messages: MessageSchemas, filters: FilterSchemas, registered: readonly Registered[]): JsonSchema {
  const cases: JsonSchema[] = [];
  const ofFilters = registered.flatMap(({ definition: { messages: own, routeMessage } }) => [
    ...Object.keys(own ?? {}).slice(0, 1),
    ...(routeMessage === undefined ? [] : [routeMessage]),
  ]);
  for (const name of new Set([...PAYLOADS, ...ofFilters])) {
    const schema = messages.reference(name);
    if (schema !== undefined) cases.push(when({ "@type": { const: TYPE_URL + name } }, schema));
  }
  for (const { definition } of registered) {
    const value = filters.reference(definition, "config");
    const route = definition.routeConfig === undefined ? [] : [filters.reference(definition, "routeConfig")];
    cases.push(
      when({ type_url: { const: TYPE_URL + definition.id } }, { properties: { value: { anyOf: [value, ...route] } } }),
    );
  }
  return { type: "object", properties: { "@type": { type: "string" } }, required: ["@type"], allOf: cases };
}

function when(properties: Readonly<Record<string, JsonSchema>>, schema: JsonSchema): JsonSchema {
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
  return { if: { properties, required: Object.keys(properties) }, then: schema };
}
