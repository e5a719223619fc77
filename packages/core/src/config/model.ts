/**
 * The compiled configuration: plain data (structured-cloneable), made in main from Envoy messages and posted to every worker.
 * Everything is resolved and defaulted here; nothing is parsed again but what belongs to filters. Durations are milliseconds; 0 means "none" unless said.
 */

import type { BalancingModel, LocalityModel } from "./balancing-model.ts";
import type { DiscoveryModel } from "./discovery-model.ts";
import type { FormatStringModel, HcmModel, HeaderCaseModel } from "./hcm-model.ts";
import type { ClusterHealthModel, EndpointHealthModel } from "./health-model.ts";
import type { LogFilterModel } from "./log-filter-model.ts";
import type { CircuitBreakersModel } from "./retry-model.ts";
import type { WorkerRuntimeModel } from "./runtime-model.ts";

export type * from "./balancing-model.ts";
export type * from "./discovery-model.ts";
export type * from "./hcm-model.ts";
export type * from "./health-model.ts";
export type * from "./log-filter-model.ts";
export type * from "./match-model.ts";
export type * from "./retry-model.ts";
export type * from "./route-model.ts";
export type { WorkerRuntimeModel };

/** A JSON value: what extension configurations are made of (proto3 JSON with snake_case names). */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Where in the user's file something stands, for messages: the path and `file:line:column`. */
export interface ConfigPlace {
  readonly path: string;
  readonly position: string;
}

export interface CompiledConfig {
  readonly node: { readonly id: string; readonly cluster: string };
  readonly listeners: readonly ListenerModel[];
  readonly clusters: readonly ClusterModel[];
  readonly admin: AdminModel | null;
  readonly watchdog: WatchdogModel;
  readonly runtime: RuntimeModel;
  /** Modules to import in every thread that hosts filters: resolved file URLs. Built-in packages are not listed. */
  readonly extensions: readonly ExtensionModule[];
  /** The long form as plain JSON, for `/config_dump` and `translate`. */
  readonly bootstrap: Json;
}

/** A module whose default export is one definition or an array of them. */
export interface ExtensionModule {
  /** As written: package name or path. */
  readonly specifier: string;
  /** Resolved `file:` URL; a fragment is the path of a definition that stands inside a `sluice.config.ts`. */
  readonly url: string;
  readonly place: ConfigPlace;
  /** Under `run --watch`, for modules of the user's own: what every thread compiles instead of importing the URL. */
  readonly bundle?: ModuleBundle | undefined;
}

/** A module and the files that it imports as one function body; packages stay outside. Compiled functions are freed, imported modules never are. */
export interface ModuleBundle {
  /** Of code and map: another digest is another version of the module. */
  readonly digest: string;
  /** null: the module's own loader reads the file again (components). */
  readonly code: string | null;
  /** Source map (JSON) of the code. */
  readonly map: string;
  /** URLs (or `node:` names) that the code asks for; imported before it runs. */
  readonly externals: readonly string[];
  /** Whether the code has an `import()` of its own. */
  readonly importsDynamically: boolean;
}

export interface AdminModel {
  readonly address: AddressModel;
}

/** From the first to the last: the last layer that has a key decides. */
export interface RuntimeModel {
  readonly layers: readonly RuntimeLayerModel[];
}
export type RuntimeLayerModel =
  /** Dotted keys; fractions as JSON. */
  | { readonly name: string; readonly kind: "static"; readonly entries: Readonly<Record<string, string>> }
  | { readonly name: string; readonly kind: "admin" };

export interface WatchdogModel {
  /** A worker silent for so long is counted and named. Envoy: watchdogs.worker_watchdog.miss_timeout, 200 ms. */
  readonly missMs: number;
  /** Envoy: megamiss_timeout, 1000 ms. */
  readonly megamissMs: number;
  /** A worker silent for so long is terminated and replaced; 0: never. 10 000 ms unless told. */
  readonly killMs: number;
}

export type AddressModel =
  | { readonly kind: "ip"; readonly host: string; readonly port: number }
  | { readonly kind: "pipe"; readonly path: string; readonly mode: number };

/** A configured extension instance: which filter, with which configuration. */
export interface ExtensionModel {
  /** The name in its chain: key of per-route configuration. */
  readonly name: string;
  /** Definition id (`envoy.filters.http.router`, `acme.http.greeting`). */
  readonly id: string;
  /** Input of the definition's schema. */
  readonly config: Json;
  readonly place: ConfigPlace;
}

export interface HttpFilterModel extends ExtensionModel {
  /** Present but off unless a route turns it on. */
  readonly disabled: boolean;
  /** What happens when the filter throws: answer 500, or go on without it. Short form: `on_error`. */
  readonly onError: "fail" | "continue";
  /** The threads that it runs in; absent: inline, in the worker's own code. Short form: `runtime`. */
  readonly runtime?: WorkerRuntimeModel;
}

export interface ListenerModel {
  readonly name: string;
  readonly address: AddressModel;
  /** Stat prefix: `stat_prefix`, else the address with `:` as `_`. */
  readonly statPrefix: string;
  readonly bufferLimitBytes: number;
  readonly backlog: number;
  readonly reusePort: boolean;
  /** Exactly one for now: which connection takes which chain is not a choice yet. */
  readonly filterChain: FilterChainModel;
  /** Absent: none. */
  readonly listenerFilters?: ListenerFiltersModel;
  readonly place: ConfigPlace;
}

export interface ListenerFiltersModel {
  /** At least one, in the order in which they run. */
  readonly filters: readonly ExtensionModel[];
  /** For all of them together; 0: none. Envoy: listener_filters_timeout, 15 s. */
  readonly timeoutMs: number;
  /** Envoy: continue_on_listener_filters_timeout. */
  readonly continueOnTimeout: boolean;
}

export interface FilterChainModel {
  readonly name: string;
  readonly tls: DownstreamTlsModel | null;
  /** Of the TLS handshake; 0: none. Envoy: transport_socket_connect_timeout. */
  readonly handshakeTimeoutMs: number;
  readonly filters: readonly NetworkFilterModel[];
}

/** The connection manager is part of core; every other network filter is an extension. */
export type NetworkFilterModel =
  | {
      readonly kind: "http_connection_manager";
      readonly name: string;
      readonly hcm: HcmModel;
      readonly place: ConfigPlace;
    }
  | ({
      readonly kind: "extension";
      readonly statPrefix: string;
      readonly accessLogs: readonly AccessLogModel[];
    } & ExtensionModel);

export interface CertificateModel {
  /** PEM text. Read in main; never in dumps. */
  readonly cert: string;
  readonly key: string;
  readonly passphrase: string | null;
  /** Where it came from, for `/certs` and errors. */
  readonly source: string;
}

export interface TlsCommonModel {
  readonly minVersion: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";
  readonly maxVersion: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";
  /** OpenSSL cipher list; empty: Node's default. */
  readonly ciphers: string;
  readonly curves: string;
  readonly alpn: readonly string[];
  /** PEM of the authorities; null: none given. */
  readonly trustedCa: string | null;
  readonly crl: string | null;
  /** Names that the peer's certificate must carry, any of them; empty: none asked. */
  readonly sanMatchers: readonly SanMatcherModel[];
  /** Lower-case hex SHA-256 of the whole certificate (verify_certificate_hash) and base64 of the SPKI's (verify_certificate_spki). */
  readonly certificateHashes: readonly string[];
  readonly spkiHashes: readonly string[];
}

export interface SanMatcherModel {
  readonly type: "dns" | "uri" | "email" | "ip";
  readonly matcher: StringMatcherModel;
}

export interface DownstreamTlsModel extends TlsCommonModel {
  /** Chosen by server name against the certificates' names; the first is the default. */
  readonly certificates: readonly CertificateModel[];
  readonly requireClientCertificate: boolean;
}

export interface UpstreamTlsModel extends TlsCommonModel {
  readonly certificates: readonly CertificateModel[];
  /** Server name to send; empty: none. */
  readonly sni: string;
  /** Short form: verify against the system's authorities, and the host's name. */
  readonly systemCa: boolean;
  readonly verifyHostname: string;
  /** Sessions that are kept to be resumed, per host and server name; 0: none. Envoy: max_session_keys, 1. */
  readonly maxSessionKeys: number;
}

export interface StringMatcherModel {
  readonly kind: "exact" | "prefix" | "suffix" | "contains" | "regex";
  readonly value: string;
  readonly ignoreCase: boolean;
}

export interface AccessLogModel extends FormatStringModel {
  readonly sink:
    | { readonly kind: "file"; readonly path: string }
    | { readonly kind: "stdout" }
    | { readonly kind: "stderr" };
  /** null: every line is written. */
  readonly filter: LogFilterModel | null;
  readonly place: ConfigPlace;
}

/** Envoy's `Http2ProtocolOptions` with its defaults; of clients and of servers. */
export interface Http2Model {
  readonly hpackTableSize: number;
  readonly maxConcurrentStreams: number;
  readonly initialStreamWindowSize: number;
  readonly initialConnectionWindowSize: number;
  /** Extended CONNECT: WebSocket over HTTP/2. */
  readonly allowConnect: boolean;
  readonly maxOutboundFrames: number;
  readonly maxOutboundControlFrames: number;
  readonly maxConsecutiveInboundFramesWithEmptyPayload: number;
  readonly maxInboundPriorityFramesPerStream: number;
  readonly maxInboundWindowUpdateFramesPerDataFrameSent: number;
  readonly streamErrorOnInvalidHttpMessage: boolean;
  readonly customSettingsParameters: ReadonlyArray<readonly [number, number]>;
  /** null: no PINGs. */
  readonly connectionKeepalive: {
    readonly intervalMs: number;
    readonly timeoutMs: number;
    readonly intervalJitterPercent: number;
    readonly connectionIdleIntervalMs: number;
  } | null;
}

export interface ClusterModel {
  readonly name: string;
  readonly statName: string;
  readonly discovery: DiscoveryModel;
  readonly endpoints: readonly EndpointModel[];
  readonly connectTimeoutMs: number;
  readonly bufferLimitBytes: number;
  readonly lb: BalancingModel;
  readonly tls: UpstreamTlsModel | null;
  /** Envoy: upstream_connection_options.tcp_keepalive; null: none. */
  readonly tcpKeepalive: TcpKeepaliveModel | null;
  /** What connections begin with; null: nothing. Envoy: transport socket upstream_proxy_protocol. */
  readonly proxyProtocol: ProxyProtocolModel | null;
  /** Connections that are opened in advance: so many places for each stream; 1: none. Envoy: preconnect_policy. */
  /** Absent: Envoy's defaults. */
  readonly circuitBreakers?: CircuitBreakersModel;
  readonly preconnect: { readonly perUpstream: number; readonly predictive: number };
  readonly http: {
    /** `auto`: what each connection's ALPN says, HTTP/1 without TLS. `downstream`: what the client of the request speaks. */
    readonly protocol: "http1" | "http2" | "auto" | "downstream";
    /** null: HTTP/2 is not configured; where it is spoken nevertheless, with Envoy's defaults. */
    readonly http2: Http2Model | null;
    /** 0: no limit. */
    readonly maxStreamDurationMs: number;
    /** The server name is the request's authority, unless that is an address. */
    readonly autoSni: boolean;
    /** The server's certificate must be for the request's authority. */
    readonly autoSanValidation: boolean;
    /** Lower-case name of a header that takes the authority's place in both, where it is there; empty: none. */
    readonly autoSniHeader: string;
    readonly idleTimeoutMs: number;
    readonly maxConnectionDurationMs: number;
    /** 0: no limit. */
    readonly maxRequestsPerConnection: number;
    readonly maxHeadersCount: number;
    readonly maxResponseHeadersBytes: number;
    readonly enableTrailers: boolean;
    /** Of HTTP/1 responses; absent: refused. Envoy: allow_chunked_length. */
    readonly allowChunkedLength?: boolean;
    /** Absent: lower case. */
    readonly headerCase?: HeaderCaseModel;
  };
  /** Absent: its hosts are what discovery says they are. */
  readonly health?: ClusterHealthModel;
  readonly place: ConfigPlace;
}

/** 0: the system's own. */
export interface TcpKeepaliveModel {
  readonly probes: number;
  readonly idleMs: number;
  readonly intervalMs: number;
}

export interface ProxyProtocolModel {
  readonly version: 1 | 2;
  /** Types of the client's own TLVs that are passed on, in version 2. */
  readonly passTlvs: "all" | readonly number[];
}

export type HostMetadataModel = Readonly<Record<string, Readonly<Record<string, Json>>>>;

export interface EndpointModel {
  readonly address: AddressModel;
  /** Endpoint.hostname; empty: none. */
  readonly hostname: string;
  /** 1 or more. */
  readonly weight: number;
  readonly health: "healthy" | "unhealthy" | "draining" | "degraded";
  /** Absent: checked as the cluster says. */
  readonly healthCheck?: EndpointHealthModel;
  /** By namespace; absent: none. Envoy: LbEndpoint.metadata.filter_metadata. */
  readonly metadata?: HostMetadataModel;
  /** 0 is asked first; absent: 0. */
  readonly priority?: number;
  /** Absent: none. */
  readonly locality?: LocalityModel;
  readonly place: ConfigPlace;
}
