/** Models with Envoy's defaults, for the harness. */
import { http2Defaults } from "../config/compile/http2.ts";
import type { HcmModel, ListenerModel, NetworkFilterModel } from "../config/model.ts";

const NO_MUTATION = { add: [], remove: [] } as const;
const PLACE = { path: "", position: "" } as const;

export const defaultHcm: HcmModel = {
  statPrefix: "test",
  routeConfig: {
    name: "test",
    virtualHosts: [],
    requestHeaders: NO_MUTATION,
    responseHeaders: NO_MUTATION,
    mostSpecificHeaderMutationsWins: false,
    ignorePortInHostMatching: false,
    perFilterConfig: {},
    place: PLACE,
  },
  filters: [],
  accessLogs: [],
  serverName: "sluice",
  serverHeader: "overwrite",
  generateRequestId: true,
  preserveExternalRequestId: false,
  alwaysSetRequestIdInResponse: false,
  useRemoteAddress: false,
  xffNumTrustedHops: 0,
  skipXffAppend: false,
  appendXForwardedPort: false,
  via: "",
  normalizePath: false,
  mergeSlashes: false,
  escapedSlashes: "KEEP_UNCHANGED",
  underscores: "allow",
  stripAnyHostPort: false,
  stripMatchingHostPort: false,
  internalCidrs: [],
  upgrades: [],
  maxRequestHeadersBytes: 60 * 1024,
  maxHeadersCount: 100,
  streamIdleTimeoutMs: 300_000,
  requestTimeoutMs: 0,
  requestHeadersTimeoutMs: 0,
  idleTimeoutMs: 3_600_000,
  maxConnectionDurationMs: 0,
  maxStreamDurationMs: 0,
  maxRequestsPerConnection: 0,
  drainTimeoutMs: 5000,
  delayedCloseTimeoutMs: 1000,
  proxy100Continue: false,
  codecType: "auto",
  http1: { acceptHttp10: false, defaultHostForHttp10: "", enableTrailers: false, allowAbsoluteUrl: true },
  http2: http2Defaults,
  observe: { sampleEvery: 0, debugTrace: null },
};

/** A listener that nobody listens for: what a network chain is made from. */
export function testListener(filters: readonly NetworkFilterModel[], bufferLimitBytes: number): ListenerModel {
  return {
    name: "test",
    address: { kind: "ip", host: "192.0.2.2", port: 80 },
    statPrefix: "test",
    bufferLimitBytes,
    backlog: 0,
    reusePort: false,
    filterChain: { name: "", tls: null, handshakeTimeoutMs: 0, filters },
    place: PLACE,
  };
}
