// Route configurations as the compiler makes them, each field to be replaced; and what a match is asked with.
import type { Random, TerminalStream } from "@sluice/sdk";
import type {
  ForwardActionModel,
  HeaderMatchModel,
  HeaderMutationModel,
  RedirectActionModel,
  RouteConfigModel,
  RouteMatchModel,
  RouteModel,
  StringMatcherModel,
  VirtualHostModel,
  WeightedClusterModel,
} from "../../packages/core/src/config/model.ts";
import { RequestHeaderMap, field } from "../../packages/core/src/http/headers/header-map.ts";
import { buildRouteTable } from "../../packages/core/src/http/route/route-table.ts";
import type { RouteEntry, RouteFacts, RouteFilter, RouteTable } from "../../packages/core/src/http/route/types.ts";
import { formatContext } from "./format-context.ts";

const PLACE = { path: "", position: "" };
export const noMutation: HeaderMutationModel = { add: [], remove: [] };

export function routeMatch(changes: Partial<RouteMatchModel> = {}): RouteMatchModel {
  return {
    path: { kind: "prefix", value: "/" },
    caseSensitive: true,
    headers: [],
    queryParameters: [],
    grpc: false,
    ...changes,
  };
}

export function weighted(name: string, changes: Partial<WeightedClusterModel> = {}): WeightedClusterModel {
  return {
    name,
    weight: 1,
    hostRewrite: "",
    requestHeaders: noMutation,
    responseHeaders: noMutation,
    perFilterConfig: {},
    ...changes,
  };
}

export function forward(changes: Partial<ForwardActionModel> = {}): ForwardActionModel {
  const clusters = changes.clusters ?? [weighted("web")];
  return {
    kind: "forward",
    clusters,
    clusterNotFoundStatus: 503,
    prefixRewrite: "",
    regexRewrite: null,
    hostRewrite: "",
    hostRewriteHeader: "",
    autoHostRewrite: false,
    appendXForwardedHost: false,
    timeoutMs: 15_000,
    idleTimeoutMs: -1,
    maxStreamDurationMs: -1,
    upgrades: [],
    ...changes,
  };
}

export function redirect(changes: Partial<RedirectActionModel> = {}): RedirectActionModel {
  return {
    kind: "redirect",
    status: 301,
    httpsRedirect: false,
    schemeRedirect: "",
    hostRedirect: "",
    portRedirect: 0,
    pathRedirect: "",
    prefixRewrite: "",
    regexRewrite: null,
    stripQuery: false,
    ...changes,
  };
}

export function route(changes: Partial<RouteModel> = {}): RouteModel {
  return {
    name: "",
    match: routeMatch(),
    action: forward(),
    requestHeaders: noMutation,
    responseHeaders: noMutation,
    perFilterConfig: {},
    place: PLACE,
    ...changes,
  };
}

export function virtualHost(changes: Partial<VirtualHostModel> = {}): VirtualHostModel {
  return {
    name: "all",
    domains: ["*"],
    requireTls: "none",
    routes: [],
    requestHeaders: noMutation,
    responseHeaders: noMutation,
    includeAttemptCount: false,
    perFilterConfig: {},
    place: PLACE,
    ...changes,
  };
}

export function routeConfig(
  virtualHosts: readonly VirtualHostModel[],
  changes: Partial<RouteConfigModel> = {},
): RouteConfigModel {
  return {
    name: "test",
    virtualHosts,
    requestHeaders: noMutation,
    responseHeaders: noMutation,
    mostSpecificHeaderMutationsWins: false,
    ignorePortInHostMatching: false,
    perFilterConfig: {},
    place: PLACE,
    ...changes,
  };
}

/** A table of one virtual host for all names. */
export function tableOf(
  routes: readonly RouteModel[],
  changes: Partial<VirtualHostModel> = {},
  filters: readonly RouteFilter[] = [],
): RouteTable {
  return buildRouteTable(routeConfig([virtualHost({ routes, ...changes })]), filters);
}

export function text(kind: StringMatcherModel["kind"], value: string, ignoreCase = false): StringMatcherModel {
  return { kind, value, ignoreCase };
}

export function headerMatch(
  name: string,
  match: HeaderMatchModel["match"],
  changes: Partial<HeaderMatchModel> = {},
): HeaderMatchModel {
  return { name, match, invert: false, treatMissingAsEmpty: false, ...changes };
}

export function adds(
  entries: Readonly<Record<string, string>>,
  action: HeaderMutationModel["add"][number]["action"] = "append",
): HeaderMutationModel {
  return {
    add: Object.entries(entries).map(([name, value]) => ({ name, value, action, keepEmpty: false })),
    remove: [],
  };
}

export interface RequestChanges {
  readonly method?: string;
  readonly path?: string;
  readonly authority?: string;
  readonly scheme?: string;
  /** In order; a name may stand several times. */
  readonly headers?: ReadonlyArray<readonly [string, string]>;
}

export function request(changes: RequestChanges = {}): RequestHeaderMap {
  const { method = "GET", path = "/", authority = "example.com", scheme = "http", headers = [] } = changes;
  return new RequestHeaderMap(
    method,
    path,
    authority,
    scheme,
    headers.map(([name, value]) => field(name, value)),
  );
}

export function facts(changes: Partial<RouteFacts> = {}): RouteFacts {
  return { tls: false, random: { next: () => 0, below: () => 0 }, ...changes };
}

/** Always this number of `below`. */
export function fixed(value: number): Random {
  return { next: () => value, below: () => value };
}

/** What entries see of a stream: the facts that formats read. */
export function routeStream(context: unknown = formatContext()): TerminalStream {
  return { stream: context } as unknown as TerminalStream;
}

export function matched(
  table: RouteTable,
  changes: RequestChanges = {},
  given: Partial<RouteFacts> = {},
): RouteEntry | null {
  return table.match(request(changes), facts(given));
}

export function entries(headers: Iterable<readonly [string, string]>): string[] {
  return [...headers].map(([name, value]) => `${name}: ${value}`);
}
