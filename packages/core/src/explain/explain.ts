/** What the proxy would do with a request and why, from the configuration alone: `sluice explain` and the admin path `/explain`. */
import type { CompiledConfig, ConfigPlace, HcmModel, Json, ListenerModel, RouteModel } from "../config/model.ts";
import { allFilters } from "../config/hcm-filters.ts";
import { didYouMean } from "../config/did-you-mean.ts";
import { clusterNameIn } from "../http/route/route-choice.ts";
import { RedirectEntry } from "../http/route/route-entry.ts";
import { buildRouteTable } from "../http/route/build-route-table.ts";
import type { ExplainingRouteTable, RouteEntry, RouteExplanation, RouteFilter } from "../http/route/types.ts";
import type { RequestHeaderMap } from "../http/headers/header-map.ts";
import type { Registry } from "../registry/registry.ts";
import { formatAddress } from "../worker/data-plane.ts";
import { describeFailure, describeMatch } from "./describe-match.ts";
import { type KnownHosts, LISTED_HOSTS } from "./explain-cluster.ts";
import { explainForward, type Forwarded, type ForwardExplanation } from "./explain-forward.ts";
import { type FilterExplanation, explainFilters, type NamedLevel } from "./explain-filters.ts";
import { type EarlyAnswer, type RequestDescription, explainedRequest, judgeUpgrade } from "./explained-request.ts";

export interface ExplainedRoute {
  /** In its virtual host, from 0. */
  readonly index: number;
  readonly name: string;
  readonly match: string;
  readonly place: ConfigPlace;
}

export type Outcome =
  | {
      readonly kind: "forward";
      readonly clusters: ReadonlyArray<{ readonly name: string; readonly weight: number; readonly percent: number }>;
    }
  | { readonly kind: "redirect"; readonly status: number; readonly location: string }
  | { readonly kind: "respond"; readonly status: number }
  | { readonly kind: "none"; readonly status: 404 };

/** A filter that is not explained further. */
export interface PlacedName {
  readonly name: string;
  readonly id: string;
  readonly place: ConfigPlace;
}

export interface Explanation {
  readonly listener: { readonly name: string; readonly address: string; readonly place: ConfigPlace };
  readonly filterChain: { readonly name: string; readonly tls: boolean };
  readonly listenerFilters: readonly PlacedName[];
  /** In front of the connection manager. */
  readonly networkFilters: readonly PlacedName[];
  /** As routes see it. */
  readonly request: { readonly method: string; readonly host: string; readonly path: string };
  /** Names of headers that early header changes have set or removed. */
  readonly changedHeaders: readonly string[];
  /** The connection manager answers itself: no filter sees the request. null: it does not. */
  readonly answered: EarlyAnswer | null;
  readonly virtualHost: {
    readonly name: string;
    readonly domains: readonly string[];
    readonly place: ConfigPlace;
  } | null;
  /** The matcher of the virtual host leads nowhere for the request. */
  readonly unmatched: boolean;
  /** Routes that came first, each with the first of its conditions that does not hold. */
  readonly passedOver: ReadonlyArray<ExplainedRoute & { readonly failed: string }>;
  readonly route: ExplainedRoute | null;
  readonly outcome: Outcome;
  /** Which hosts it may go to; null: it is not forwarded. */
  readonly forward: ForwardExplanation | null;
  /** The upgrade that has filters of its own, which stand in `filters`; null: those of the connection manager do. */
  readonly upgrade: string | null;
  /** In the order of the request. */
  readonly filters: readonly FilterExplanation[];
}

/** Thrown for a question that has no answer: the message is a sentence for whoever asked. */
export class ExplainError extends Error {}

/**
 * One explanation for each HTTP listener, or for the one that is named.
 * @throws ExplainError where there is none, or a header of the request is none.
 */
export function explain(
  config: CompiledConfig,
  registry: Registry,
  request: RequestDescription,
  listenerName?: string,
  known: KnownHosts = LISTED_HOSTS,
): Explanation[] {
  return new Explainer(config, registry, known).explain(request, listenerName);
}

/** The same for many requests: route tables are built once. */
export class Explainer {
  readonly #config: CompiledConfig;
  readonly #registry: Registry;
  /** null: hosts are not asked for. */
  readonly #known: KnownHosts | null;
  readonly #tables = new Map<HcmModel, ExplainingRouteTable>();

  constructor(config: CompiledConfig, registry: Registry, known: KnownHosts | null = null) {
    this.#known = known;
    this.#config = config;
    this.#registry = registry;
  }

  /** @throws ExplainError as {@link explain} */
  explain(request: RequestDescription, listenerName?: string): Explanation[] {
    const found = httpListeners(this.#config).filter(
      ({ listener }) => listenerName === undefined || listener.name === listenerName,
    );
    if (found.length === 0) throw new ExplainError(noListener(this.#config, listenerName));
    return found.map(({ listener, hcm }) => {
      const { explanation, forwarded } = explainListener(listener, hcm, this.#registry, this.#tableOf(hcm), request);
      const known = this.#known;
      if (forwarded === null || known === null) return explanation;
      return { ...explanation, forward: explainForward(forwarded, this.#config.clusters, known) };
    });
  }

  #tableOf(hcm: HcmModel): ExplainingRouteTable {
    let table = this.#tables.get(hcm);
    if (table === undefined)
      this.#tables.set(hcm, (table = buildRouteTable(hcm.routeConfig, routeFilters(hcm, this.#registry))));
    return table;
  }
}

export function httpListeners(config: CompiledConfig): { listener: ListenerModel; hcm: HcmModel }[] {
  return config.listeners.flatMap((listener) => {
    const last = listener.filterChain.filters.at(-1);
    return last?.kind === "http_connection_manager" ? [{ listener, hcm: last.hcm }] : [];
  });
}

function placedName({ name, id, place }: PlacedName): PlacedName {
  return { name, id, place };
}

export function noListener(config: CompiledConfig, name: string | undefined): string {
  if (name === undefined) return "no listener speaks HTTP: there is nothing to explain";
  const known = config.listeners.map((listener) => listener.name);
  if (known.includes(name)) return `listener "${name}" does not speak HTTP`;
  const suggestion = didYouMean(name, known);
  const rest = suggestion === undefined ? `, expected one of ${known.join(", ")}` : `; did you mean "${suggestion}"?`;
  return `there is no listener "${name}"${rest}`;
}

function explainListener(
  listener: ListenerModel,
  hcm: HcmModel,
  registry: Registry,
  table: ExplainingRouteTable,
  description: RequestDescription,
): { explanation: Explanation; forwarded: Forwarded | null } {
  const { filterChain } = listener;
  const tls = filterChain.tls !== null;
  const { headers, stream, answer, changed } = prepared(description, hcm, tls, listener);
  const way = answer === null ? table.explain(headers, stream) : NOT_ASKED;
  const host = hcm.routeConfig.virtualHosts[way.virtualHost];
  const routes = host?.routes ?? [];
  const model = routes[way.route];
  const upgrade = upgradeOf(headers, hcm);
  const answered = answer ?? judgeUpgrade(headers, hcm, way.entries[0]);
  const outcome = outcomeOf(way.entries, model, headers);
  const explanation: Explanation = {
    listener: { name: listener.name, address: formatAddress(listener.address), place: listener.place },
    filterChain: { name: filterChain.name, tls },
    listenerFilters: (listener.listenerFilters?.filters ?? []).map(placedName),
    networkFilters: filterChain.filters.flatMap((filter) => (filter.kind === "extension" ? [placedName(filter)] : [])),
    request: { method: headers.method, host: headers.authority, path: headers.path },
    changedHeaders: changed,
    answered,
    virtualHost: host === undefined ? null : { name: host.name, domains: host.domains, place: host.place },
    unmatched: way.unmatched,
    passedOver: way.failures.map((failure, at) => {
      const index = way.first + at;
      const passed = routes[index]!;
      return { ...explainedRoute(passed, index), failed: describeFailure(passed.match, failure, headers, stream) };
    }),
    route: model === undefined ? null : explainedRoute(model, way.route),
    outcome,
    forward: null,
    upgrade: upgrade?.type ?? null,
    filters: explainFilters(upgrade?.filters ?? hcm.filters, levelsOf(hcm, way), registry),
  };
  if (answered !== null || outcome.kind !== "forward") return { explanation, forwarded: null };
  const names = outcome.clusters.map(({ name }) => name);
  return { explanation, forwarded: { entries: way.entries, names, route: model, host, headers, stream } };
}

/** The upgrade that the request asks for, where it has filters of its own. */
function upgradeOf(
  { method, upgrade }: RequestHeaderMap,
  { upgrades }: HcmModel,
): HcmModel["upgrades"][number] | undefined {
  const asked = method === "CONNECT" ? "connect" : upgrade;
  return upgrades.find(({ type, filters }) => type === asked && (filters?.length ?? 0) > 0);
}

const NOT_ASKED: RouteExplanation = {
  virtualHost: -1,
  toHttps: false,
  unmatched: false,
  first: 0,
  failures: [],
  route: -1,
  entries: [],
};

function prepared(description: RequestDescription, hcm: HcmModel, tls: boolean, { address }: ListenerModel) {
  try {
    return explainedRequest(description, hcm, tls, address);
  } catch (error) {
    throw new ExplainError((error as Error).message);
  }
}

function routeFilters(hcm: HcmModel, registry: Registry): RouteFilter[] {
  return allFilters(hcm).map(({ name, id }, slot) => ({
    name,
    slot,
    parse: (json) => {
      const verdict = registry.judge(id, "routeConfig", json as Json);
      return verdict.ok ? verdict.value : null;
    },
  }));
}

function explainedRoute({ name, match, place }: RouteModel, index: number): ExplainedRoute {
  return { index, name, match: describeMatch(match), place };
}

function outcomeOf(entries: readonly RouteEntry[], model: RouteModel | undefined, headers: RequestHeaderMap): Outcome {
  const [first] = entries;
  if (first === undefined) return { kind: "none", status: 404 };
  if (first instanceof RedirectEntry)
    return { kind: "redirect", status: first.status, location: first.locationOf(headers) };
  if (first.kind === "direct") return { kind: "respond", status: first.status };
  const clusters = model?.action.kind === "forward" ? model.action.clusters : [];
  const total = clusters.reduce((sum, { weight }) => sum + weight, 0);
  return {
    kind: "forward",
    clusters: clusters.map(({ name, clusterHeader, weight }) => ({
      name: clusterHeader === "" ? name : clusterNameIn(headers, clusterHeader) || `of header ${clusterHeader}`,
      weight,
      percent: Math.round((weight / total) * 1e4) / 100,
    })),
  };
}

function levelsOf({ routeConfig }: HcmModel, way: RouteExplanation): NamedLevel[] {
  const host = routeConfig.virtualHosts[way.virtualHost];
  // Without a route no level is asked.
  if (host === undefined || way.entries.length === 0) return [];
  const levels: NamedLevel[] = [
    { level: "route configuration", cluster: null, configs: routeConfig.perFilterConfig },
    { level: `virtual host "${host.name}"`, cluster: null, configs: host.perFilterConfig },
  ];
  const route = host.routes[way.route];
  if (route === undefined) return levels;
  const name = route.name === "" ? String(way.route) : `"${route.name}"`;
  levels.push({ level: `route ${name}`, cluster: null, configs: route.perFilterConfig });
  if (route.action.kind !== "forward") return levels;
  const { clusters } = route.action;
  for (const cluster of clusters) {
    const level = `weighted cluster "${cluster.name}"`;
    levels.push({ level, cluster: clusters.length === 1 ? null : cluster.name, configs: cluster.perFilterConfig });
  }
  return levels;
}
