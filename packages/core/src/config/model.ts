/**
 * The compiled configuration: plain data (structured-cloneable), made in main from Envoy messages and posted to every worker.
 * Everything is resolved and defaulted here; nothing is parsed again but what belongs to filters. Durations are milliseconds; 0 means "none" unless said.
 */

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
  /** Modules to import in every thread that hosts filters: resolved file URLs. Built-in packages are not listed. */
  readonly extensions: readonly ExtensionModule[];
  /** The long form as plain JSON, for `/config_dump` and `translate`. */
  readonly bootstrap: Json;
}

/** A module whose default export is one definition or an array of them. */
export interface ExtensionModule {
  /** As written: package name or path. */
  readonly specifier: string;
  /** Resolved `file:` URL. */
  readonly url: string;
  readonly place: ConfigPlace;
}

export interface AdminModel {
  readonly address: AddressModel;
}

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
  readonly place: ConfigPlace;
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
}

export interface StringMatcherModel {
  readonly kind: "exact" | "prefix" | "suffix" | "contains" | "regex";
  readonly value: string;
  readonly ignoreCase: boolean;
}

export interface AccessLogModel {
  readonly sink:
    | { readonly kind: "file"; readonly path: string }
    | { readonly kind: "stdout" }
    | { readonly kind: "stderr" };
  /** A text with command operators (already ends in a line break where one is wanted), or a tree of them for a JSON line. */
  readonly format: { readonly kind: "text"; readonly text: string } | { readonly kind: "json"; readonly json: Json };
  readonly place: ConfigPlace;
}

export interface HcmModel {
  readonly statPrefix: string;
  readonly routeConfig: RouteConfigModel;
  readonly filters: readonly HttpFilterModel[];
  readonly accessLogs: readonly AccessLogModel[];
  readonly serverName: string;
  readonly serverHeader: "overwrite" | "append_if_absent" | "pass_through";
  readonly generateRequestId: boolean;
  readonly preserveExternalRequestId: boolean;
  readonly alwaysSetRequestIdInResponse: boolean;
  readonly useRemoteAddress: boolean;
  readonly xffNumTrustedHops: number;
  readonly skipXffAppend: boolean;
  readonly appendXForwardedPort: boolean;
  readonly via: string;
  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes: "KEEP_UNCHANGED" | "REJECT_REQUEST" | "UNESCAPE_AND_REDIRECT" | "UNESCAPE_AND_FORWARD";
  readonly underscores: "allow" | "reject" | "drop";
  readonly stripAnyHostPort: boolean;
  readonly stripMatchingHostPort: boolean;
  /** CIDRs whose addresses are internal (internal_address_config). */
  readonly internalCidrs: readonly string[];
  /** Upgrade types that are allowed, lower-case (`websocket`), and whether each is on. */
  readonly upgrades: ReadonlyArray<{ readonly type: string; readonly enabled: boolean }>;
  readonly maxRequestHeadersBytes: number;
  readonly maxHeadersCount: number;
  readonly streamIdleTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly requestHeadersTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly maxConnectionDurationMs: number;
  readonly maxStreamDurationMs: number;
  readonly maxRequestsPerConnection: number;
  readonly drainTimeoutMs: number;
  readonly delayedCloseTimeoutMs: number;
  /** true: `Expect: 100-continue` goes upstream; false: the connection manager answers it. Envoy: proxy_100_continue, false. */
  readonly proxy100Continue: boolean;
  readonly http1: Http1ServerModel;
}

export interface Http1ServerModel {
  readonly acceptHttp10: boolean;
  /** Host for HTTP/1.0 requests without one; empty: refuse them. */
  readonly defaultHostForHttp10: string;
  readonly enableTrailers: boolean;
  /** false: absolute-form targets are refused. Envoy: allow_absolute_url, true. */
  readonly allowAbsoluteUrl: boolean;
}

/** `typed_per_filter_config` of one level: filter name → its configuration there. */
export type PerFilterConfig = Readonly<Record<string, PerFilterEntry>>;
export interface PerFilterEntry {
  /** null: only `disabled` is said. */
  readonly config: Json | null;
  readonly disabled: boolean;
  readonly place: ConfigPlace;
}

export interface HeaderMutationModel {
  readonly add: readonly HeaderValueModel[];
  readonly remove: readonly string[];
}
export interface HeaderValueModel {
  readonly name: string;
  /** With command operators. */
  readonly value: string;
  readonly action: "append" | "add_if_absent" | "overwrite_or_add" | "overwrite_if_exists";
  readonly keepEmpty: boolean;
}

export interface RouteConfigModel {
  readonly name: string;
  readonly virtualHosts: readonly VirtualHostModel[];
  readonly requestHeaders: HeaderMutationModel;
  readonly responseHeaders: HeaderMutationModel;
  readonly mostSpecificHeaderMutationsWins: boolean;
  readonly ignorePortInHostMatching: boolean;
  readonly perFilterConfig: PerFilterConfig;
  readonly place: ConfigPlace;
}

export interface VirtualHostModel {
  readonly name: string;
  readonly domains: readonly string[];
  readonly requireTls: "none" | "external_only" | "all";
  readonly routes: readonly RouteModel[];
  readonly requestHeaders: HeaderMutationModel;
  readonly responseHeaders: HeaderMutationModel;
  readonly includeAttemptCount: boolean;
  readonly perFilterConfig: PerFilterConfig;
  readonly place: ConfigPlace;
}

export interface RouteModel {
  readonly name: string;
  readonly match: RouteMatchModel;
  readonly action: ForwardActionModel | RedirectActionModel | DirectActionModel;
  readonly requestHeaders: HeaderMutationModel;
  readonly responseHeaders: HeaderMutationModel;
  readonly perFilterConfig: PerFilterConfig;
  readonly place: ConfigPlace;
}

export interface RouteMatchModel {
  readonly path:
    | { readonly kind: "prefix"; readonly value: string }
    | { readonly kind: "exact"; readonly value: string }
    | { readonly kind: "separated_prefix"; readonly value: string }
    | { readonly kind: "regex"; readonly value: string }
    | { readonly kind: "connect" };
  readonly caseSensitive: boolean;
  readonly headers: readonly HeaderMatchModel[];
  readonly queryParameters: readonly QueryMatchModel[];
  readonly grpc: boolean;
}
export interface HeaderMatchModel {
  readonly name: string;
  readonly match:
    | { readonly kind: "string"; readonly matcher: StringMatcherModel }
    | { readonly kind: "present"; readonly present: boolean }
    | { readonly kind: "range"; readonly start: number; readonly end: number };
  readonly invert: boolean;
  readonly treatMissingAsEmpty: boolean;
}
export interface QueryMatchModel {
  readonly name: string;
  readonly match:
    | { readonly kind: "string"; readonly matcher: StringMatcherModel }
    | { readonly kind: "present"; readonly present: boolean };
}

export interface ForwardActionModel {
  readonly kind: "forward";
  /** One entry where the route names one cluster; its weight is then 1. */
  readonly clusters: readonly WeightedClusterModel[];
  readonly clusterNotFoundStatus: number;
  readonly prefixRewrite: string;
  readonly regexRewrite: { readonly pattern: string; readonly substitution: string } | null;
  readonly hostRewrite: string;
  readonly hostRewriteHeader: string;
  readonly autoHostRewrite: boolean;
  readonly appendXForwardedHost: boolean;
  readonly timeoutMs: number;
  /** -1: inherit. */
  readonly idleTimeoutMs: number;
  readonly maxStreamDurationMs: number;
  /** Per-route overrides of the connection manager's upgrades. */
  readonly upgrades: ReadonlyArray<{ readonly type: string; readonly enabled: boolean }>;
}
export interface WeightedClusterModel {
  readonly name: string;
  readonly weight: number;
  readonly hostRewrite: string;
  readonly requestHeaders: HeaderMutationModel;
  readonly responseHeaders: HeaderMutationModel;
  readonly perFilterConfig: PerFilterConfig;
}
export interface RedirectActionModel {
  readonly kind: "redirect";
  readonly status: number;
  readonly httpsRedirect: boolean;
  readonly schemeRedirect: string;
  readonly hostRedirect: string;
  readonly portRedirect: number;
  readonly pathRedirect: string;
  readonly prefixRewrite: string;
  readonly regexRewrite: { readonly pattern: string; readonly substitution: string } | null;
  readonly stripQuery: boolean;
}
export interface DirectActionModel {
  readonly kind: "direct";
  readonly status: number;
  /** null: no body. */
  readonly body: Uint8Array | null;
}

export interface ClusterModel {
  readonly name: string;
  readonly statName: string;
  readonly discovery:
    | { readonly kind: "static" }
    | {
        readonly kind: "strict_dns";
        readonly refreshMs: number;
        readonly respectTtl: boolean;
        readonly family: "auto" | "v4_only" | "v6_only" | "v4_preferred" | "all";
      };
  readonly endpoints: readonly EndpointModel[];
  readonly connectTimeoutMs: number;
  readonly bufferLimitBytes: number;
  readonly lb: "round_robin";
  readonly tls: UpstreamTlsModel | null;
  readonly http: {
    readonly idleTimeoutMs: number;
    readonly maxConnectionDurationMs: number;
    /** 0: no limit. */
    readonly maxRequestsPerConnection: number;
    readonly maxHeadersCount: number;
    readonly maxResponseHeadersBytes: number;
    readonly enableTrailers: boolean;
  };
  readonly place: ConfigPlace;
}

export interface EndpointModel {
  readonly address: AddressModel;
  /** Endpoint.hostname; empty: none. */
  readonly hostname: string;
  /** 1 to 128. */
  readonly weight: number;
  readonly health: "healthy" | "unhealthy" | "draining" | "degraded";
  readonly place: ConfigPlace;
}
