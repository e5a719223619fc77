/** envoy.filters.http.set_filter_state: puts texts with command operators into the filter state of requests. */
import { defineHttpFilter } from "@sluice/sdk";
import { SET_FILTER_STATE_MESSAGES, setFilterStateConfig } from "./config.ts";
import { SetFilterStateFilter } from "./filter.ts";

export const setFilterState = defineHttpFilter({
  id: "envoy.filters.http.set_filter_state",
  maturity: "stable",
  security: "untrusted-downstream-and-upstream",
  messages: SET_FILTER_STATE_MESSAGES,
  config: setFilterStateConfig,
  create: (settings, context) => new SetFilterStateFilter(settings, context),
});
