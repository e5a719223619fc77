/**
 * A flat list of routes with hosts as Envoy's virtual hosts. Envoy first picks the most specific virtual host and then a route of it; a
 * flat list is read from the top. So every virtual host gets all routes that its domain could take, in the list's order.
 */
import type { Section } from "./section.ts";

interface Hosted {
  readonly hosts: readonly string[];
}

/** Hosts of a route; `*` where it names none. */
export function readHosts(route: Section): readonly string[] {
  const value = route.get("host");
  if (value === undefined) return ["*"];
  const hosts: string[] = [];
  for (const [index, host] of (Array.isArray(value) ? value : [value]).entries()) {
    const [container, key] = Array.isArray(value) ? [value, index] : [route.value, "host"];
    if (typeof host === "string" && /^(\*|(\*\.)?[^*\s]+)$/.test(host)) hosts.push(host.toLowerCase());
    else route.context.wrongType(container, key, "a host as in example.com or *.example.com");
  }
  return hosts;
}

export interface PlannedHost<T> {
  readonly domain: string;
  readonly members: readonly T[];
}

export function hostPlan<T extends Hosted>(routes: readonly T[]): PlannedHost<T>[] {
  const domains = new Set(routes.flatMap((route) => route.hosts));
  return [...domains].map((domain) => ({
    domain,
    members: routes.filter((route) => route.hosts.some((host) => covers(host, domain))),
  }));
}

/** Whether every host that `domain` stands for is also one of `pattern`. */
function covers(pattern: string, domain: string): boolean {
  if (pattern === "*" || pattern === domain) return true;
  return pattern.startsWith("*.") && domain.endsWith(pattern.slice(1)) && domain.length >= pattern.length;
}
