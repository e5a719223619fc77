/** The route that a stream took, as filters see it. Resolved at configuration time; one object serves every stream that takes it. */
import type { RequestHeaders, ResponseHeaders } from "./headers.ts";
import type { TerminalStream } from "./http-filter.ts";
import type { MirrorPolicy, RetryPolicy } from "./retry.ts";
import type { HashKey, SubsetValues } from "./upstream.ts";
import type { RouteRateLimits } from "./rate-limit.ts";

interface RouteBase {
  /** Envoy: Route.name; empty where it has none. */
  readonly name: string;
  readonly virtualHost: string;
  /** null: neither route nor virtual host says anything of limits. */
  readonly rateLimits: RouteRateLimits | null;
  /** Adds, sets and removes the response headers that weighted cluster, route, virtual host and route configuration ask for. */
  finalizeResponse(headers: ResponseHeaders, stream: TerminalStream): void;
}

/** UpgradeConfig.connect_config: CONNECT ends at this proxy, and what follows it goes to a host of the cluster as raw TCP. */
export interface ConnectTermination {
  /** Whether POST is ended in the same way: its body is the payload, the upstream's bytes are the body of the answer. */
  readonly allowPost: boolean;
  /** What the upstream gets before the payload: a PROXY protocol header; null: nothing. */
  preamble(stream: TerminalStream): Uint8Array | null;
}

/** gRPC deadlines of clients (`grpc-timeout`), as a route bounds them. */
export interface GrpcTimeout {
  /** 0: whatever the client says. */
  readonly maxMs: number;
  /** Taken off what the client says; 0: nothing. */
  readonly offsetMs: number;
}

/** InternalRedirectPolicy: redirects of upstreams that are followed here, by a request of their own, instead of being sent to the client. */
export interface InternalRedirect {
  readonly statuses: readonly number[];
  /** For one request of the client. */
  readonly maxRedirects: number;
  /** Whether a redirect may lead from http to https, and back. */
  readonly allowCrossScheme: boolean;
  /** Lower-case names of headers of the redirect that take the place of the request's. */
  readonly responseHeadersToCopy: readonly string[];
  /** All must accept the route that the new request takes. */
  readonly predicates: readonly RedirectPredicate[];
}

export type RedirectPredicate =
  /** Refuses a route that a redirect of the current one led to before. */
  | { readonly kind: "previous_routes" }
  /** Refuses to go from http to https. */
  | { readonly kind: "safe_cross_scheme" }
  | { readonly kind: "allow_listed_routes"; readonly names: readonly string[] };

/** RouteAction.hash_policy: by which parts of a request balancers that hash choose its host. */
export interface RouteHash {
  /** Adds what it finds in the request. Returns values of `set-cookie` for the response, whose cookies bring the client's next requests to the same host; null: none. */
  addTo(key: HashKey, headers: RequestHeaders, stream: TerminalStream): readonly string[] | null;
}

/** RouteAction: forward to a cluster. */
export interface ForwardRoute extends RouteBase {
  readonly kind: "forward";
  /** The chosen one where the clusters are weighted; empty where a header was to name it and does not. */
  readonly clusterName: string;
  /** Status where that cluster does not exist: 503, 404 or 500. */
  readonly clusterNotFoundStatus: number;
  /** From the end of the request to the end of the response; 0: none. RouteAction.timeout, 15 000 unless told; 0 beside max_stream_duration. */
  readonly timeoutMs: number;
  /** -1: the connection manager's stream idle time-out; 0: none. */
  readonly idleTimeoutMs: number;
  /** -1: the connection manager's; 0: none. */
  readonly maxStreamDurationMs: number;
  /** Deadlines of gRPC clients take the place of `timeoutMs` (max_grpc_timeout), or of `maxStreamDurationMs` (grpc_timeout_header_max); null: they do not. */
  readonly grpcTimeout: GrpcTimeout | null;
  readonly grpcTimeoutHeader: GrpcTimeout | null;
  /** Bytes of a request's body that are kept so that it can be sent again; -1: as many as the stream may hold. per_request_buffer_limit_bytes. */
  readonly bufferLimitBytes: number;
  /** null: redirects go to the client. */
  readonly internalRedirect: InternalRedirect | null;
  /** null: requests are sent once, unless they ask for more (`x-envoy-retry-on`). */
  readonly retry: RetryPolicy | null;
  /** Whether an attempt that takes longer than `perTryTimeoutMs` goes on beside the next one (hedge_on_per_try_timeout). */
  readonly hedges: boolean;
  /** Who gets copies of its requests; null: nobody. */
  readonly mirrors: readonly MirrorPolicy[] | null;
  /** Whether the limits of its clusters for requests of high priority apply (priority: HIGH). */
  readonly isHighPriority: boolean;
  /** Whether upstreams are told which attempt it is (include_request_attempt_count), and whether the one before took too long (include_is_timeout_retry_header). */
  readonly includeAttemptCount: boolean;
  readonly includeIsTimeoutRetry: boolean;
  /** Whether the client is told how many attempts its request took (include_attempt_count_in_response). */
  readonly includeAttemptCountInResponse: boolean;
  /** Whether requests are counted besides those of their cluster: as this route's, or a virtual cluster's. */
  readonly isCounted: boolean;
  /** Under it the requests of this route are counted, besides those of its cluster: `vhost.<virtual host>.route.<stat_prefix>.`; empty: they are not. */
  readonly statPrefix: string;
  /** Name of the virtual cluster that a request belongs to, counted under `vhost.<virtual host>.vcluster.<name>.`; empty: there are none. */
  virtualCluster(headers: RequestHeaders): string;
  /** Whether the request has headers by which it may ask the router for something (`x-envoy-…`). Mostly it has none: ask before you look for each. */
  mayAsk(headers: RequestHeaders): boolean;
  /** Whether the host header becomes the name of the chosen upstream host (auto_host_rewrite). */
  readonly autoHostRewrite: boolean;
  /** Values that hosts must have (metadata_match); null: any host will do. */
  readonly subset: SubsetValues | null;
  /** null: requests have nothing in common that hosts could be chosen by. */
  readonly hash: RouteHash | null;
  /** null: CONNECT is forwarded as CONNECT. */
  readonly connect: ConnectTermination | null;
  /** Rewrites path and host and mutates the headers, before the request goes upstream. */
  finalizeRequest(headers: RequestHeaders, stream: TerminalStream): void;
}

export interface RedirectRoute extends RouteBase {
  readonly kind: "redirect";
  readonly status: number;
  location(headers: RequestHeaders, stream: TerminalStream): string;
}

export interface DirectRoute extends RouteBase {
  readonly kind: "direct";
  readonly status: number;
  readonly body: Uint8Array | null;
}

export type Route = ForwardRoute | RedirectRoute | DirectRoute;
