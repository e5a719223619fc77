/** What the proxy would do with a request and why, from the configuration alone: `sluice explain` and the admin path `/explain`. */
import type { CompiledConfig, ConfigPlace, HcmModel, Json, ListenerModel, RouteModel } from "../config/model.ts";
import { didYouMean } from "../config/did-you-mean.ts";
import { RedirectEntry } from "../http/route/route-entry.ts";
import { buildRouteTable } from "../http/route/route-table.ts";
import type { RouteEntry, RouteExplanation, RouteFilter } from "../http/route/types.ts";
import type { RequestHeaderMap } from "../http/headers/header-map.ts";
import type { Registry } from "../registry/registry.ts";
import { formatAddress } from "../worker/data-plane.ts";
import { describeFailure, describeMatch } from "./describe-match.ts";
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
  /** The connection manager answers itself: no filter sees the request. null: it does not. */
  readonly answered: EarlyAnswer | null;
  readonly virtualHost: {
    readonly name: string;
    readonly domains: readonly string[];
    readonly place: ConfigPlace;
  } | null;
  /** Routes that came first, each with the first of its conditions that does not hold. */
  readonly passedOver: ReadonlyArray<ExplainedRoute & { readonly failed: string }>;
  readonly route: ExplainedRoute | null;
  readonly outcome: Outcome;
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
): Explanation[] {
  const found = httpListeners(config).filter(
    ({ listener }) => listenerName === undefined || listener.name === listenerName,
  );
  if (found.length === 0) throw new ExplainError(noListener(config, listenerName));
  return found.map(({ listener, hcm }) => explainListener(listener, hcm, registry, request));
}

function httpListeners(config: CompiledConfig): { listener: ListenerModel; hcm: HcmModel }[] {
  return config.listeners.flatMap((listener) => {
    const last = listener.filterChain.filters.at(-1);
    return last?.kind === "http_connection_manager" ? [{ listener, hcm: last.hcm }] : [];
  });
}

function placedName({ name, id, place }: PlacedName): PlacedName {
  return { name, id, place };
}

function noListener(config: CompiledConfig, name: string | undefined): string {
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
  description: RequestDescription,
): Explanation {
  const { filterChain } = listener;
  const tls = filterChain.tls !== null;
  const { headers, answer } = prepared(description, hcm, tls, listener);
  const table = buildRouteTable(hcm.routeConfig, routeFilters(hcm, registry));
  const way = answer === null ? table.explain(headers, { tls }) : NOT_ASKED;
  const host = hcm.routeConfig.virtualHosts[way.virtualHost];
  const routes = host?.routes ?? [];
  const model = routes[way.route];
  return {
    listener: { name: listener.name, address: formatAddress(listener.address), place: listener.place },
    filterChain: { name: filterChain.name, tls },
    listenerFilters: (listener.listenerFilters?.filters ?? []).map(placedName),
    networkFilters: filterChain.filters.flatMap((filter) => (filter.kind === "extension" ? [placedName(filter)] : [])),
    request: { method: headers.method, host: headers.authority, path: headers.path },
    answered: answer ?? judgeUpgrade(headers, hcm, way.entries[0]),
    virtualHost: host === undefined ? null : { name: host.name, domains: host.domains, place: host.place },
    passedOver: way.failures.map((failure, index) => ({
      ...explainedRoute(routes[index]!, index),
      failed: describeFailure(routes[index]!.match, failure, headers),
    })),
    route: model === undefined ? null : explainedRoute(model, way.route),
    outcome: outcomeOf(way.entries, model, headers),
    filters: explainFilters(hcm, levelsOf(hcm, way), registry),
  };
}

const NOT_ASKED: RouteExplanation = { virtualHost: -1, toHttps: false, failures: [], route: -1, entries: [] };

function prepared(description: RequestDescription, hcm: HcmModel, tls: boolean, { address }: ListenerModel) {
  try {
    return explainedRequest(description, hcm, tls, address);
  } catch (error) {
    throw new ExplainError((error as Error).message);
  }
}

function routeFilters(hcm: HcmModel, registry: Registry): RouteFilter[] {
  return hcm.filters.map(({ name, id }, slot) => ({
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
    clusters: clusters.map(({ name, weight }) => ({ name, weight, percent: Math.round((weight / total) * 1e4) / 100 })),
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
