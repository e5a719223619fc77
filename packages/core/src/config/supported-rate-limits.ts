/** What core implements of Envoy's rate limit policies: all but `extension` (CEL). Part of supported.ts. */

const limit = "envoy.config.route.v3.RateLimit";

export const rateLimitFields: Readonly<Record<string, readonly string[] | "all">> = {
  [limit]: "all",
  [`${limit}.Action`]: [
    "source_cluster",
    "destination_cluster",
    "request_headers",
    "remote_address",
    "generic_key",
    "header_value_match",
    "dynamic_metadata",
    "metadata",
    "masked_remote_address",
    "query_parameter_value_match",
  ],
  [`${limit}.Action.SourceCluster`]: "all",
  [`${limit}.Action.DestinationCluster`]: "all",
  [`${limit}.Action.RequestHeaders`]: "all",
  [`${limit}.Action.RemoteAddress`]: "all",
  [`${limit}.Action.GenericKey`]: "all",
  [`${limit}.Action.HeaderValueMatch`]: "all",
  [`${limit}.Action.DynamicMetaData`]: "all",
  [`${limit}.Action.MetaData`]: "all",
  [`${limit}.Action.MaskedRemoteAddress`]: "all",
  [`${limit}.Action.QueryParameterValueMatch`]: "all",
  [`${limit}.Override`]: "all",
  [`${limit}.Override.DynamicMetadata`]: "all",
  "envoy.type.metadata.v3.MetadataKey": "all",
  "envoy.type.metadata.v3.MetadataKey.PathSegment": "all",
};
