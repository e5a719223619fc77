/** Configuration of the router: envoy.extensions.filters.http.router.v3.Router. */
import { parsedBy } from "@sluice/sdk";
import { Section } from "../shared/section.ts";

export interface RouterSettings {
  /** Whether the `x-envoy-*` headers of requests and responses are left out. */
  readonly suppressEnvoyHeaders: boolean;
  /** Whether response codes are counted per cluster. */
  readonly dynamicStats: boolean;
  /** Whether `x-envoy-expected-rq-timeout-ms` of the request, set by the proxy before this one, is the time-out. */
  readonly respectExpectedTimeout: boolean;
}

const FIELDS = ["suppress_envoy_headers", "dynamic_stats", "respect_expected_rq_timeout"];

export const ROUTER_MESSAGES = { "envoy.extensions.filters.http.router.v3.Router": FIELDS };

export const routerConfig = parsedBy((value): RouterSettings => {
  const section = new Section(value ?? {}, FIELDS);
  return {
    suppressEnvoyHeaders: section.boolean("suppress_envoy_headers", false),
    dynamicStats: section.boolean("dynamic_stats", true),
    respectExpectedTimeout: section.boolean("respect_expected_rq_timeout", false),
  };
});
