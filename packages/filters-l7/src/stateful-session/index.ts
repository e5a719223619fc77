/** envoy.filters.http.stateful_session: keeps the requests of a session on one host, named by a cookie or a header. */
import { defineHttpFilter } from "@sluice/sdk";
import {
  STATEFUL_SESSION_MESSAGES,
  STATEFUL_SESSION_ROUTE_MESSAGE,
  statefulSessionConfig,
  statefulSessionRouteConfig,
} from "./config.ts";
import { StatefulSessionFilter, StatefulSessionState } from "./filter.ts";

export const statefulSession = defineHttpFilter({
  id: "envoy.filters.http.stateful_session",
  maturity: "stable",
  security: "untrusted-downstream-and-upstream",
  messages: STATEFUL_SESSION_MESSAGES,
  routeMessage: STATEFUL_SESSION_ROUTE_MESSAGE,
  config: statefulSessionConfig,
  routeConfig: statefulSessionRouteConfig,
  newState: () => new StatefulSessionState(),
  create: (settings, context) => new StatefulSessionFilter(settings, context),
});
