/** What routes and virtual hosts say of limits, in the compiled configuration: plain data. Envoy: route.v3.RateLimit. */
import type { RateLimitAction, RateLimitPolicy } from "@sluice/sdk";
import type { Json } from "./model.ts";
import type { HeaderMatchModel, QueryMatchModel } from "./route-model.ts";

export type RateLimitActionModel =
  | Exclude<RateLimitAction, { readonly kind: "match" }>
  | {
      readonly kind: "match";
      readonly key: string;
      readonly value: string;
      readonly expected: boolean;
      /** All of both must hold. */
      readonly headers: readonly HeaderMatchModel[];
      readonly queryParameters: readonly QueryMatchModel[];
    };

export interface RateLimitPolicyModel extends Omit<RateLimitPolicy, "actions"> {
  readonly actions: readonly RateLimitActionModel[];
}

export interface RouteRateLimitsModel {
  readonly policies: readonly RateLimitPolicyModel[];
  readonly includesVirtualHost: boolean;
  /** The route's metadata by namespace. */
  readonly metadata: Readonly<Record<string, { readonly [key: string]: Json }>>;
}
