/** Hot path. A route configuration, compiled: virtual hosts by authority, routes in order, first match wins. Envoy: RouteConfiguration. */
import type { MatchTree } from "../../matching/tree/match-tree.ts";
import type { RouteMatchModel } from "../../config/model.ts";
import { NOT_YET } from "../../matching/tree/match-result.ts";
import type { RequestHeaderMap } from "../headers/header-map.ts";
import { OneEntry, type RouteChoice } from "./route-choice.ts";
import type { RedirectEntry } from "./route-entry.ts";
import type { RouteIndex } from "./route-index.ts";
import type { RouteRuntime } from "./rare-conditions.ts";
import { ALL_HOLD, RouteMatch } from "./route-match.ts";
import { RouteQuestion } from "./route-question.ts";
import type { ExplainingRouteTable, RouteEntry, RouteExplanation, RouteFacts } from "./types.ts";
import type { VirtualHostIndex } from "./virtual-hosts.ts";

/** So few routes are asked one after the other. */
export const LINEAR_UP_TO = 8;

/** A route: its conditions, and what it leads to. */
export class CompiledRoute extends RouteMatch {
  readonly choice: RouteChoice;
  /** What it always leads to; null: there is a choice. */
  readonly only: RouteEntry | null;

  /** @throws TypeError for a pattern that is not legal. */
  constructor(match: RouteMatchModel, choice: RouteChoice, runtime: RouteRuntime | null) {
    super(match, runtime);
    this.choice = choice;
    this.only = choice instanceof OneEntry ? choice.entries[0]! : null;
  }
}

/** Routes that stand together: those of a virtual host, or of one action of its matcher. */
export class RouteSection {
  /** In the virtual host, of the first. */
  readonly first: number;
  readonly routes: CompiledRoute[] = [];
  /** By their number in this section; null: there are few. */
  index: RouteIndex | null = null;

  constructor(first: number) {
    this.first = first;
  }

  /** The first route that matches; null: none. */
  match(question: RouteQuestion): CompiledRoute | null {
    const { routes, index } = this;
    if (index === null) {
      for (let i = 0; i < routes.length; i++) if (routes[i]!.holds(question)) return routes[i]!;
      return null;
    }
    index.begin(question);
    for (let i = index.next(); i >= 0; i = index.next()) if (routes[i]!.holdsIndexed(question)) return routes[i]!;
    return null;
  }
}

export class CompiledHost {
  /** In the route configuration. */
  readonly index: number;
  /** All routes; with a `matcher`, none is asked but by way of it. */
  readonly section: RouteSection;
  /** null: the host has its routes in one list. */
  readonly matcher: MatchTree<RouteQuestion, RouteSection> | null;
  /** Where requests without TLS are sent to https: VirtualHost.require_tls. */
  readonly toHttps: RedirectEntry | null;
  /** Only external requests are sent there. */
  readonly externalOnly: boolean;

  constructor(
    index: number,
    section: RouteSection,
    matcher: MatchTree<RouteQuestion, RouteSection> | null,
    toHttps: RedirectEntry | null,
    externalOnly: boolean,
  ) {
    this.index = index;
    this.section = section;
    this.matcher = matcher;
    this.toHttps = toHttps;
    this.externalOnly = externalOnly;
  }

  /** The routes to ask; null: the matcher knows none for the request. */
  sectionFor(question: RouteQuestion): RouteSection | null {
    if (this.matcher === null) return this.section;
    const found = this.matcher.match(question);
    return found === NOT_YET ? null : found;
  }
}

export class CompiledRouteTable implements ExplainingRouteTable {
  readonly usesDisabled: boolean;
  readonly #hosts: VirtualHostIndex<CompiledHost>;
  readonly #ignorePort: boolean;
  readonly #question = new RouteQuestion();

  constructor(hosts: VirtualHostIndex<CompiledHost>, ignorePort: boolean, usesDisabled: boolean) {
    this.#hosts = hosts;
    this.#ignorePort = ignorePort;
    this.usesDisabled = usesDisabled;
  }

  match(headers: RequestHeaderMap, facts: RouteFacts): RouteEntry | null {
    const host = this.#hosts.find(headers.authority, this.#ignorePort);
    if (host === null) return null;
    if (host.toHttps !== null && sendsToHttps(host, headers, facts)) return host.toHttps;
    const question = this.#question;
    question.ask(headers, facts);
    const section = host.sectionFor(question);
    const route = section === null ? null : section.match(question);
    return route === null ? null : (route.only ?? route.choice.choose(headers, facts));
  }

  explain(headers: RequestHeaderMap, facts: RouteFacts): RouteExplanation {
    const host = this.#hosts.find(headers.authority, this.#ignorePort);
    if (host === null) return NO_HOST;
    const found = { ...NO_HOST, virtualHost: host.index };
    if (host.toHttps !== null && sendsToHttps(host, headers, facts))
      return { ...found, toHttps: true, entries: [host.toHttps] };
    const question = new RouteQuestion();
    question.ask(headers, facts, true);
    const section = host.sectionFor(question);
    if (section === null) return { ...found, unmatched: true };
    const asked = { ...found, first: section.first };
    const failures: number[] = [];
    for (const [index, route] of section.routes.entries()) {
      const failure = route.firstFailure(question);
      if (failure === ALL_HOLD)
        return { ...asked, failures, route: section.first + index, entries: route.choice.entries };
      failures.push(failure);
    }
    return { ...asked, failures };
  }
}

const NO_HOST: RouteExplanation = {
  virtualHost: -1,
  toHttps: false,
  unmatched: false,
  first: 0,
  failures: [],
  route: -1,
  entries: [],
};

function sendsToHttps(host: CompiledHost, headers: RequestHeaderMap, facts: RouteFacts): boolean {
  return !isSecure(headers, facts) && !(host.externalOnly && isInternal(headers));
}

/** Envoy goes by x-forwarded-proto, which the connection manager has set or vouched for. */
function isSecure(headers: RequestHeaderMap, { connection }: RouteFacts): boolean {
  return (headers.find("x-forwarded-proto")?.value ?? (connection.tls === null ? "http" : "https")) === "https";
}

function isInternal(headers: RequestHeaderMap): boolean {
  return headers.find("x-envoy-internal")?.value === "true";
}
