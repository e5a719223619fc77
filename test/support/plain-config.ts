// The least configuration that a server takes, for tests of main and workers.
import { PLAIN_ROUND_ROBIN } from "../../packages/core/src/config/balancing-model.ts";
import type {
  AddressModel,
  ClusterModel,
  CompiledConfig,
  ListenerModel,
  WatchdogModel,
} from "../../packages/core/src/config/model.ts";

const place = { path: "", position: "" };

export const ANY_PORT: AddressModel = { kind: "ip", host: "127.0.0.1", port: 0 };

export function listener(
  name: string,
  chain: string,
  address: AddressModel = ANY_PORT,
  reusePort = true,
): ListenerModel {
  const filterChain = { name: chain, tls: null, handshakeTimeoutMs: 0, filters: [] };
  return {
    name,
    address,
    statPrefix: name,
    bufferLimitBytes: 1 << 20,
    backlog: 128,
    reusePort,
    filterChain,
    place: { path: `listeners.${name}`, position: "test.yaml:1:1" },
  };
}

export function cluster(name: string, model: Partial<ClusterModel> = {}): ClusterModel {
  const http = {
    idleTimeoutMs: 0,
    maxConnectionDurationMs: 0,
    maxRequestsPerConnection: 0,
    maxHeadersCount: 100,
    maxResponseHeadersBytes: 65536,
    protocol: "http1" as const,
    http2: null,
    maxStreamDurationMs: 0,
    autoSni: false,
    autoSanValidation: false,
    autoSniHeader: "",
    enableTrailers: false,
  };
  return {
    name,
    statName: name,
    discovery: { kind: "static" },
    endpoints: [],
    connectTimeoutMs: 1000,
    bufferLimitBytes: 1 << 20,
    lb: PLAIN_ROUND_ROBIN,
    tcpKeepalive: null,
    proxyProtocol: null,
    preconnect: { perUpstream: 1, predictive: 1 },
    tls: null,
    http,
    place,
    ...model,
  };
}

export function config(
  listeners: readonly ListenerModel[],
  more: {
    clusters?: readonly ClusterModel[];
    watchdog?: Partial<WatchdogModel>;
    bootstrap?: CompiledConfig["bootstrap"];
  } = {},
): CompiledConfig {
  return {
    node: { id: "test-node", cluster: "test-cluster" },
    listeners,
    clusters: more.clusters ?? [],
    admin: null,
    runtime: { layers: [{ name: "", kind: "admin" }] },
    watchdog: { missMs: 200, megamissMs: 1000, killMs: 10_000, ...more.watchdog },
    extensions: [],
    bootstrap: more.bootstrap ?? {},
  };
}
