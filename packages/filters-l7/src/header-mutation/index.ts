/** envoy.filters.http.header_mutation: adds, sets and removes headers of requests and responses. */
import { defineHttpFilter } from "@sluice/sdk";
import {
  HEADER_MUTATION_MESSAGES,
  HEADER_MUTATION_ROUTE_MESSAGE,
  headerMutationConfig,
  headerMutationRouteConfig,
} from "./config.ts";
import { HeaderMutationFilter } from "./filter.ts";

export const headerMutation = defineHttpFilter({
  id: "envoy.filters.http.header_mutation",
  maturity: "stable",
  security: "untrusted-downstream-and-upstream",
  messages: HEADER_MUTATION_MESSAGES,
  routeMessage: HEADER_MUTATION_ROUTE_MESSAGE,
  config: headerMutationConfig,
  routeConfig: headerMutationRouteConfig,
  create: (settings, context) => new HeaderMutationFilter(settings, context.formats),
});
