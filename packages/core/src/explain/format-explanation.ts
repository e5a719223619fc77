/** An explanation as text for people; `--json` gives the same as data. */
import type { ConfigPlace, Json } from "../config/model.ts";
import { forwardLines } from "./format-cluster.ts";
import type { Explanation, Outcome } from "./explain.ts";
import type { FilterExplanation, FilterLevelExplanation } from "./explain-filters.ts";

export function formatExplanation(explanation: Explanation): string {
  const { listener, listenerFilters, filterChain, networkFilters, request, answered, virtualHost, passedOver, route } =
    explanation;
  const lines: string[] = [`listener ${listener.name} on ${listener.address}${at(listener.place)}`];
  for (const { name, id, place } of listenerFilters) lines.push(`  listener filter ${titled(name, id)}${at(place)}`);
  const chainName = filterChain.name === "" ? "" : ` ${filterChain.name}`;
  lines.push(`  filter chain${chainName}${filterChain.tls ? ", TLS" : ""}`);
  for (const { name, id, place } of networkFilters) lines.push(`    network filter ${titled(name, id)}${at(place)}`);
  lines.push(`  request ${request.method} ${request.host} ${request.path}`);
  const { changedHeaders } = explanation;
  if (changedHeaders.length > 0) lines.push(`    early changes of headers: ${changedHeaders.join(", ")}`);
  if (answered !== null) {
    lines.push(`  answered ${answered.status} (${answered.details}) before any filter sees it`);
    return `${lines.join("\n")}\n`;
  }
  if (virtualHost === null) lines.push("  no virtual host has this host");
  else {
    const domains = virtualHost.domains.join(", ");
    lines.push(`  virtual host ${virtualHost.name} (${domains})${at(virtualHost.place)}`);
  }
  if (explanation.unmatched) lines.push("    the matcher of the virtual host has no route for it");
  for (const { index, name, failed, place } of passedOver)
    lines.push(`    passed over: route ${routeName(index, name)}: ${failed}${at(place)}`);
  if (route !== null)
    lines.push(`    taken: route ${routeName(route.index, route.name)}: ${route.match}${at(route.place)}`);
  const whose = explanation.upgrade === null ? "" : ` of upgrades to ${explanation.upgrade}`;
  lines.push(`  ${outcomeText(explanation.outcome)}`);
  if (explanation.forward !== null) lines.push(...forwardLines(explanation.forward));
  lines.push(`  filters${whose}, in the order of the request`);
  for (const [index, filter] of explanation.filters.entries()) lines.push(...filterLines(index, filter));
  return `${lines.join("\n")}\n`;
}

function outcomeText(outcome: Outcome): string {
  switch (outcome.kind) {
    case "forward": {
      const [first, second] = outcome.clusters;
      if (second === undefined) return `forwarded to cluster ${first?.name ?? ""}`;
      return `forwarded to one of ${outcome.clusters.map(({ name, percent }) => `cluster ${name} (${percent} %)`).join(", ")}`;
    }
    case "redirect":
      return `redirected: ${outcome.status} to ${outcome.location}`;
    case "respond":
      return `answered ${outcome.status} by the route`;
    case "none":
      return `no route: answered ${outcome.status}`;
  }
}

function filterLines(index: number, filter: FilterExplanation): string[] {
  const { name, id, place, runtime, onError, enabled, config, settings, routeConfig, declares } = filter;
  const marks = [
    ...(runtime === "inline" ? [] : [runtime]),
    ...(enabled ? [] : ["off"]),
    ...(onError === "fail" ? [] : [`on_error: ${onError}`]),
  ];
  const lines = [
    `    ${index + 1} ${titled(name, id)}${marks.length === 0 ? "" : ` [${marks.join(", ")}]`}${at(place)}`,
  ];
  lines.push(`        config ${configText(config, settings)}`);
  const effective = routeConfig.findLast(({ cluster, config: own }) => cluster === null && own !== null);
  for (const level of routeConfig) lines.push(`        ${levelText(level, level === effective)}${at(level.place)}`);
  const words = Object.entries(declares).map(([key, value]) => `${key} ${declaredText(value)}`);
  if (words.length > 0) lines.push(`        declares ${words.join(", ")}`);
  return lines;
}

function levelText(
  { level, cluster, config, settings, disabled }: FilterLevelExplanation,
  isEffective: boolean,
): string {
  const only = cluster === null ? "" : " (if it is chosen)";
  if (config === null) return `${level}${only}: turned ${disabled ? "off" : "on"}`;
  return `${level}${only}: ${isEffective ? "in force " : cluster === null ? "overridden " : ""}${configText(config, settings)}`;
}

/** As configured, and as the filter gets it where that is something else. */
function configText(config: Json, settings: Json): string {
  const written = JSON.stringify(config);
  const read = JSON.stringify(settings);
  return written === read ? written : `${written} read as ${read}`;
}

function declaredText(value: Json): string {
  return Array.isArray(value)
    ? `[${value.map(declaredText).join(", ")}]`
    : typeof value === "string"
      ? value
      : JSON.stringify(value);
}

function routeName(index: number, name: string): string {
  return name === "" ? String(index) : `${index} "${name}"`;
}

function titled(name: string, id: string): string {
  return name === id ? name : `${name} (${id})`;
}

function at({ path, position }: ConfigPlace): string {
  return position === "" ? "" : `  ${position}${path === "" ? "" : `  ${path}`}`;
}
