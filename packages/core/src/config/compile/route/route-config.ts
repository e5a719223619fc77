/** Route configurations and virtual hosts. */
import type { RouteConfiguration } from "../../envoy/generated/envoy/config/route/v3/route_pb.js";
import type { Route, VirtualHost } from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { RouteConfigModel, RouteModel, VirtualHostModel } from "../../model.ts";
import type { CompileContext } from "../context.ts";
import { compileHeaderMutations, isHeaderName } from "../header-mutations.ts";
import { Uniqueness } from "../lists.ts";
import { compilePerFilterConfig, type FilterSlots } from "../per-filter-config.ts";
import { compileAction } from "./action.ts";
import { compileDecorator, compileRouteTracing } from "./decoration.ts";
import { compileHostRoutes } from "./host-matcher.ts";
import { compileHeader, compileMatch } from "./match.ts";
import { compileRateLimits, compileRouteRateLimits } from "./rate-limits.ts";
import type { RouteContext } from "./route-context.ts";

export function compileRouteConfig(
  context: CompileContext,
  config: RouteConfiguration,
  slots: FilterSlots,
): RouteConfigModel {
  const routes: RouteContext = {
    context,
    slots,
    checksClusters: config.validateClusters ?? true,
    maxBodyBytes: config.maxDirectResponseBodySizeBytes ?? 4096,
    mirrors: config.requestMirrorPolicies,
    retries: new Map(),
  };
  const names = new Uniqueness(context, "the virtual host");
  const domains = new Uniqueness(context, "the domain");
  for (const host of config.virtualHosts) {
    if (host.name !== "") names.add(host.name, { message: host, field: "name" });
    for (const [element, domain] of host.domains.entries())
      domains.add(domain.toLowerCase(), { message: host, field: "domains", element });
  }
  return {
    name: config.name,
    virtualHosts: config.virtualHosts.map((host) => compileVirtualHost(routes, host)),
    ...compileHeaderMutations(context, config),
    mostSpecificHeaderMutationsWins: config.mostSpecificHeaderMutationsWins,
    ignorePortInHostMatching: config.ignorePortInHostMatching,
    internalOnlyHeaders: config.internalOnlyHeaders.map((name, element) =>
      internalOnly(context, config, name, element),
    ),
    perFilterConfig: compilePerFilterConfig(context, config, slots),
    place: context.place({ message: config }),
  };
}

function internalOnly(context: CompileContext, message: RouteConfiguration, name: string, element: number): string {
  const lower = name.toLowerCase();
  if (!isHeaderName(lower) || lower === "host")
    context.error(
      { message, field: "internal_only_headers", element },
      "ERR_CONFIG_TYPE",
      `${JSON.stringify(name)} is no header that can be removed`,
    );
  return lower;
}

/** Index: TlsRequirementType. */
const requirements = ["none", "external_only", "all"] as const;

function compileVirtualHost(routes: RouteContext, host: VirtualHost): VirtualHostModel {
  const { context } = routes;
  for (const [element, domain] of host.domains.entries()) checkDomain(context, host, element, domain);
  return {
    name: host.name,
    domains: host.domains.map((domain) => domain.toLowerCase()),
    requireTls: requirements[host.requireTls] ?? "none",
    ...compileHostRoutes(routes, host, (route) => compileRoute(routes, host, route)),
    ...compileHeaderMutations(context, host),
    includeAttemptCount: host.includeRequestAttemptCount,
    includeAttemptCountInResponse: host.includeAttemptCountInResponse,
    virtualClusters: compileVirtualClusters(context, host),
    ...(host.rateLimits.length > 0 ? { rateLimits: compileRateLimits(context, host.rateLimits) } : {}),
    perFilterConfig: compilePerFilterConfig(context, host, routes.slots),
    place: context.place({ message: host }),
  };
}

function compileVirtualClusters(context: CompileContext, host: VirtualHost): VirtualHostModel["virtualClusters"] {
  return host.virtualClusters.map((cluster) => {
    // Envoy: one without would have every request, and those behind it none.
    if (cluster.headers.length === 0) context.missing({ message: cluster }, "headers");
    return { name: cluster.name, headers: cluster.headers.flatMap((matcher) => compileHeader(context, matcher) ?? []) };
  });
}

function checkDomain(context: CompileContext, message: VirtualHost, element: number, domain: string): void {
  const at = { message, field: "domains", element };
  if (domain === "") context.error(at, "ERR_CONFIG_TYPE", "an empty domain", { expected: 'a host name, or "*"' });
  else if (domain.slice(1, -1).includes("*") || (domain.length > 1 && domain.startsWith("*") && domain.endsWith("*"))) {
    context.error(at, "ERR_CONFIG_TYPE", `"${domain}" has a * where none can be`, {
      expected: "one * at the beginning or the end",
    });
  }
}

function compileRoute(routes: RouteContext, host: VirtualHost, route: Route): RouteModel | undefined {
  const { context, slots } = routes;
  const bufferLimit = route.perRequestBufferLimitBytes ?? host.perRequestBufferLimitBytes ?? -1;
  const match = route.match && compileMatch(context, route.match);
  const action = compileAction(routes, host, route, bufferLimit);
  const mutations = compileHeaderMutations(context, route);
  const rateLimits = compileRouteRateLimits(context, route);
  const perFilterConfig = compilePerFilterConfig(context, route, slots);
  if (match === undefined || action === undefined) return undefined;
  return {
    name: route.name,
    match,
    action,
    statPrefix: route.statPrefix,
    decorator: compileDecorator(route),
    tracing: compileRouteTracing(context, route),
    ...(rateLimits === undefined ? {} : { rateLimits }),
    ...mutations,
    perFilterConfig,
    place: context.place({ message: route }),
  };
}
