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
};
