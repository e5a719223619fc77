/** What routes say of limits on their requests: which descriptors a request has. Limits themselves are the business of the filters that ask. Envoy: route.v3.RateLimit. */
import type { RequestHeaders } from "./headers.ts";
import type { MetadataValues } from "./metadata.ts";

/** Actions that make one descriptor together, an entry each, in their order. One action that finds nothing: no descriptor. */
export interface RateLimitPolicy {
  /** 0 to 10: which of the filters, by their `stage`, it is meant for. */
  readonly stage: number;
  /** Part of a runtime key that turns the policy off; empty: none. RateLimit.disable_key. */
  readonly disableKey: string;
  readonly actions: readonly RateLimitAction[];
  /** Dynamic metadata with a limit of the request's own (`{ requests_per_unit, unit }`); null: none. RateLimit.limit. */
  readonly limit: RateLimitValueAt | null;
}

/** A value in a namespace of metadata. */
export interface RateLimitValueAt {
  readonly namespace: string;
  readonly path: readonly string[];
}

/** A condition on headers or the query. */
export interface RateLimitCondition {
  holds(headers: RequestHeaders): boolean;
}

export type RateLimitAction =
  /** The name of the cluster that this proxy is of (`node.cluster`). */
  | { readonly kind: "source_cluster"; readonly cluster: string }
  | { readonly kind: "destination_cluster" }
  /** `header` is lower-case. */
  | {
      readonly kind: "request_headers";
      readonly key: string;
      readonly header: string;
      /** Where it is missing there is no entry, instead of no descriptor. */
      readonly skipIfAbsent: boolean;
    }
  | { readonly kind: "remote_address" }
  | { readonly kind: "masked_remote_address"; readonly v4Bits: number; readonly v6Bits: number }
  | { readonly kind: "generic_key"; readonly key: string; readonly value: string }
  /** header_value_match and query_parameter_value_match: the entry where the condition is as expected. */
  | {
      readonly kind: "match";
      readonly key: string;
      readonly value: string;
      readonly condition: RateLimitCondition;
      readonly expected: boolean;
    }
  | {
      readonly kind: "metadata";
      readonly key: string;
      readonly from: "stream" | "route";
      readonly at: RateLimitValueAt;
      /** Stands for a value that is missing or no text; empty: none. */
      readonly fallback: string;
      readonly skipIfAbsent: boolean;
    };

/** What a route and its virtual host say. */
export interface RouteRateLimits {
  readonly policies: readonly RateLimitPolicy[];
  readonly ofVirtualHost: readonly RateLimitPolicy[];
  /** Those of the virtual host count beside those of the route. RouteAction.include_vh_rate_limits. */
  readonly includesVirtualHost: boolean;
  /** The metadata of the route, by namespace. */
  readonly metadata: Readonly<Record<string, MetadataValues>>;
}
