/** Connection managers in the compiled configuration: plain data. Durations are milliseconds; 0, `null` and empty lists are what is off. */
import type { LogFilterModel } from "./log-filter-model.ts";
import type { RuntimeFractionModel } from "./match-model.ts";
import type { AccessLogModel, Http2Model, HttpFilterModel, Json } from "./model.ts";
import type { HeaderMutationModel, RouteConfigModel } from "./route-model.ts";

/** A text with command operators (ending in a line break where one is wanted), or a tree of them for one JSON text. */
export type FormatModel =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "json"; readonly json: Json; readonly sortKeys: boolean };

/** A format and how it is rendered. Envoy: SubstitutionFormatString. */
export interface FormatStringModel {
  readonly format: FormatModel;
  /** What is missing: left out of JSON, empty in texts; else `null` and `-`. Envoy: omit_empty_values. */
  readonly omitEmpty: boolean;
}

export interface HcmModel extends HcmOptionsModel {
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
  readonly upgrades: readonly UpgradeModel[];
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
  /** `auto`: by ALPN, else by the first bytes. */
  readonly codecType: "auto" | "http1" | "http2";
  readonly http1: Http1ServerModel;
  readonly http2: Http2Model;
  readonly observe: ObserveModel;
}

/** What is measured of filters while they run, and who may ask for the trace of a request. The same in all connection managers. */
export interface ObserveModel {
  /** One stream in so many is measured; 0: none. Short form: `filter_cost.sample`, 128 unless told. */
  readonly sampleEvery: number;
  /** null: nobody is given one. */
  readonly debugTrace: DebugTraceModel | null;
}

export interface DebugTraceModel {
  /** Lower-case name of the request header that asks for a trace. */
  readonly header: string;
  /** Whose requests get one: CIDRs of the peers of sockets. */
  readonly trustedCidrs: readonly string[];
}

export interface Http1ServerModel {
  readonly acceptHttp10: boolean;
  /** Host for HTTP/1.0 requests without one; empty: refuse them. */
  readonly defaultHostForHttp10: string;
  readonly enableTrailers: boolean;
  /** false: absolute-form targets are refused. Envoy: allow_absolute_url, true. */
  readonly allowAbsoluteUrl: boolean;
  /** `content-length` beside `transfer-encoding: chunked` is dropped instead of refused, and the connection ends with the message. Envoy: allow_chunked_length, false. */
  readonly allowChunkedLength: boolean;
  readonly headerCase: HeaderCaseModel;
}

/** How names of headers are spelt towards an HTTP/1 peer. Envoy: Http1ProtocolOptions.HeaderKeyFormat. */
export interface HeaderCaseModel {
  /** Of names whose spelling nobody remembers. */
  readonly style: "lower" | "proper";
  /** Spellings of this peer's messages are kept, for whoever the message goes on to. */
  readonly preserves: boolean;
}

export interface HcmOptionsModel {
  readonly clientCert: ClientCertModel;
  /** null: local replies are as filters and the manager make them. */
  readonly localReplies: LocalRepliesModel | null;
  readonly accessLogTimes: AccessLogTimesModel;
  /** Before anything else looks at the request; in their order. */
  readonly earlyMutations: readonly HeaderMutationModel[];
  /** Asked in their order who the client is; never together with `useRemoteAddress`. */
  readonly ipDetection: readonly IpDetectionModel[];
  readonly requestIdPacking: RequestIdPackingModel;
  readonly tracing: TracingModel | null;
  /** Envoy: add_user_agent, with node.cluster and node.id. */
  readonly userAgent: { readonly cluster: string; readonly node: string } | null;
  readonly stripTrailingHostDot: boolean;
  /** Scheme of every request, and its x-forwarded-proto; empty: the client's. Envoy: scheme_header_transformation. */
  readonly scheme: "" | "http" | "https";
  readonly proxyStatus: ProxyStatusModel | null;
  /** IPv4 clients are `::ffff:1.2.3.4` in the headers that name them. Envoy: represent_ipv4_remote_address_as_ipv4_mapped_ipv6. */
  readonly mapsIpv4: boolean;
  /** Clients on Unix sockets are internal. Envoy: internal_address_config.unix_sockets. */
  readonly internalUnixSockets: boolean;
  /** A request that the manager refuses leaves its HTTP/1 connection open. Envoy: stream_error_on_invalid_http_message. */
  readonly streamErrorOnInvalidMessage: boolean;
}

export interface UpgradeModel {
  /** Lower-case: `websocket`, `connect`. */
  readonly type: string;
  readonly enabled: boolean;
  /** Of such streams; absent or null: the manager's. */
  readonly filters?: readonly HttpFilterModel[] | null;
}

/** x-forwarded-client-cert. Envoy: forward_client_cert_details, set_current_client_cert_details. */
export interface ClientCertModel {
  readonly mode: "sanitize" | "forward_only" | "append_forward" | "sanitize_set" | "always_forward_only";
  readonly subject: boolean;
  readonly cert: boolean;
  readonly chain: boolean;
  readonly dns: boolean;
  readonly uri: boolean;
}

/** Envoy: LocalReplyConfig. */
export interface LocalRepliesModel {
  /** The first whose filter passes. */
  readonly mappers: readonly LocalReplyMapperModel[];
  /** null: `%LOCAL_REPLY_BODY%`. */
  readonly body: ReplyBodyModel | null;
}
export interface LocalReplyMapperModel {
  readonly filter: LogFilterModel;
  /** 0: as it was. */
  readonly status: number;
  /** null: as it was. */
  readonly body: string | null;
  readonly bodyFormat: ReplyBodyModel | null;
  readonly headers: HeaderMutationModel;
}
export interface ReplyBodyModel extends FormatStringModel {
  readonly contentType: string;
}

/** When an access log has a line besides the one at the end. Envoy: HcmAccessLogOptions. */
export interface AccessLogTimesModel {
  /** 0: never. */
  readonly intervalMs: number;
  readonly onNewRequest: boolean;
  readonly onTunnel: boolean;
}

/** Who the client is where neither the socket nor plain x-forwarded-for says it. Envoy: original_ip_detection_extensions. */
export type IpDetectionModel =
  | { readonly kind: "xff"; readonly trustedHops: number }
  | {
      readonly kind: "custom_header";
      readonly header: string;
      /** What it says makes a request internal or not. */
      readonly isTrusted: boolean;
      /** Answer where the header holds no address; 0: go on. */
      readonly rejectStatus: number;
    };

/** Envoy: UuidRequestIdConfig. */
export interface RequestIdPackingModel {
  /** The id tells whether the request is traced. */
  readonly packTraceReason: boolean;
  /** The same id is sampled alike everywhere. */
  readonly useForTraceSampling: boolean;
}

/** Envoy: HttpConnectionManager.Tracing. There are no tracers yet: what is decided stands in the request id and in access logs. */
export interface TracingModel {
  readonly clientSampling: RuntimeFractionModel;
  readonly randomSampling: RuntimeFractionModel;
  readonly overallSampling: RuntimeFractionModel;
  readonly verbose: boolean;
  readonly maxPathTagLength: number;
  readonly spawnUpstreamSpan: boolean;
  readonly customTags: readonly CustomTagModel[];
}

/** A tag of spans, and where its value is from. */
export type CustomTagModel = { readonly tag: string } & (
  | { readonly kind: "literal"; readonly value: string }
  | { readonly kind: "environment"; readonly name: string; readonly otherwise: string }
  | { readonly kind: "request_header"; readonly name: string; readonly otherwise: string }
  | {
      readonly kind: "metadata";
      readonly of: "request" | "route" | "cluster" | "host";
      readonly namespace: string;
      readonly path: readonly string[];
      readonly otherwise: string;
    }
);

/** The `proxy-status` header of responses that this proxy made or spoilt (RFC 9209). Envoy: ProxyStatusConfig. */
export interface ProxyStatusModel {
  readonly name: string;
  readonly withDetails: boolean;
  readonly withTermination: boolean;
  readonly withFlags: boolean;
  readonly setsStatus: boolean;
}
