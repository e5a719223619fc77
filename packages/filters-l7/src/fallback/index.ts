/** sluice.filters.http.fallback: another cluster, or an answer, where the cluster of the route takes no requests. */
import { defineHttpFilter } from "@sluice/sdk";
import { fallbackConfig } from "./config.ts";
import { FallbackFilter } from "./filter.ts";

export const fallback = defineHttpFilter({
  id: "sluice.filters.http.fallback",
  maturity: "beta",
  security: "untrusted-downstream-and-upstream",
  calls: true,
  config: fallbackConfig,
  routeConfig: fallbackConfig,
  create: (settings, context) => new FallbackFilter(settings, context),
});
