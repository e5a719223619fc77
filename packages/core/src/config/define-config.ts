/** The short form's types, and `defineConfig`, which gives editors something to complete in `sluice.config.ts`. Reference: docs/configuration/short-form.md. */
import type { DefinitionBase, HttpStream, RequestHeaders, Verdict } from "@sluice/sdk";
import type {
  LoadBalancingConfig,
  BalancingPolicyName,
  LocalityConfig,
  SubsetValuesConfig,
} from "./define-balancing.ts";
import type { AccessLogsConfig, HttpOptionsConfig } from "./define-http.ts";
import type { HealthCheckConfig, OutlierDetectionConfig } from "./define-health.ts";
import type { CircuitBreakersConfig } from "./define-resilience.ts";
import type { HeaderChangesConfig, RouteConfig, VirtualHostConfig } from "./define-routes.ts";

export type * from "./define-health.ts";
export type * from "./define-balancing.ts";
export type * from "./define-http.ts";
export type * from "./define-resilience.ts";
export type * from "./define-routes.ts";

/** Seconds with an `s`, as in Envoy: `3s`, `0.25s`. `0s` means none where that is possible. */
export type DurationText = `${number}s`;
/** `host:port`, `[ipv6]:port`, `:port` (every address), `unix:/path`. */
export type AddressText = string;
/** Name → value. Values are texts with command operators (`%REQ(x-id)%`). */
export type HeaderTexts = Readonly<Record<string, string>>;

export interface SluiceConfig {
  /** Who this proxy is, for logs and control planes. */
  readonly node?: { readonly id?: string; readonly cluster?: string };
  /** npm packages and local files (`./filters/audit.ts`) that bring filters; in a `sluice.config.ts` also definitions themselves. */
  readonly extensions?: readonly (string | ExtensionConfig | InlineFilter)[];
  readonly listeners?: readonly ListenerConfig[];
  readonly clusters?: Readonly<Record<string, ClusterConfig | AddressText | readonly AddressText[]>>;
  /** Address of the admin interface; none: there is none. */
  readonly admin?: AddressText;
  readonly filter_cost?: FilterCostConfig;
  /** None: nobody is given traces of requests. */
  readonly debug_trace?: DebugTraceConfig;
}

/** A module, with what only WebAssembly components have. */
export interface ExtensionConfig {
  /** As in the short way to write it; options need a file or a package that is a `.wasm`. */
  readonly module: string;
  /** What each instance may have of memory: `16MiB`. @default 64MiB */
  readonly memory?: string | number;
  /** What it gets of WASI. @default none */
  readonly grants?: readonly ("clocks" | "environment" | "random" | "stdout")[];
}

/** What is measured of filters while they run. */
export interface FilterCostConfig {
  /** The share of streams that are measured; 1: all. @default 1/128 */
  readonly sample?: `1/${number}` | 1 | "off";
}

/** Who is told, in a response header, which way its request took through the filters. */
export interface DebugTraceConfig {
  /** The request header that asks. @default x-sluice-debug */
  readonly header?: string;
  /** Ranges of the peers that may ask: `127.0.0.0/8`. */
  readonly trusted: readonly string[];
}

export interface ListenerConfig {
  readonly name?: string;
  readonly address: AddressText;
  readonly tls?: ListenerTlsConfig;
  readonly http?: HttpConfig;
  /** A cluster's name, or more. */
  readonly tcp?: string | TcpConfig;
  /** Network filters, before `http` or `tcp` or alone. */
  readonly filters?: readonly (FilterConfig | InlineFilter)[];
  /** Connections begin with a PROXY protocol header; or the configuration of that listener filter. */
  readonly proxy_protocol?: boolean | ProxyProtocolConfig;
  /** Listener filters, in the order in which they run, before everything else. */
  readonly listener_filters?: readonly (FilterConfig | InlineFilter)[];
  /** The time that they have for a connection. @default 15s */
  readonly listener_filters_timeout?: DurationText;
  /** After that time the connection goes on; else it is closed. @default false */
  readonly continue_on_listener_filters_timeout?: boolean;
  /** Bytes that wait for a slow peer before its other side is paused. */
  readonly buffer_limit?: number;
  readonly stat_prefix?: string;
}

/** Reference: packages/filters-l4/src/proxy-protocol/README.md. */
export interface ProxyProtocolConfig {
  readonly allow_requests_without_proxy_protocol?: boolean;
  readonly disallowed_versions?: readonly ("V1" | "V2")[];
  readonly rules?: readonly {
    readonly tlv_type: number;
    readonly on_tlv_present: { readonly key: string; readonly metadata_namespace?: string };
  }[];
  readonly pass_through_tlvs?: {
    readonly match_type?: "INCLUDE_ALL" | "INCLUDE";
    readonly tlv_type?: readonly number[];
  };
  readonly stat_prefix?: string;
}

export interface HttpConfig extends HttpOptionsConfig {
  /** HTTP filters in their order; the router is added at the end. */
  readonly filters?: readonly (FilterConfig | InlineFilter | RequestHook)[];
  readonly routes?: readonly RouteConfig[];
  /** Instead of `routes`. */
  readonly virtual_hosts?: readonly VirtualHostConfig[];
  /** Envoy's recommendations for proxies that face the internet. */
  readonly edge?: boolean;
  readonly stat_prefix?: string;
  readonly server_name?: string;
  readonly idle_timeout?: DurationText;
  readonly stream_idle_timeout?: DurationText;
  readonly request_timeout?: DurationText;
  readonly request_headers_timeout?: DurationText;
  readonly max_connection_duration?: DurationText;
  readonly max_stream_duration?: DurationText;
  readonly drain_timeout?: DurationText;
  readonly delayed_close_timeout?: DurationText;
  readonly max_request_headers_kb?: number;
  readonly max_headers_count?: number;
  readonly max_requests_per_connection?: number;
  readonly use_remote_address?: boolean;
  /** Proxies before this one that may be believed. Envoy: xff_num_trusted_hops. */
  readonly trusted_hops?: number;
  readonly internal_addresses?: readonly string[];
  readonly via?: string;
  readonly request_id?: RequestIdConfig | boolean;
  readonly normalize_path?: boolean;
  readonly merge_slashes?: boolean;
  readonly escaped_slashes?: "keep" | "reject" | "redirect" | "unescape";
  readonly underscores?: "allow" | "reject" | "drop";
  readonly strip_port?: "any" | "matching";
  /** As in `[websocket]`. */
  readonly upgrades?: readonly string[];
  readonly http_10?: boolean | string;
  readonly trailers?: boolean;
  /** false: clients speak HTTP/1 only. @default both, by ALPN or the connection's first bytes */
  readonly http2?: Http2Config | boolean;
  readonly request_headers?: HeaderChangesConfig;
  readonly response_headers?: HeaderChangesConfig;
}

export interface Http2Config {
  /** @default 1024; with `edge` 100 */
  readonly max_concurrent_streams?: number;
  /** Bytes of a request that a client may send ahead. @default 16777216; with `edge` 65536 */
  readonly stream_window?: number;
  /** The same for all requests of a connection. @default 25165824; with `edge` 1048576 */
  readonly connection_window?: number;
}

export interface RequestIdConfig {
  readonly generate?: boolean;
  readonly preserve?: boolean;
  readonly in_response?: boolean;
}

/**
 * What `defineHttpFilter` and its like return, in the place of a filter that needs no configuration: in a `sluice.config.ts`, or in the configuration of a program with
 * `concurrency: 0`. One that is configured stands in `extensions` and is named by its id.
 */
export type InlineFilter = DefinitionBase & { readonly create: (...parameters: never[]) => unknown };

/** The smallest filter: `onRequestHeaders` alone. */
export type RequestHook = (headers: RequestHeaders, end: boolean, stream: HttpStream) => Verdict | Promise<Verdict>;

/**
 * One filter: its name alone, or its name with its configuration. The name is the last part of a built-in id (`buffer`), a whole id
 * (`acme.http.greeting`), or what stands in `extensions`. Beside it: `name` in the chain, `disabled`, `on_error`, `runtime`.
 */
export type FilterConfig =
  | string
  | ({
      readonly name?: string;
      readonly disabled?: boolean;
      readonly on_error?: "fail" | "continue";
      readonly runtime?: "inline" | "worker" | { readonly worker: WorkerRuntimeConfig };
    } & Readonly<Record<string, unknown>>);

/** Threads of its own for one filter, in every worker: they isolate faults, not malice. Durations like `50ms`. */
export interface WorkerRuntimeConfig {
  /** @default 1 */
  readonly threads?: number;
  /** A thread that runs so long without yielding is terminated, and its streams are answered as `on_error` says. @default 50ms */
  readonly max_time?: string;
  /** A hook that awaits so long is given up, for its stream alone. @default 5s */
  readonly max_held_time?: string;
  /** Of a thread: `64MiB`. @default 64MiB */
  readonly memory?: string | number;
  /** Hook calls of a thread that wait for an answer; more are refused. @default 1024 */
  readonly max_queue?: number;
  /** Options of Node for the threads, like `--permission`. */
  readonly exec_argv?: readonly string[];
}

export interface TcpConfig {
  readonly cluster?: string;
  readonly clusters?: Readonly<Record<string, number>>;
  readonly idle_timeout?: DurationText;
  readonly max_connect_attempts?: number;
  readonly max_connection_duration?: DurationText;
  /** Connections with the same hash reach the same host, where the cluster's policy hashes. */
  readonly hash?: "source_ip" | { readonly filter_state: string };
  /** Only hosts that have these values. */
  readonly subset?: SubsetValuesConfig;
  /** Connections go upstream inside a CONNECT to this host and port (a format), through a proxy among the cluster's endpoints. */
  readonly tunnel?: string | TcpTunnelConfig;
  readonly access_log?: AccessLogsConfig;
  readonly stat_prefix?: string;
}

export interface TcpTunnelConfig {
  /** Host and port, with command operators: `%REQUESTED_SERVER_NAME%:443`. */
  readonly to: string;
  /** POST instead of CONNECT; as a text: its path. */
  readonly post?: boolean | string;
  /** Of the request for the tunnel; values with command operators. */
  readonly headers?: HeaderTexts;
  /** The answer's headers or trailers become filter state, for access logs. */
  readonly keep_response_headers?: boolean;
  readonly keep_response_trailers?: boolean;
}

/** Files are relative to the configuration; a text that begins with `-----BEGIN` is the PEM itself. */
export interface CertificateConfig {
  readonly cert: string;
  readonly key: string;
  readonly password_file?: string;
}

export interface TlsOptionsConfig {
  readonly min_version?: TlsVersion;
  readonly max_version?: TlsVersion;
  readonly ciphers?: readonly string[];
  readonly curves?: readonly string[];
  readonly alpn?: readonly string[];
}

export type TlsVersion = "1.0" | "1.1" | "1.2" | "1.3";

export interface ListenerTlsConfig extends TlsOptionsConfig {
  readonly cert?: string;
  readonly key?: string;
  readonly password_file?: string;
  /** Instead of `cert` and `key`: chosen by server name. */
  readonly certificates?: readonly CertificateConfig[];
  /** Clients must show a certificate of this authority. */
  readonly client_ca?: string;
  /** Names of which the client's certificate must carry one: DNS names, `spiffe://…`, e-mail or IP addresses. */
  readonly client_names?: readonly string[];
  /** `false`: clients may come without a certificate; one that is shown is verified. @default true */
  readonly require_client_certificate?: boolean;
  readonly handshake_timeout?: DurationText;
}

export interface ClusterTlsConfig extends TlsOptionsConfig {
  /** Server name to ask for, and to verify unless `verify` says otherwise. The endpoints' host name unless told. */
  readonly sni?: string;
  /** Authorities; the system's unless told. */
  readonly ca?: string;
  /** Names of which the certificate must carry one; `false`: trust anybody. */
  readonly verify?: false | string | readonly string[];
  readonly cert?: string;
  readonly key?: string;
  readonly password_file?: string;
}

export interface ClusterConfig {
  /** Host names among them are resolved all the time. */
  readonly endpoints?: readonly (AddressText | EndpointConfig)[];
  /** One name instead of endpoints: every address that it has is a host. */
  readonly dns?: AddressText;
  /** Other clusters instead of endpoints: the next one takes what those before it can not. */
  readonly aggregate?: readonly string[];
  /** Code of an extension finds the hosts: its name, or its name with its configuration. */
  readonly discovery?: string | Readonly<Record<string, unknown>>;
  /** Requests go to the address in this header; or Envoy's `original_dst_lb_config`. `{}`: where a PROXY protocol header says that their connection was meant for. */
  readonly original_dst?: string | Readonly<Record<string, unknown>>;
  /** Requests say where they go: Envoy's DnsCacheConfig, the same as in the filter `dynamic_forward_proxy`; `deny_private_addresses` is Sluice's. */
  readonly forward_proxy?: Readonly<Record<string, unknown>> & {
    readonly name: string;
    readonly deny_private_addresses?: boolean;
  };
  /** One name instead: one host, whose address is the first of the newest answer. */
  readonly logical_dns?: AddressText;
  /** SRV records instead, as in `_http._tcp.web.internal`: ports, priorities and weights are theirs. */
  readonly srv?: string;
  /** A file instead, in JSON or YAML, that is watched: Envoy's ClusterLoadAssignment of the cluster's name. */
  readonly endpoints_file?: string;
  readonly dns_refresh?: DurationText;
  readonly dns_ttl?: boolean;
  /** Every refresh is later by chance, by less than this. */
  readonly dns_jitter?: DurationText;
  /** The first pause after a name was not answered; it doubles up to ten times that. `dns_refresh` unless told. */
  readonly dns_failure_refresh?: DurationText;
  /** Name servers to ask, in place of the system's. */
  readonly dns_servers?: readonly AddressText[];
  readonly dns_family?: "auto" | "v4_only" | "v6_only" | "v4_preferred" | "all";
  /** Which host gets which request: the name of a policy, or its options. @default round_robin */
  readonly load_balancing?: BalancingPolicyName | LoadBalancingConfig;
  /** `auto`: HTTP/2 with hosts that take it (ALPN, so over TLS), HTTP/1 with the others. `downstream`: as the client of each request. HTTP/1 unless told. */
  readonly protocol?: "http1" | "http2" | "auto" | "downstream";
  /** Connections begin with a PROXY protocol header that tells the client's address. */
  readonly proxy_protocol?: "v1" | "v2";
  /** Seconds without traffic after which the system asks whether the peer is still there. */
  readonly tcp_keepalive?: number;
  /** Places on connections that are kept for each stream, 1 to 3: connections in advance. */
  readonly preconnect?: number;
  /** What it is given at most, by all workers together. */
  readonly circuit_breakers?: CircuitBreakersConfig;
  readonly connect_timeout?: DurationText;
  readonly tls?: boolean | ClusterTlsConfig;
  readonly buffer_limit?: number;
  readonly idle_timeout?: DurationText;
  readonly max_connection_duration?: DurationText;
  readonly max_stream_duration?: DurationText;
  readonly max_requests_per_connection?: number;
  readonly max_headers_count?: number;
  readonly trailers?: boolean;
  /** Of HTTP/1 headers: `Content-Type` (proper), or as clients and endpoints wrote them (preserve). @default lower case */
  readonly header_case?: "proper" | "preserve";
  readonly stat_name?: string;
  /** A path that is asked for, or more. Hosts that do not pass get no traffic. */
  readonly health_check?: string | HealthCheckConfig;
  /** Hosts whose answers are bad get no traffic for a while. */
  readonly outlier_detection?: boolean | OutlierDetectionConfig;
}

export interface EndpointConfig {
  readonly address: AddressText;
  readonly weight?: number;
  readonly hostname?: string;
  readonly health?: "healthy" | "unhealthy" | "draining" | "degraded";
  /** Hosts of the next number get what those of the smaller ones cannot carry. @default 0 */
  readonly priority?: number;
  readonly locality?: LocalityConfig;
  /** What subsets are made of: `{ version: "2" }`. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Returns its argument, with its type. */
export function defineConfig(config: SluiceConfig): SluiceConfig {
  return config;
}
