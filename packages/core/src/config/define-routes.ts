/** The short form's routes and virtual hosts. Reference: docs/configuration/short-form.md. */
import type { MirrorConfig, RetryConfig } from "./define-resilience.ts";
import type { HashConfig, SubsetValuesConfig } from "./define-balancing.ts";
import type { RateLimitPolicyConfig } from "./define-rate-limits.ts";
import type { DurationText, HeaderTexts } from "./define-config.ts";

export interface VirtualHostConfig {
  readonly name?: string;
  /** `example.com`, `*.example.com`, `example.*`, `*`. */
  readonly domains: string | readonly string[];
  readonly routes?: readonly RouteConfig[];
  readonly require_tls?: boolean | "external";
  /** Which attempt it is, in `x-envoy-attempt-count`: the upstream is told, the client, or both. @default none */
  readonly attempt_count?: "request" | "response" | "both";
  readonly request_headers?: HeaderChangesConfig;
  readonly response_headers?: HeaderChangesConfig;
  readonly filters?: RouteFiltersConfig;
}

/** Filter → its configuration for this route; `false` turns it off, `true` on. */
export type RouteFiltersConfig = Readonly<Record<string, unknown>>;

export interface RouteConfig {
  readonly name?: string;
  /** Only in a list of routes without virtual hosts: `example.com` or `*.example.com`. */
  readonly host?: string | readonly string[];
  readonly prefix?: string;
  readonly path?: string;
  readonly separated_prefix?: string;
  /** RE2's syntax; the whole path must match. */
  readonly regex?: string;
  /** Envoy's URI template: `/users/{id}/**`. */
  readonly template?: string;
  readonly connect?: boolean;
  readonly case_sensitive?: boolean;
  readonly method?: string | readonly string[];
  readonly headers?: Readonly<Record<string, MatchConfig>>;
  readonly query?: Readonly<Record<string, MatchConfig>>;
  readonly cookies?: Readonly<Record<string, MatchConfig>>;
  readonly grpc?: boolean;
  /** Only so many of the requests in a hundred, or what the runtime key says; the others go on to the next route. */
  readonly share?: number | { readonly percent: number; readonly key?: string };
  /** Of the TLS connection: shown, shown and validated, or not shown. */
  readonly client_certificate?: "presented" | "validated" | "none";

  readonly cluster?: string;
  /** The request's header that names the cluster. */
  readonly cluster_header?: string;
  /** Name → weight, or a list. */
  readonly clusters?: Readonly<Record<string, number>> | readonly WeightedClusterConfig[];
  readonly redirect?: string | RedirectConfig;
  readonly respond?: number | RespondConfig;

  readonly timeout?: DurationText;
  readonly idle_timeout?: DurationText;
  readonly max_stream_duration?: DurationText;
  /** Deadlines of gRPC clients (`grpc-timeout`) end the stream, at most after this; `0s`: whatever they say. */
  readonly grpc_timeout_max?: DurationText;
  /** Redirects of the upstream are followed here: 302, once, to the same scheme, unless told. A number: so many. */
  readonly internal_redirect?: boolean | number | InternalRedirectConfig;
  /** Bytes of a request's body that are kept so that it can be sent again. As many as the stream may hold, unless told. */
  readonly body_buffer_limit?: number;
  /** Requests are counted under `vhost.<virtual host>.route.<this>.` too. */
  readonly stat_prefix?: string;
  /** Descriptors of the requests, for local_ratelimit and ratelimit. */
  readonly rate_limits?: readonly RateLimitPolicyConfig[];
  readonly rewrite?: string | RewriteConfig;
  readonly append_x_forwarded_host?: boolean;
  readonly cluster_not_found?: 503 | 404 | 500;
  /** What requests have in common that are to reach the same host, where the cluster's policy hashes: one part of them, or several. */
  readonly hash?: HashConfig | readonly HashConfig[];
  /** Only hosts that have these values. */
  readonly subset?: SubsetValuesConfig;
  readonly upgrades?: Readonly<Record<string, boolean>>;
  /** CONNECT ends here: what follows it goes to the cluster as raw TCP. It is allowed by this alone. */
  readonly tunnel?: boolean | RouteTunnelConfig;
  /** Requests that fail are sent again: `true`, so many times, or more. Only methods that may be sent twice, unless told. */
  readonly retry?: boolean | number | RetryConfig;
  /** Clusters that get copies of its requests, whose answers are dropped. */
  readonly mirror?: string | MirrorConfig | readonly (string | MirrorConfig)[];
  /** `high`: connections and limits of their own. @default default */
  readonly priority?: "default" | "high";
  readonly request_headers?: HeaderChangesConfig;
  readonly response_headers?: HeaderChangesConfig;
  readonly filters?: RouteFiltersConfig;
}

export interface RouteTunnelConfig {
  /** POST is ended like CONNECT: its body is what goes upstream. @default false */
  readonly allow_post?: boolean;
  /** The upstream is told who the client is, ahead of everything else. */
  readonly proxy_protocol?: "v1" | "v2";
}

export interface InternalRedirectConfig {
  /** For one request of a client. @default 1 */
  readonly max?: number;
  /** 301, 302, 303, 307, 308. @default 302 alone */
  readonly statuses?: readonly number[];
  /** Whether they may lead from http to https and back; `safe`: not from http to https. @default false */
  readonly cross_scheme?: boolean | "safe";
  /** Headers of the redirect that take the place of the request's. */
  readonly copy_headers?: readonly string[];
  /** Names of the routes that they may lead to. */
  readonly routes?: readonly string[];
  /** Whether redirects of one route may lead to the same route again. @default true */
  readonly repeat?: boolean;
}

/** The exact text, whether it is there, or one of the fields. */
export type MatchConfig = string | boolean | MatchFieldsConfig;

export interface MatchFieldsConfig {
  readonly exact?: string;
  readonly prefix?: string;
  readonly suffix?: string;
  readonly contains?: string;
  readonly regex?: string;
  /** From (in) to (out); headers only. */
  readonly range?: readonly [number, number];
  readonly ignore_case?: boolean;
  /** Headers only. */
  readonly not?: boolean;
}

export interface WeightedClusterConfig {
  readonly name?: string;
  /** The request's header that names the cluster, in the place of `name`. */
  readonly header?: string;
  readonly weight: number;
  /** Besides the route's. */
  readonly subset?: SubsetValuesConfig;
  readonly host?: string;
  readonly request_headers?: HeaderChangesConfig;
  readonly response_headers?: HeaderChangesConfig;
  readonly filters?: RouteFiltersConfig;
}

export interface RedirectConfig {
  readonly https?: boolean;
  readonly scheme?: string;
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  readonly prefix?: string;
  readonly regex?: RegexRewriteConfig;
  readonly status?: 301 | 302 | 303 | 307 | 308;
  readonly strip_query?: boolean;
}

export interface RespondConfig {
  readonly status: number;
  readonly body?: string;
  /** A file, relative to the configuration. */
  readonly file?: string;
}

/** Alone as a text: the prefix. */
export interface RewriteConfig {
  readonly prefix?: string;
  readonly regex?: RegexRewriteConfig;
  /** From the variables of the route's `template`: `/{lang}/{page}`. */
  readonly template?: string;
  readonly host?: string;
  /** The host becomes the upstream's name. */
  readonly auto_host?: boolean;
  readonly host_from_header?: string;
  /** The host is what this makes of the path. */
  readonly host_from_path?: RegexRewriteConfig;
}

export interface RegexRewriteConfig {
  readonly pattern: string;
  readonly substitution?: string;
}

export interface HeaderChangesConfig {
  /** In place of what is there. */
  readonly set?: HeaderTexts;
  /** Besides what is there. */
  readonly add?: HeaderTexts;
  /** Where there is none. */
  readonly default?: HeaderTexts;
  readonly remove?: readonly string[];
}
