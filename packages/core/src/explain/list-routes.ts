/** The route tables of a configuration as a list, for people and programs. */
import type { CompiledConfig, ConfigPlace, RouteModel } from "../config/model.ts";
import { formatAddress } from "../worker/data-plane.ts";
import { describeMatch } from "./describe-match.ts";
import { ExplainError, httpListeners, noListener } from "./explain.ts";
import { shown } from "./words.ts";

export interface ListedRoute {
  readonly index: number;
  readonly name: string;
  readonly match: string;
  readonly action: string;
  readonly place: ConfigPlace;
}

export interface ListedHost {
  readonly name: string;
  readonly domains: readonly string[];
  /** The routes are chosen by a matcher tree, and not one after the other. */
  readonly byMatcher: boolean;
  readonly place: ConfigPlace;
  readonly routes: readonly ListedRoute[];
}

export interface ListedListener {
  readonly name: string;
  readonly address: string;
  readonly place: ConfigPlace;
  readonly virtualHosts: readonly ListedHost[];
}

/** @throws ExplainError where no listener, or not the one that is named, speaks HTTP */
export function listRoutes(config: CompiledConfig, listenerName?: string): ListedListener[] {
  const found = httpListeners(config).filter(
    ({ listener }) => listenerName === undefined || listener.name === listenerName,
  );
  if (found.length === 0) throw new ExplainError(noListener(config, listenerName));
  return found.map(({ listener, hcm }) => ({
    name: listener.name,
    address: formatAddress(listener.address),
    place: listener.place,
    virtualHosts: hcm.routeConfig.virtualHosts.map(({ name, domains, matcher, place, routes }) => ({
      name,
      domains,
      byMatcher: matcher !== null,
      place,
      routes: routes.map(listedRoute),
    })),
  }));
}

function listedRoute({ name, match, action, place }: RouteModel, index: number): ListedRoute {
  return { index, name, match: describeMatch(match), action: actionText(action), place };
}

function actionText(action: RouteModel["action"]): string {
  switch (action.kind) {
    case "direct":
      return `respond ${action.status}`;
    case "redirect":
      return `redirect ${action.status}`;
    case "forward": {
      const total = action.clusters.reduce((sum, { weight }) => sum + weight, 0);
      const names = action.clusters.map(({ name, clusterHeader, weight }) => {
        const cluster = clusterHeader === "" ? `cluster ${name}` : `cluster of header ${clusterHeader}`;
        return action.clusters.length === 1 ? cluster : `${cluster} (${Math.round((weight / total) * 1e4) / 100} %)`;
      });
      return names.join(", ");
    }
  }
}

export function formatRoutes(listeners: readonly ListedListener[]): string {
  const lines: string[] = [];
  for (const listener of listeners) {
    lines.push(`listener ${listener.name} on ${listener.address}${at(listener.place)}`);
    for (const host of listener.virtualHosts) {
      lines.push(`  virtual host ${host.name} (${host.domains.join(", ")})${at(host.place)}`);
      if (host.byMatcher) lines.push("    by a matcher");
      for (const { index, name, match, action, place } of host.routes)
        lines.push(`    ${index}${name === "" ? "" : ` ${shown(name)}`}  ${match}  → ${action}${at(place)}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function at({ position }: ConfigPlace): string {
  return position === "" ? "" : `  ${position}`;
}
