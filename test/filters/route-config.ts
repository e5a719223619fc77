/** A route configuration with one filter's entries at its four levels: route configuration, virtual host, route, weighted cluster. */
import type { HarnessOptions } from "@sluice/core/testing";

type Model = NonNullable<HarnessOptions["routeConfig"]>;
type Entry = Readonly<Record<string, string>> | "disabled";

export interface Levels {
  readonly config?: Entry;
  readonly host?: Entry;
  readonly route?: Entry;
  readonly cluster?: Entry;
}

const PLACE = { path: "", position: "" } as const;
const NO_MUTATION = { add: [], remove: [] } as const;

/** `routes`: path prefix → levels, first match first. The levels above the route are those of the first. */
export function routeConfig(filter: string, routes: Readonly<Record<string, Levels>>): Model {
  const per = (entry: Entry | undefined): Model["perFilterConfig"] =>
    entry === undefined
      ? {}
      : { [filter]: { config: entry === "disabled" ? null : entry, disabled: entry === "disabled", place: PLACE } };
  const shared = { requestHeaders: NO_MUTATION, responseHeaders: NO_MUTATION, place: PLACE };
  const [first] = Object.values(routes);
  return {
    ...shared,
    name: "torture",
    mostSpecificHeaderMutationsWins: false,
    ignorePortInHostMatching: false,
    internalOnlyHeaders: [],
    perFilterConfig: per(first?.config),
    virtualHosts: [
      {
        ...shared,
        name: "any",
        domains: ["*"],
        requireTls: "none",
        matcher: null,
        includeAttemptCount: false,
        includeAttemptCountInResponse: false,
        virtualClusters: [],
        perFilterConfig: per(first?.host),
        routes: Object.entries(routes).map(([prefix, levels]) => ({
          ...shared,
          name: prefix,
          match: {
            path: { kind: "prefix", value: prefix },
            caseSensitive: true,
            headers: [],
            queryParameters: [],
            grpc: false,
            rare: null,
          },
          perFilterConfig: per(levels.route),
          statPrefix: "",
          decorator: null,
          tracing: null,
          action: {
            kind: "forward",
            clusters: [
              {
                name: "c",
                clusterHeader: "",
                weight: 1,
                hostRewrite: "",
                requestHeaders: NO_MUTATION,
                responseHeaders: NO_MUTATION,
                perFilterConfig: per(levels.cluster),
              },
            ],
            totalWeight: 1,
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
            timeoutMs: 0,
            idleTimeoutMs: -1,
            maxStreamDurationMs: -1,
            grpcTimeout: null,
            grpcTimeoutHeader: null,
            bufferLimitBytes: -1,
            internalRedirect: null,
            upgrades: [],
            connect: null,
          },
        })),
      },
    ],
  };
}
