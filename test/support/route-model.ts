// Route configurations as the compiler makes them, each field to be replaced; and what a match is asked with.
import type { ConnectionInfo, TerminalStream, TlsInfo } from "@sluice/sdk";
import type {
  DirectActionModel,
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
import { StreamFilterState, StreamMetadata } from "../../packages/core/src/http/chain/stream-data.ts";
import { RequestHeaderMap, field } from "../../packages/core/src/http/headers/header-map.ts";
import { buildRouteTable } from "../../packages/core/src/http/route/build-route-table.ts";
import type { RouteEntry, RouteFacts, RouteFilter, RouteTable } from "../../packages/core/src/http/route/types.ts";
import { SocketInfo } from "../../packages/core/src/network/connection-info.ts";
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
    rare: null,
    ...changes,
  };
}

export function weighted(name: string, changes: Partial<WeightedClusterModel> = {}): WeightedClusterModel {
  return {
    name,
    clusterHeader: "",
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

export function direct(changes: Partial<DirectActionModel> = {}): DirectActionModel {
  return { kind: "direct", status: 200, body: null, ...changes };
}

export function route(changes: Partial<RouteModel> = {}): RouteModel {
  return {
    name: "",
    match: routeMatch(),
    action: forward(),
    statPrefix: "",
    decorator: null,
    tracing: null,
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
    matcher: null,
    routes: [],
    requestHeaders: noMutation,
    responseHeaders: noMutation,
    includeAttemptCount: false,
    includeAttemptCountInResponse: false,
    virtualClusters: [],
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
    internalOnlyHeaders: [],
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

const CONNECTION: ConnectionInfo = new SocketInfo(
  1,
  { address: "192.0.2.7:4000", ip: "192.0.2.7", port: 4000 },
  { address: "198.51.100.1:443", ip: "198.51.100.1", port: 443 },
  null,
);

/** Plain HTTP from 192.0.2.7; no filter has left anything; 0 is drawn. */
export function facts(changes: Partial<RouteFacts> = {}): RouteFacts {
  const connection = changes.connection ?? CONNECTION;
  return {
    connection,
    remote: connection.remote,
    metadata: new StreamMetadata(),
    filterState: new StreamFilterState(null),
    routeRandom: () => 0,
    ...changes,
  };
}

/** The same client over TLS. */
export function overTls(changes: Partial<TlsInfo> = {}): Partial<RouteFacts> {
  const tls: TlsInfo = {
    serverName: "example.com",
    version: "TLSv1.3",
    cipher: "",
    alpn: "h2",
    peerCertificatePresented: false,
    peerCertificateVerified: false,
    peerSubject: "",
    peerUriSans: [],
    peerDnsSans: [],
    ...changes,
  };
  return { connection: new SocketInfo(1, CONNECTION.remote, CONNECTION.local, tls) };
}

/** Shares and weights of routes go by this number. */
export function drawn(value: number): Partial<RouteFacts> {
  return { routeRandom: () => value };
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
