/** What the engine knows of routes: entries are made when the table is built; a match allocates nothing. */
import type { AddressInfo, ConnectionInfo, DynamicMetadata, FilterState, Route } from "@sluice/sdk";
import type { RequestHeaderMap } from "../headers/header-map.ts";

/** One filter's configuration on one route, resolved over all levels. */
export interface ResolvedRouteConfig {
  readonly mostSpecific: unknown;
  /** From the least to the most specific. */
  readonly all: readonly unknown[];
}

export type RouteEntry = Route & {
  /** By filter slot; null where no level says anything. */
  readonly perFilter: ReadonlyArray<ResolvedRouteConfig | null>;
  /** By filter slot: what the most specific level that speaks of it says; null in a slot: nothing; null as a whole: nothing of any filter. */
  readonly disabled: ReadonlyArray<boolean | null> | null;
  /** Overrides of the connection manager's upgrade types. */
  readonly upgrades: ReadonlyMap<string, boolean> | null;
};

/** What a match depends on besides the headers: the stream. What filters leave is read where a route asks for it. */
export interface RouteFacts {
  readonly connection: ConnectionInfo;
  /** The client, as the connection manager knows it. */
  readonly remote: AddressInfo;
  readonly metadata: Pick<DynamicMetadata, "get">;
  readonly filterState: Pick<FilterState, "get">;
  /** Whole number from 0 (in) to 2^53 (out), the same whenever this request is matched: fractions and weights go by it. */
  routeRandom(): number;
}

export interface RouteTable {
  /** null: no route. */
  match(headers: RequestHeaderMap, facts: RouteFacts): RouteEntry | null;
  /** Whether any route turns a filter off or on: then the route is matched before the chain is chosen. */
  readonly usesDisabled: boolean;
}

export interface ExplainingRouteTable extends RouteTable {
  /** What `match` does and why, with nothing left to chance. Not for the hot path. */
  explain(headers: RequestHeaderMap, facts: RouteFacts): RouteExplanation;
}

/** The way to a route, by indices into the route configuration. */
export interface RouteExplanation {
  /** -1: no virtual host has the authority. */
  readonly virtualHost: number;
  /** The virtual host sends the request to https: no route is looked at. */
  readonly toHttps: boolean;
  /** The virtual host's matcher has no routes for the request. */
  readonly unmatched: boolean;
  /** The first route that is asked; with a matcher, of those that it chose. */
  readonly first: number;
  /** For each route that was passed over, from `first` on, `RouteMatch.firstFailure`. */
  readonly failures: readonly number[];
  /** The route that is taken; -1: none. */
  readonly route: number;
  /** What it leads to: one entry, or one for each weighted cluster; empty: nothing. */
  readonly entries: readonly RouteEntry[];
}

/** A filter of the chain, as the table needs it to resolve per-route configuration. */
export interface RouteFilter {
  readonly name: string;
  readonly slot: number;
  /** Runs the filter's route schema. @throws ConfigError */
  parse(json: unknown): unknown;
}
