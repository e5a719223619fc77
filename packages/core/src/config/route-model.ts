/** Routes in the compiled configuration: plain data, resolved and defaulted. Durations are milliseconds; 0 means "none" unless said. */
import type { CustomTagModel } from "./hcm-model.ts";
import type { RateLimitPolicyModel, RouteRateLimitsModel } from "./rate-limit-model.ts";
import type { MatchTreeModel, RareConditionsModel } from "./match-model.ts";
import type { PackedHosts } from "./packed-routes.ts";
import type { ResilienceModel } from "./retry-model.ts";
import type { ConfigPlace, Json, ProxyProtocolModel, StringMatcherModel } from "./model.ts";

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
  /** On the way to a worker, where there are many: the virtual hosts, which then do not stand above. */
  readonly packed?: PackedHosts | undefined;
  readonly requestHeaders: HeaderMutationModel;
  readonly responseHeaders: HeaderMutationModel;
  readonly mostSpecificHeaderMutationsWins: boolean;
  readonly ignorePortInHostMatching: boolean;
  /** Lower-case names that only internal clients may send. */
  readonly internalOnlyHeaders: readonly string[];
  readonly perFilterConfig: PerFilterConfig;
  readonly place: ConfigPlace;
}

export interface VirtualHostModel {
  readonly name: string;
  readonly domains: readonly string[];
  readonly requireTls: "none" | "external_only" | "all";
  /** In order; with a `matcher`, those of its actions. */
  readonly routes: readonly RouteModel[];
  /** Chooses among the routes which are asked; null: all of them. */
  readonly matcher: MatchTreeModel<RouteRange> | null;
  readonly requestHeaders: HeaderMutationModel;
  readonly responseHeaders: HeaderMutationModel;
  readonly includeAttemptCount: boolean;
  readonly includeAttemptCountInResponse: boolean;
  /** In order; a request belongs to the first whose headers match. Envoy: VirtualCluster. */
  readonly virtualClusters: ReadonlyArray<{ readonly name: string; readonly headers: readonly HeaderMatchModel[] }>;
  readonly rateLimits?: readonly RateLimitPolicyModel[];
  readonly perFilterConfig: PerFilterConfig;
  readonly place: ConfigPlace;
}

/** Routes of a virtual host that stand together. */
export interface RouteRange {
  readonly first: number;
  readonly count: number;
}

export interface RouteModel {
  readonly name: string;
  readonly match: RouteMatchModel;
  readonly action: ForwardActionModel | RedirectActionModel | DirectActionModel;
  /** Its requests are counted under `vhost.<virtual host>.route.<prefix>.`; empty: they are not. */
  readonly statPrefix: string;
  /** For tracers. */
  readonly decorator: { readonly operation: string; readonly propagate: boolean } | null;
  readonly tracing: RouteTracingModel | null;
  /** Absent: the route says nothing of limits, and has no metadata that they could go by. */
  readonly rateLimits?: RouteRateLimitsModel;
  readonly requestHeaders: HeaderMutationModel;
  readonly responseHeaders: HeaderMutationModel;
  readonly perFilterConfig: PerFilterConfig;
  readonly place: ConfigPlace;
}

/** Envoy: route.v3.Tracing, which takes the place of the connection manager's. Sampling in ten-thousandths; -1: the manager's. */
export interface RouteTracingModel {
  readonly clientSampling: number;
  readonly randomSampling: number;
  readonly overallSampling: number;
  readonly customTags: readonly CustomTagModel[];
}

export interface RouteMatchModel {
  readonly path:
    | { readonly kind: "prefix"; readonly value: string }
    | { readonly kind: "exact"; readonly value: string }
    | { readonly kind: "separated_prefix"; readonly value: string }
    | { readonly kind: "regex"; readonly value: string }
    /** URI template: `/{tenant}/**`. */
    | { readonly kind: "template"; readonly value: string }
    | { readonly kind: "connect" };
  readonly caseSensitive: boolean;
  readonly headers: readonly HeaderMatchModel[];
  readonly queryParameters: readonly QueryMatchModel[];
  readonly grpc: boolean;
  /** null: nothing of it is asked for. */
  readonly rare: RareConditionsModel | null;
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

export interface ForwardActionModel extends ResilienceModel {
  readonly kind: "forward";
  /** One entry where the route names one cluster; its weight is then 1. */
  readonly clusters: readonly WeightedClusterModel[];
  /** Where the random number that chooses among them comes from; empty: it is drawn. */
  readonly weightHeader: string;
  /** Runtime keys `<prefix>.<cluster>` are the weights, where they are set; empty: none is asked. */
  readonly weightRuntimePrefix: string;
  readonly clusterNotFoundStatus: number;
  readonly prefixRewrite: string;
  readonly regexRewrite: RegexRewriteModel | null;
  /** Of the URI template that the route matches by: `/{lang}/{rest}`; empty: none. */
  readonly templateRewrite: string;
  readonly hostRewrite: string;
  readonly hostRewriteHeader: string;
  /** The host is made from the path. */
  readonly hostRewritePathRegex: RegexRewriteModel | null;
  readonly autoHostRewrite: boolean;
  readonly appendXForwardedHost: boolean;
  readonly timeoutMs: number;
  /** -1: inherit. */
  readonly idleTimeoutMs: number;
  readonly maxStreamDurationMs: number;
  /** gRPC deadlines of clients and the route's time-out: deprecated max_grpc_timeout; null: none. */
  readonly grpcTimeout: GrpcTimeoutModel | null;
  /** gRPC deadlines of clients and the duration of the stream: grpc_timeout_header_max; null: none. */
  readonly grpcTimeoutHeader: GrpcTimeoutModel | null;
  /** Of a body that is kept to send it again; -1: the stream's. */
  readonly bufferLimitBytes: number;
  readonly internalRedirect: InternalRedirectModel | null;
  /** Per-route overrides of the connection manager's upgrades. */
  readonly upgrades: ReadonlyArray<{ readonly type: string; readonly enabled: boolean }>;
  /** What hosts must have, of the namespace `envoy.lb`; absent: nothing. */
  readonly subset?: Readonly<Record<string, Json>>;
  /** What hosts are chosen by, where the balancer hashes; absent: nothing. */
  readonly hashPolicies?: readonly HashPolicyModel[];
  /** Of the upgrade CONNECT: it ends here, its payload goes upstream as raw TCP. null: it is forwarded. */
  readonly connect: ConnectModel | null;
}
/** `terminal`: where it finds something, those behind it are not asked. */
export type HashPolicyModel = (
  | {
      readonly kind: "header";
      /** Lower-case. */
      readonly name: string;
      readonly rewrite: RegexRewriteModel | null;
    }
  | {
      readonly kind: "cookie";
      readonly name: string;
      /** A request without the cookie gets one that lasts so long, 0: as long as the browser; -1: it gets none. */
      readonly ttlS: number;
      readonly path: string;
      /** As they stand in `set-cookie`: `; SameSite=Strict`. */
      readonly attributes: string;
    }
  | { readonly kind: "source_ip" }
  | { readonly kind: "query_parameter"; readonly name: string }
  | { readonly kind: "filter_state"; readonly key: string }
) & { readonly terminal: boolean };

export interface ConnectModel {
  readonly allowPost: boolean;
  /** What the upstream connection begins with; null: the payload. */
  readonly proxyProtocol: ProxyProtocolModel | null;
}
export interface RegexRewriteModel {
  readonly pattern: string;
  readonly substitution: string;
}
export interface GrpcTimeoutModel {
  /** 0: whatever the client says. */
  readonly maxMs: number;
  /** Taken off what the client says; 0: nothing. */
  readonly offsetMs: number;
}
/** Redirects of upstreams that are followed here. Envoy: InternalRedirectPolicy. */
export interface InternalRedirectModel {
  readonly statuses: readonly number[];
  readonly maxRedirects: number;
  /** From http to https and back. */
  readonly allowCrossScheme: boolean;
  /** Lower-case. */
  readonly responseHeadersToCopy: readonly string[];
  readonly predicates: readonly RedirectPredicateModel[];
}
export type RedirectPredicateModel =
  | { readonly kind: "previous_routes" }
  | { readonly kind: "safe_cross_scheme" }
  | { readonly kind: "allow_listed_routes"; readonly names: readonly string[] };

export interface WeightedClusterModel {
  /** Empty where a header has the name. */
  readonly name: string;
  /** Lower-case; the request's header with the name of the cluster. Empty: `name` is it. */
  readonly clusterHeader: string;
  readonly weight: number;
  /** Besides the route's, and before them; absent: nothing. */
  readonly subset?: Readonly<Record<string, Json>>;
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
  readonly regexRewrite: RegexRewriteModel | null;
  readonly stripQuery: boolean;
}
export interface DirectActionModel {
  readonly kind: "direct";
  readonly status: number;
  /** null: no body. */
  readonly body: Uint8Array | null;
}
