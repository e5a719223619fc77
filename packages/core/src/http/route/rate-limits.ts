/** Hot path. The rate limit policies of a route as filters ask them, and the conditions of theirs. */
import type { RateLimitCondition, RateLimitPolicy, RequestHeaders, RouteRateLimits } from "@sluice/sdk";
import type { RateLimitPolicyModel } from "../../config/rate-limit-model.ts";
import type { QueryMatchModel, RouteModel, VirtualHostModel } from "../../config/model.ts";
import { compileStringMatcher, type StringMatcher } from "../../matching/string-matcher.ts";
import type { RequestHeaderMap } from "../headers/header-map.ts";
import { decodedQueryParameter } from "../query-parameter.ts";
import { compiled, HeaderMatch } from "./route-match.ts";

const NONE: readonly RateLimitPolicy[] = [];

/** Those of one table: a virtual host's are compiled once, whatever the number of its routes. */
export class RouteRateLimitsBuilder {
  readonly #ofHosts = new Map<VirtualHostModel, readonly RateLimitPolicy[]>();

  /** null where neither says anything. @throws TypeError for a pattern that is not legal. */
  of(host: VirtualHostModel, route: RouteModel | null): RouteRateLimits | null {
    const own = route?.rateLimits;
    const ofVirtualHost = this.#ofHost(host);
    if (own === undefined && ofVirtualHost.length === 0) return null;
    return {
      policies: own === undefined ? NONE : own.policies.map(compilePolicy),
      ofVirtualHost,
      includesVirtualHost: own?.includesVirtualHost ?? false,
      metadata: own?.metadata ?? {},
    };
  }

  #ofHost(host: VirtualHostModel): readonly RateLimitPolicy[] {
    if (host.rateLimits === undefined || host.rateLimits.length === 0) return NONE;
    let known = this.#ofHosts.get(host);
    if (known === undefined) this.#ofHosts.set(host, (known = host.rateLimits.map(compilePolicy)));
    return known;
  }
}

function compilePolicy(model: RateLimitPolicyModel): RateLimitPolicy {
  return {
    ...model,
    actions: model.actions.map((action) => {
      if (action.kind !== "match") return action;
      const { headers, queryParameters, ...rest } = action;
      return {
        ...rest,
        condition: new Conditions(
          headers.map((h) => new HeaderMatch(h)),
          queryParameters,
        ),
      };
    }),
  };
}

/** All must hold. */
class Conditions implements RateLimitCondition {
  readonly #headers: readonly HeaderMatch[];
  readonly #query: readonly ParameterMatch[];

  constructor(headers: readonly HeaderMatch[], query: readonly QueryMatchModel[]) {
    this.#headers = headers;
    this.#query = query.map((model) => new ParameterMatch(model));
  }

  holds(headers: RequestHeaders): boolean {
    const map = headers as unknown as RequestHeaderMap;
    for (let i = 0; i < this.#headers.length; i++) if (!this.#headers[i]!.holds(map)) return false;
    for (let i = 0; i < this.#query.length; i++) if (!this.#query[i]!.holds(map.path)) return false;
    return true;
  }
}

/** Envoy: here, unlike in matches of routes, parameters are decoded. */
class ParameterMatch {
  readonly #name: string;
  readonly #matcher: StringMatcher | null;
  readonly #present: boolean;

  constructor({ name, match }: QueryMatchModel) {
    this.#name = name;
    this.#matcher = match.kind === "string" ? compiled(compileStringMatcher(match.matcher)) : null;
    this.#present = match.kind === "present" ? match.present : true;
  }

  holds(path: string): boolean {
    const value = decodedQueryParameter(path, this.#name);
    if (this.#matcher === null) return (value !== null) === this.#present;
    return value !== null && this.#matcher.matches(value);
  }
}
