/** envoy.filters.http.set_metadata: puts fixed values into the dynamic metadata of requests. */
import { defineHttpFilter } from "@sluice/sdk";
import { SET_METADATA_MESSAGES, setMetadataConfig } from "./config.ts";
import { SetMetadataFilter } from "./filter.ts";

export const setMetadata = defineHttpFilter({
  id: "envoy.filters.http.set_metadata",
  maturity: "stable",
  security: "untrusted-downstream-and-upstream",
  messages: SET_METADATA_MESSAGES,
  config: setMetadataConfig,
  create: (settings, context) => new SetMetadataFilter(settings, context),
});
