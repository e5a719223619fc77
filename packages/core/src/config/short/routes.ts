/** Routes and virtual hosts of the short form. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import { adaptRouteFilters } from "./filters.ts";
import { adaptHeaderChanges } from "./headers.ts";
import { hostPlan, readHosts } from "./route-hosts.ts";
import { adaptAction } from "./route-action.ts";
import { adaptMatch } from "./route-match.ts";
import { Section } from "./section.ts";

/** Envoy's route configuration. */
export function adaptRoutes(http: Section, isEdge: boolean): JsonObject {
  const which = http.onlyOne(["routes", "virtual_hosts"]);
  if (which === undefined) http.missing(["routes", "virtual_hosts"]);
  const hosts = which === "virtual_hosts" ? adaptVirtualHosts(http, isEdge) : adaptFlatRoutes(http, isEdge);
  return http.make({ name: "local_route", virtual_hosts: http.make(hosts, which) }, which);
}

/** Routes without virtual hosts: those without `host` are for every host, in the order of the list. */
function adaptFlatRoutes(http: Section, isEdge: boolean): Json[] {
  const list = http.list("routes") ?? [];
  const routes: { hosts: readonly string[]; index: number }[] = [];
  for (const index of list.keys()) {
    const route = Section.at(http.context, "route", list, index);
    if (route !== undefined) routes.push({ hosts: readHosts(route), index });
  }
  return hostPlan(routes).map(({ domain, members }) => {
    const made = members.flatMap(({ index }) => adaptRoute(http, list, index, isEdge) ?? []);
    return http.make({ name: domain, domains: [domain], routes: http.make(made, "routes") }, "routes");
  });
}

function adaptVirtualHosts(http: Section, isEdge: boolean): Json[] {
  const list = http.list("virtual_hosts") ?? [];
  const made: Json[] = [];
  for (const index of list.keys()) {
    const host = Section.at(http.context, "virtual_host", list, index);
    if (host !== undefined) made.push(adaptVirtualHost(host, index, isEdge));
  }
  return made;
}

const requirements: Readonly<Record<string, string>> = { true: "ALL", false: "NONE", external: "EXTERNAL_ONLY" };

const attemptCounts = {
  request: ["include_request_attempt_count"],
  response: ["include_attempt_count_in_response"],
  both: ["include_request_attempt_count", "include_attempt_count_in_response"],
} as const;

function adaptVirtualHost(host: Section, index: number, isEdge: boolean): JsonObject {
  const made = host.make<JsonObject>({});
  const domains = host.get("domains");
  if (typeof domains === "string") {
    const list = host.make([domains], "domains");
    host.put(made, "domains", list, "domains");
  } else host.copy("domains", made);
  made["name"] = firstText(domains) ?? `virtual_host_${index}`;
  host.copy("name", made);
  const routes = host.list("routes") ?? [];
  const longRoutes = [...routes.keys()].flatMap((at) => {
    const route = Section.at(host.context, "route", routes, at);
    if (route?.has("host") === true) {
      route.error("host", {
        code: "ERR_CONFIG_CONFLICT",
        message: "a route of a virtual host has its host already",
        expected: "domains of the virtual host",
      });
    }
    return adaptRoute(host, routes, at, isEdge) ?? [];
  });
  host.put(made, "routes", host.make(longRoutes, "routes"), "routes");
  const required = host.get("require_tls");
  if (required !== undefined) {
    const value = typeof required === "object" ? undefined : requirements[String(required)];
    if (value === undefined) host.context.wrongType(host.value, "require_tls", "true, false or external");
    else host.put(made, "require_tls", value, "require_tls");
  }
  const attempts = host.choice("attempt_count", attemptCounts);
  for (const field of attempts ?? []) host.put(made, field, true, "attempt_count");
  adaptHeaderChanges(host, made);
  adaptRouteFilters(host, made);
  return made;
}

function firstText(domains: Json | undefined): string | undefined {
  const first = Array.isArray(domains) ? domains[0] : domains;
  return typeof first === "string" ? first : undefined;
}

function adaptRoute(holder: Section, list: Json[], index: number, isEdge: boolean): JsonObject | undefined {
  const route = Section.at(holder.context, "route", list, index);
  if (route === undefined) return undefined;
  const made = route.make<JsonObject>({});
  route.copy("name", made);
  made["match"] = adaptMatch(route);
  adaptAction(route, made, isEdge);
  adaptHeaderChanges(route, made);
  adaptRouteFilters(route, made);
  return made;
}
