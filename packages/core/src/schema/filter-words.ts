/** The words of config/short/filter-words.ts, for editors: filter → word → what it takes. */
import type { JsonSchema } from "@sluice/sdk";

const LIBRARY: JsonSchema = {
  description: "gzip, brotli or zstd; or one of these with its options",
  anyOf: [
    { enum: ["gzip", "brotli", "zstd"] },
    {
      type: "object",
      properties: { gzip: { type: "object" }, brotli: { type: "object" }, zstd: { type: "object" } },
      additionalProperties: false,
      minProperties: 1,
      maxProperties: 1,
    },
  ],
};

const TEXTS: JsonSchema = { type: "object", additionalProperties: { type: "string" } };

export const FILTER_WORDS: Readonly<Record<string, Readonly<Record<string, JsonSchema>>>> = {
  "envoy.filters.http.compressor": {
    library: LIBRARY,
    min_length: { type: "integer", minimum: 0, description: "bytes; smaller bodies stay as they are" },
    content_types: { type: "array", items: { type: "string" } },
    requests: { type: "boolean", description: "whether requests are compressed too" },
  },
  "envoy.filters.http.decompressor": { library: LIBRARY },
  "envoy.filters.http.grpc_stats": {
    methods: {
      description: "methods that are counted on their own: all, or package.Service/Method of each",
      anyOf: [{ enum: ["all"] }, { type: "array", items: { type: "string" } }],
    },
  },
  "envoy.filters.http.set_metadata": {
    metadata: {
      description: "namespace → values; or Envoy's list",
      anyOf: [{ type: "object", additionalProperties: { type: "object" } }, { type: "array" }],
    },
  },
  "envoy.filters.http.set_filter_state": { set: { ...TEXTS, description: "key → text with command operators" } },
  "envoy.filters.http.header_to_metadata": {
    request: { ...TEXTS, description: "request header → key of the metadata" },
    cookies: { ...TEXTS, description: "cookie → key of the metadata" },
    response: { ...TEXTS, description: "response header → key of the metadata" },
  },
  "envoy.filters.http.admission_control": {
    success_rate: { type: "number", minimum: 1, maximum: 100, description: "percent; refuses where fewer succeed" },
    max_rejection: { type: "number", minimum: 0, maximum: 100, description: "percent of requests refused at most" },
    min_rps: { type: "integer", minimum: 0, description: "requests a second; refuses none while there are fewer" },
  },
  "envoy.filters.http.stateful_session": {
    cookie: { type: "string", description: "the cookie that names a session's host" },
    ttl: { type: "string", description: "of the cookie, as in 3600s; default: until the browser is closed" },
    path: { type: "string", description: "of the cookie" },
    attributes: { ...TEXTS, description: "of the cookie: SameSite: Lax; a flag has an empty text" },
    header: { type: "string", description: "the header that names a session's host" },
    envelope: { type: "string", description: "the upstream's own session header, which the host is put around" },
  },
};
