/** Routes that follow redirects within the proxy, in a router with scripted upstreams; for tests of the router. */
import type { InternalRedirectModel, RouteModel } from "../../packages/core/src/config/model.ts";
import type { FormatContext } from "../../packages/core/src/formatter/context.ts";
import { FakeClusters } from "./fake-cluster.ts";
import { adds, forward, redirect, route, routeConfig, routeMatch, virtualHost, weighted } from "./route-model.ts";
import { type World, world } from "./router-world.ts";

export const POLICY: InternalRedirectModel = {
  statuses: [302],
  maxRedirects: 1,
  allowCrossScheme: false,
  responseHeadersToCopy: [],
  predicates: [],
};

/** `/old` follows redirects; `/new` does not, `/again` does. */
export function following(
  policy: Partial<InternalRedirectModel> = {},
  more: Partial<Parameters<typeof forward>[0]> = {},
) {
  const internalRedirect = { ...POLICY, ...policy };
  const to = (name: string, prefix: string, changes: Partial<RouteModel> = {}): RouteModel =>
    route({ name, match: routeMatch({ path: { kind: "prefix", value: prefix } }), ...changes });
  const routes = [
    to("new", "/new", { action: forward({ clusters: [weighted("second")] }) }),
    to("again", "/again", { action: forward({ clusters: [weighted("second")], internalRedirect }) }),
    to("elsewhere", "/elsewhere", { action: redirect({ hostRedirect: "elsewhere.example" }) }),
    to("old", "/old", { action: forward({ internalRedirect, prefixRewrite: "/rewritten", ...more }) }),
  ];
  const config = routeConfig([
    virtualHost({ domains: ["test.example"], routes, requestHeaders: adds({ "x-by": "route" }) }),
  ]);
  const logged: FormatContext[] = [];
  const made = world({
    routeConfig: config,
    clusters: new FakeClusters(["web", "second"]),
    harness: { bufferLimitBytes: 16, onAccessLog: (context) => void logged.push(context as FormatContext) },
  });
  return { ...made, logged };
}

export function outcome({ chain }: World): Record<string, number> {
  const of = (name: string): number => chain.count(name);
  return {
    succeeded: of("cluster.web.upstream_internal_redirect_succeeded_total"),
    failed: of("cluster.web.upstream_internal_redirect_failed_total"),
    badLocation: of("http.test.passthrough_internal_redirect_bad_location"),
    unsafeScheme: of("http.test.passthrough_internal_redirect_unsafe_scheme"),
    tooMany: of("http.test.passthrough_internal_redirect_too_many_redirects"),
    noRoute: of("http.test.passthrough_internal_redirect_no_route"),
    predicate: of("http.test.passthrough_internal_redirect_predicate"),
  };
}

/** Of a metric of the engine's own. */
export function valueOf(metric: unknown): number {
  return (metric as { readonly value: number }).value;
}

export const NOTHING = {
  succeeded: 0,
  failed: 0,
  badLocation: 0,
  unsafeScheme: 0,
  tooMany: 0,
  noRoute: 0,
  predicate: 0,
};
export const TARGET = { location: "http://test.example/new?x=1" };
