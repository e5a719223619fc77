/** The connection manager's model for chains that are measured: Envoy's defaults, one route that matches everything unless the subject brings routes. */
import type { HcmModel, HttpFilterModel, PerFilterConfig, RouteConfigModel } from "../config/model.ts";
import { defaultHcm } from "../testing/default-models.ts";
import type { SubjectFilter } from "./types.ts";

const PLACE = { path: "", position: "" } as const;
const NO_MUTATION = { add: [], remove: [] } as const;

export function benchHcm(
  filters: readonly SubjectFilter[],
  terminalId: string | null,
  routes: RouteConfigModel | null,
): HcmModel {
  const models: HttpFilterModel[] = filters.map((filter) => ({ ...filter, place: PLACE }));
  if (terminalId !== null) {
    models.push({ name: terminalId, id: terminalId, config: {}, disabled: false, onError: "fail", place: PLACE });
  }
  return { ...defaultHcm, statPrefix: "bench", filters: models, routeConfig: routes ?? anyRoute({}) };
}

/** One route to one cluster for every host and path, with what it says of filters. */
export function anyRoute(perFilterConfig: PerFilterConfig): RouteConfigModel {
  const level = { requestHeaders: NO_MUTATION, responseHeaders: NO_MUTATION, perFilterConfig: {}, place: PLACE };
  return {
    ...defaultHcm.routeConfig,
    name: "bench",
    virtualHosts: [
      {
        ...level,
        name: "bench",
        domains: ["*"],
        requireTls: "none",
        matcher: null,
        includeAttemptCount: false,
        includeAttemptCountInResponse: false,
        virtualClusters: [],
        routes: [
          {
            ...level,
            name: "bench",
            perFilterConfig,
            match: {
              path: { kind: "prefix", value: "/" },
              caseSensitive: true,
              headers: [],
              queryParameters: [],
              grpc: false,
              rare: null,
            },
            statPrefix: "",
            decorator: null,
            tracing: null,
            action: {
              kind: "forward",
              clusters: [{ ...level, name: "bench", clusterHeader: "", weight: 1, hostRewrite: "" }],
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
            },
          },
        ],
      },
    ],
  };
}
