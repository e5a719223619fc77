import fc from "fast-check";
import { expect, test } from "vitest";
import { hostPlan } from "./route-hosts.ts";

interface Flat {
  readonly hosts: readonly string[];
  readonly name: number;
}

/** The flat list read from the top. */
function flatMatches(routes: readonly Flat[], host: string): number[] {
  return routes.filter((route) => route.hosts.some((pattern) => matches(pattern, host))).map((route) => route.name);
}

function matches(pattern: string, host: string): boolean {
  if (pattern === "*") return true;
  return pattern.startsWith("*.")
    ? host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1
    : pattern === host;
}

/** Envoy: the exact domain, else the longest suffix, else `*`; then the routes of that virtual host from the top. */
function envoyMatches(routes: readonly Flat[], host: string): number[] {
  const candidates = hostPlan(routes).filter(({ domain }) => matches(domain, host));
  const rank = (domain: string): number => (domain === host ? 1000 : domain.length);
  const best = candidates.sort((a, b) => rank(b.domain) - rank(a.domain))[0];
  return best?.members.map((route) => route.name) ?? [];
}

const label = fc.constantFrom("a", "b");
const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
const pattern = fc.oneof(
  host,
  fc.constant("*"),
  host.map((name) => `*.${name}`),
);

test("virtual hosts made from a flat list take the same routes in the same order", () => {
  const lists = fc.array(fc.array(pattern, { minLength: 1, maxLength: 2 }), { maxLength: 6 });
  fc.assert(
    fc.property(lists, host, (hosts, asked) => {
      const routes = hosts.map((each, name) => ({ hosts: each, name }));
      expect(envoyMatches(routes, asked)).toEqual(flatMatches(routes, asked));
    }),
    { numRuns: 2000 },
  );
});
