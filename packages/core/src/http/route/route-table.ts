/** Hot path. A route configuration, compiled: virtual hosts by authority, routes in order, first match wins. Envoy: RouteConfiguration. */
import type { Random } from "@sluice/sdk";
import type {
  HeaderMutationModel,
  RouteConfigModel,
  RouteModel,
  VirtualHostModel,
  WeightedClusterModel,
} from "../../config/model.ts";
import type { RequestHeaderMap } from "../headers/header-map.ts";
import { mutationChain } from "./header-mutations.ts";
import { DirectEntry, type EntryBase, ForwardEntry, RedirectEntry } from "./route-entry.ts";
import { ALL_HOLD, RouteMatch, RouteQuestion } from "./route-match.ts";
import { type FilterLevel, type FilterLevels, RouteFilterResolver } from "./route-filters.ts";
import type { ExplainingRouteTable, RouteEntry, RouteExplanation, RouteFacts, RouteFilter } from "./types.ts";
import { VirtualHostIndex } from "./virtual-hosts.ts";

class CompiledRoute {
  readonly match: RouteMatch;
  /** One entry, or one per weighted cluster with the upper end of its share. */
  readonly entries: readonly RouteEntry[];
  readonly #ends: readonly number[] | null;
  readonly #total: number;

  constructor(match: RouteMatch, entries: readonly RouteEntry[], weights: readonly number[] | null) {
    this.match = match;
    this.entries = entries;
    this.#total = weights === null ? 0 : weights.reduce((a, b) => a + b, 0);
    let end = 0;
    this.#ends = weights === null ? null : weights.map((w) => (end += w));
  }

  choose(random: Random): RouteEntry {
    const ends = this.#ends;
    if (ends === null) return this.entries[0]!;
    const at = random.below(this.#total);
    let i = 0;
    while (ends[i]! <= at) i++;
    return this.entries[i]!;
  }
}

class CompiledHost {
  /** In the route configuration. */
  readonly index: number;
  readonly routes: readonly CompiledRoute[];
  /** Where requests without TLS are sent to https: VirtualHost.require_tls. */
  readonly toHttps: RedirectEntry | null;
  /** Only external requests are sent there. */
  readonly externalOnly: boolean;

  constructor(index: number, routes: readonly CompiledRoute[], toHttps: RedirectEntry | null, externalOnly: boolean) {
    this.index = index;
    this.routes = routes;
    this.toHttps = toHttps;
    this.externalOnly = externalOnly;
  }
}

class CompiledRouteTable implements ExplainingRouteTable {
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
    question.ask(headers);
    const { routes } = host;
    for (let i = 0; i < routes.length; i++) {
      const route = routes[i]!;
      if (route.match.holds(question)) return route.choose(facts.random);
    }
    return null;
  }

  explain(headers: RequestHeaderMap, facts: Pick<RouteFacts, "tls">): RouteExplanation {
    const failures: number[] = [];
    const host = this.#hosts.find(headers.authority, this.#ignorePort);
    if (host === null) return { virtualHost: -1, toHttps: false, failures, route: -1, entries: [] };
    const found = { virtualHost: host.index, failures };
    if (host.toHttps !== null && sendsToHttps(host, headers, facts))
      return { ...found, toHttps: true, route: -1, entries: [host.toHttps] };
    const question = new RouteQuestion();
    question.ask(headers);
    for (const [index, route] of host.routes.entries()) {
      const failure = route.match.firstFailure(question);
      if (failure === ALL_HOLD) return { ...found, toHttps: false, route: index, entries: route.entries };
      failures.push(failure);
    }
    return { ...found, toHttps: false, route: -1, entries: [] };
  }
}

function sendsToHttps(host: CompiledHost, headers: RequestHeaderMap, facts: Pick<RouteFacts, "tls">): boolean {
  return !isSecure(headers, facts) && !(host.externalOnly && isInternal(headers));
}

/** Envoy goes by x-forwarded-proto, which the connection manager has set or vouched for. */
function isSecure(headers: RequestHeaderMap, facts: Pick<RouteFacts, "tls">): boolean {
  return (headers.find("x-forwarded-proto")?.value ?? (facts.tls ? "https" : "http")) === "https";
}

function isInternal(headers: RequestHeaderMap): boolean {
  return headers.find("x-envoy-internal")?.value === "true";
}

const NO_MUTATION: HeaderMutationModel = { add: [], remove: [] };

/** @throws Error where a filter refuses its configuration or a pattern is not legal; the configuration was checked before. */
export function buildRouteTable(model: RouteConfigModel, filters: readonly RouteFilter[]): ExplainingRouteTable {
  let usesDisabled = false;
  const resolver = new RouteFilterResolver(filters);
  const levelsBelow = (
    host: VirtualHostModel,
    route: RouteModel | null,
    cluster: WeightedClusterModel | null,
  ): FilterLevels => {
    const levels: FilterLevel[] = [
      { configs: model.perFilterConfig, key: "" },
      { configs: host.perFilterConfig, key: host.name },
    ];
    if (route !== null) {
      const key = `${host.name}/${route.name === "" ? host.routes.indexOf(route) : route.name}`;
      levels.push({ configs: route.perFilterConfig, key });
      if (cluster !== null) levels.push({ configs: cluster.perFilterConfig, key: `${key}/${cluster.name}` });
    }
    const resolved = resolver.resolve(levels);
    if (resolved.disabled !== null) usesDisabled = true;
    return resolved;
  };
  // From the most specific to the least; flipped where the most specific is to have the last word.
  const order = (levels: readonly HeaderMutationModel[]): readonly HeaderMutationModel[] =>
    model.mostSpecificHeaderMutationsWins ? levels.toReversed() : levels;
  const base = (host: VirtualHostModel, route: RouteModel | null, cluster: WeightedClusterModel | null): EntryBase => {
    const path = route?.match.path ?? { kind: "prefix", value: "" };
    return {
      name: route?.name ?? "",
      virtualHost: host.name,
      ...levelsBelow(host, route, cluster),
      requestMutations: mutationChain(
        order([
          cluster?.requestHeaders ?? NO_MUTATION,
          route?.requestHeaders ?? NO_MUTATION,
          host.requestHeaders,
          model.requestHeaders,
        ]),
      ),
      responseMutations: mutationChain(
        order([
          cluster?.responseHeaders ?? NO_MUTATION,
          route?.responseHeaders ?? NO_MUTATION,
          host.responseHeaders,
          model.responseHeaders,
        ]),
      ),
      includeAttemptCount: host.includeAttemptCount,
      matchedPrefix: path.kind === "connect" ? "" : path.value,
      kindOfPath: path.kind,
    };
  };
  const compileRoute = (host: VirtualHostModel, route: RouteModel): CompiledRoute => {
    const match = new RouteMatch(route.match);
    const { action } = route;
    switch (action.kind) {
      case "redirect":
        return new CompiledRoute(match, [new RedirectEntry(base(host, route, null), action)], null);
      case "direct":
        return new CompiledRoute(match, [new DirectEntry(base(host, route, null), action)], null);
      case "forward": {
        const entries = action.clusters.map((c) => new ForwardEntry(base(host, route, c), action, c));
        return new CompiledRoute(match, entries, entries.length === 1 ? null : action.clusters.map((c) => c.weight));
      }
    }
  };
  const toHttps = (host: VirtualHostModel): RedirectEntry | null =>
    host.requireTls === "none"
      ? null
      : new RedirectEntry(base(host, null, null), {
          kind: "redirect",
          status: 301,
          httpsRedirect: true,
          schemeRedirect: "",
          hostRedirect: "",
          portRedirect: 0,
          pathRedirect: "",
          prefixRewrite: "",
          regexRewrite: null,
          stripQuery: false,
        });
  const hosts = new VirtualHostIndex(
    model.virtualHosts.map((host, index) => {
      const routes = host.routes.map((r) => compileRoute(host, r));
      return [
        host.domains,
        new CompiledHost(index, routes, toHttps(host), host.requireTls === "external_only"),
      ] as const;
    }),
  );
  return new CompiledRouteTable(hosts, model.ignorePortInHostMatching, usesDisabled);
}
