/** `internal_redirect` of a route: redirects of the upstream that are followed here. */
import type { Json } from "../model.ts";
import type { JsonObject } from "../source/source.ts";
import type { Section } from "./section.ts";

const predicates = "type.googleapis.com/envoy.extensions.internal_redirect";

/** Envoy's policy; undefined where there is none. */
export function adaptInternalRedirect(route: Section): JsonObject | undefined {
  const value = route.get("internal_redirect");
  if (value === undefined || value === false) return undefined;
  const policy = route.make<JsonObject>({}, "internal_redirect");
  if (value === true) return policy;
  if (typeof value === "number") {
    route.put(policy, "max_internal_redirects", value, "internal_redirect");
    return policy;
  }
  const redirect = route.section("internal_redirect", "internal_redirect");
  if (redirect === undefined) return undefined;
  redirect.copyAll(
    { max: "max_internal_redirects", statuses: "redirect_response_codes", copy_headers: "response_headers_to_copy" },
    policy,
  );
  const list: Json[] = [];
  const crossScheme = redirect.get("cross_scheme") ?? false;
  if (crossScheme === true || crossScheme === "safe")
    redirect.put(policy, "allow_cross_scheme_redirect", true, "cross_scheme");
  else if (crossScheme !== false) redirect.context.wrongType(redirect.value, "cross_scheme", "true, false or safe");
  if (crossScheme === "safe")
    list.push(predicate(redirect, "cross_scheme", "safe_cross_scheme", "safe_cross_scheme.v3.SafeCrossSchemeConfig"));
  if (redirect.has("routes")) {
    const listed = predicate(
      redirect,
      "routes",
      "allow_listed_routes",
      "allow_listed_routes.v3.AllowListedRoutesConfig",
    );
    redirect.copy("routes", listed["typed_config"] as JsonObject, "allowed_route_names");
    list.push(listed);
  }
  if (redirect.flag("repeat") === false)
    list.push(predicate(redirect, "repeat", "previous_routes", "previous_routes.v3.PreviousRoutesConfig"));
  if (list.length > 0) policy["predicates"] = redirect.make(list);
  return policy;
}

function predicate(redirect: Section, key: string, name: string, type: string): JsonObject {
  const config = redirect.make<JsonObject>({ "@type": `${predicates}.${type}` }, key);
  return redirect.make<JsonObject>({ name: `envoy.internal_redirect_predicates.${name}`, typed_config: config }, key);
}
