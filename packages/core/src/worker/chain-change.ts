/** What a changed listener means for the chain and the connections that it has. */
import { allFilters } from "../config/hcm-filters.ts";
import type { ListenerModel } from "../config/model.ts";
import { sameMeaning } from "../config/same-meaning.ts";
import type { Registry } from "../registry/registry.ts";

/** Which versions of its filters a listener is made of; equal for equal ones. */
export function filterVersions(model: ListenerModel, registry: Registry): string {
  return idsIn(model)
    .map((id) => `${id} ${registry.versionOf(id)}`)
    .join("\n");
}

function idsIn({ listenerFilters, filterChain }: ListenerModel): string[] {
  const first = listenerFilters?.filters.map(({ id }) => id) ?? [];
  return filterChain.filters.reduce(
    (ids, filter) => ids.concat(filter.kind === "extension" ? filter.id : allFilters(filter.hcm).map(({ id }) => id)),
    first,
  );
}

/**
 * Whether the connections of one version may take their next streams through the other: HTTP alone (network filters have seen the connection's bytes),
 * and nothing differs but HTTP filters, routes and access logs. Everything else holds for a connection from its beginning.
 */
export function canMoveConnections(from: ListenerModel, to: ListenerModel): boolean {
  return sameMeaning(connectionPart(from), connectionPart(to)) && to.filterChain.filters.length === 1;
}

function connectionPart(model: ListenerModel): unknown {
  const { place: _place, filterChain, ...rest } = model;
  const filters = filterChain.filters.map((filter) => {
    if (filter.kind !== "http_connection_manager") return { extension: filter };
    const { filters: _filters, routeConfig: _routes, accessLogs: _logs, ...hcm } = filter.hcm;
    return { hcm };
  });
  return { ...rest, filterChain: { ...filterChain, filters } };
}
