/** Hot path. A request as the conditions of routes see it; one per table, refilled for each match. */
import type { AddressInfo, ConnectionInfo, DynamicMetadata, FilterState } from "@sluice/sdk";
import type { HttpMatchData } from "../../matching/tree/match-data.ts";
import type { RequestHeaderMap } from "../headers/header-map.ts";
import { queryParameter } from "../query-parameter.ts";
import type { RouteFacts } from "./types.ts";

export class RouteQuestion implements HttpMatchData {
  headers!: RequestHeaderMap;
  facts!: RouteFacts;
  /** Path without query. */
  path = "";
  /** `path`, lower-case, made when a condition ignores case. */
  lowerPath = "";
  /** Query without `?`. */
  query = "";
  /** Of the request, from 0 to 2^53, drawn when a condition asks; -1: not drawn yet. */
  #random = -1;
  /** Shares of requests count as not met, unless they are all: nothing is left to chance. */
  #withoutChance = false;

  ask(headers: RequestHeaderMap, facts: RouteFacts, withoutChance = false): void {
    this.headers = headers;
    this.facts = facts;
    const { path } = headers;
    const end = path.indexOf("?");
    this.path = end < 0 ? path : path.slice(0, end);
    this.lowerPath = "";
    this.query = end < 0 ? "" : path.slice(end + 1);
    this.#random = -1;
    this.#withoutChance = withoutChance;
  }

  lower(): string {
    if (this.lowerPath === "") this.lowerPath = this.path.toLowerCase();
    return this.lowerPath;
  }

  /** -1 where nothing is left to chance. */
  random(): number {
    if (this.#random < 0 && !this.#withoutChance) this.#random = this.facts.routeRandom();
    return this.#random;
  }

  /** First value of a query parameter as it is written, without decoding, as in Envoy; null where there is none. */
  parameter(name: string): string | null {
    return queryParameter(this.query, name);
  }

  // ---- what matcher trees read ----------------------------------------------------------------------------------------------------------

  get connection(): ConnectionInfo {
    return this.facts.connection;
  }

  get remote(): AddressInfo {
    return this.facts.remote;
  }

  get metadata(): Pick<DynamicMetadata, "get"> {
    return this.facts.metadata;
  }

  get filterState(): Pick<FilterState, "get"> {
    return this.facts.filterState;
  }

  get requestHeaders(): RequestHeaderMap {
    return this.headers;
  }

  // A route is chosen before there is any of these.
  get requestTrailers(): null {
    return null;
  }

  get responseHeaders(): null {
    return null;
  }

  get responseTrailers(): null {
    return null;
  }
}
