/** envoy.filters.http.header_to_metadata: puts values of headers and cookies into dynamic metadata. */
import { defineHttpFilter } from "@sluice/sdk";
import {
  HEADER_TO_METADATA_MESSAGE,
  HEADER_TO_METADATA_MESSAGES,
  headerToMetadataConfig,
  headerToMetadataRouteConfig,
} from "./config.ts";
import { HeaderToMetadataFilter } from "./filter.ts";

export const headerToMetadata = defineHttpFilter({
  id: "envoy.filters.http.header_to_metadata",
  maturity: "stable",
  security: "untrusted-downstream-and-upstream",
  messages: HEADER_TO_METADATA_MESSAGES,
  routeMessage: HEADER_TO_METADATA_MESSAGE,
  config: headerToMetadataConfig,
  routeConfig: headerToMetadataRouteConfig,
  create: (settings, context) => new HeaderToMetadataFilter(settings, context),
});
