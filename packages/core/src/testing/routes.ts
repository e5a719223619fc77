/** The route configuration of a harness, from what the test says of routes and of each filter's levels. */
import type { ForwardActionModel, Json, PerFilterConfig, RouteConfigModel, RouteModel } from "../config/model.ts";
import { defaultHcm } from "./default-models.ts";
import type { HttpFilterSetup, RouteLevel, RouteLevels, TestRoute } from "./setup.ts";

const NO_MUTATION = { add: [], remove: [] } as const;
const PLACE = { path: "", position: "" } as const;
const BLANK = { requestHeaders: NO_MUTATION, responseHeaders: NO_MUTATION, place: PLACE } as const;

/** A filter of the chain by its name there. */
export interface NamedSetup {
  readonly name: string;
  readonly setup: HttpFilterSetup;
}

export function routeConfigOf(
  filters: readonly NamedSetup[],
  routes: readonly TestRoute[],
  cluster: string,
): RouteConfigModel {
  for (const name of routes.flatMap((route) => Object.keys(route.filters ?? {})))
    if (!filters.some((filter) => filter.name === name))
      throw new TypeError(
        `a route speaks of the filter "${name}", expected one of ${filters.map((f) => `"${f.name}"`).join(", ")}`,
      );
  const hosts = new Map<string, TestRoute[]>();
  for (const route of routes) {
    const key = (route.domains ?? ["*"]).join(" ");
    hosts.set(key, [...(hosts.get(key) ?? []), route]);
  }
  return {
    ...defaultHcm.routeConfig,
    perFilterConfig: levelOf(filters, "routeConfiguration"),
    virtualHosts: [...hosts].map(([domains, list]) => ({
      ...BLANK,
      name: domains,
      domains: domains.split(" "),
      requireTls: "none",
      matcher: null,
      includeAttemptCount: false,
      includeAttemptCountInResponse: false,
      virtualClusters: [],
      perFilterConfig: levelOf(filters, "virtualHost"),
      routes: list.map((route) => routeOf(filters, route, route.cluster ?? cluster)),
    })),
  };
}

function routeOf(filters: readonly NamedSetup[], route: TestRoute, cluster: string): RouteModel {
  const own = levelOf(filters, "route");
  const said: Record<string, RouteLevel> = { ...route.filters };
  const first = filters[0];
  if (first !== undefined && (route.routeConfig !== undefined || route.disabled !== undefined))
    said[first.name] = {
      ...(route.routeConfig === undefined ? {} : { config: route.routeConfig }),
      ...(route.disabled === undefined ? {} : { disabled: route.disabled }),
    };
  return {
    ...BLANK,
    name: route.name ?? "",
    match: {
      path:
        route.path === undefined
          ? { kind: "prefix", value: route.prefix ?? "/" }
          : { kind: "exact", value: route.path },
      caseSensitive: true,
      headers: [],
      queryParameters: [],
      grpc: false,
      rare: null,
    },
    statPrefix: "",
    decorator: null,
    tracing: null,
    action: forwardTo(cluster, levelOf(filters, "cluster")),
    perFilterConfig: { ...own, ...Object.fromEntries(Object.entries(said).map(([name, l]) => [name, entryOf(l)])) },
  };
}

function forwardTo(name: string, perFilterConfig: PerFilterConfig): ForwardActionModel {
  return {
    kind: "forward",
    clusters: [
      {
        name,
        clusterHeader: "",
        weight: 1,
        hostRewrite: "",
        requestHeaders: NO_MUTATION,
        responseHeaders: NO_MUTATION,
        perFilterConfig,
      },
    ],
    weightHeader: "",
    weightRuntimePrefix: "",
    clusterNotFoundStatus: 503,
    prefixRewrite: "",
    regexRewrite: null,
    templateRewrite: "",
    hostRewrite: "",
    hostRewriteHeader: "",
    hostRewritePathRegex: null,
    autoHostRewrite: false,
    appendXForwardedHost: false,
    timeoutMs: 15_000,
    idleTimeoutMs: -1,
    maxStreamDurationMs: -1,
    grpcTimeout: null,
    grpcTimeoutHeader: null,
    bufferLimitBytes: -1,
    internalRedirect: null,
    upgrades: [],
    connect: null,
  };
}

function levelOf(filters: readonly NamedSetup[], level: keyof RouteLevels): PerFilterConfig {
  const found: Record<string, PerFilterConfig[string]> = {};
  for (const { name, setup } of filters) {
    const said = setup.levels?.[level];
    const entry = level === "route" && setup.routeConfig !== undefined ? { config: setup.routeConfig, ...said } : said;
    if (entry !== undefined) found[name] = entryOf(entry);
  }
  return found;
}

function entryOf({ config, disabled = false }: RouteLevel): PerFilterConfig[string] {
  return { config: config === undefined ? null : (config as Json), disabled, place: PLACE };
}
