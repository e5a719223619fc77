/** Routes in the compiled configuration: plain data, resolved and defaulted. Durations are milliseconds; 0 means "none" unless said. */
import type { ConfigPlace, Json, StringMatcherModel } from "./model.ts";

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
