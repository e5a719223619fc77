/** hash_policy of routes: what the host of a request is chosen by, where the cluster's balancer hashes. */
import type {
  RouteAction_HashPolicy,
  RouteAction_HashPolicy_Cookie,
} from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { HashPolicyModel } from "../../model.ts";
import type { CompileContext } from "../context.ts";
import { compileRegexRewrite } from "../matchers.ts";
import { milliseconds } from "../values.ts";

export function compileHashPolicies(
  context: CompileContext,
  policies: readonly RouteAction_HashPolicy[],
): HashPolicyModel[] {
  return policies.flatMap((policy) => compileHashPolicy(context, policy) ?? []);
}

function compileHashPolicy(context: CompileContext, policy: RouteAction_HashPolicy): HashPolicyModel | undefined {
  const { policySpecifier: which, terminal } = policy;
  switch (which.case) {
    case "header": {
      const name = which.value.headerName.toLowerCase();
      const rewrite = compileRegexRewrite(context, which.value.regexRewrite);
      return { kind: "header", name: name === "host" ? ":authority" : name, rewrite, terminal };
    }
    case "cookie":
      return compileCookie(context, which.value, terminal);
    case "connectionProperties":
      // Without it Envoy hashes nothing.
      return which.value.sourceIp ? { kind: "source_ip", terminal } : undefined;
    case "queryParameter":
      return { kind: "query_parameter", name: which.value.name, terminal };
    case "filterState":
      return { kind: "filter_state", key: which.value.key, terminal };
    default:
      return undefined;
  }
}

/** RFC 6265 section 4.1.1. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const ATTRIBUTE = /^[^\0-\x1f\x7f;]*$/;

function compileCookie(
  context: CompileContext,
  cookie: RouteAction_HashPolicy_Cookie,
  terminal: boolean,
): HashPolicyModel | undefined {
  const check = (field: string, text: string, pattern: RegExp, element?: number): void => {
    if (text !== "" && !pattern.test(text))
      context.error(
        { message: cookie, field, element },
        "ERR_CONFIG_TYPE",
        `${JSON.stringify(text)} cannot stand in a cookie`,
      );
  };
  check("name", cookie.name, TOKEN);
  check("path", cookie.path, ATTRIBUTE);
  for (const [i, { name, value }] of cookie.attributes.entries()) {
    check("attributes", name, TOKEN, i);
    check("attributes", value, ATTRIBUTE, i);
  }
  const { ttl } = cookie;
  return {
    kind: "cookie",
    name: cookie.name,
    ttlS: ttl === undefined ? -1 : Math.floor(milliseconds(context, cookie, "ttl", ttl, 0) / 1000),
    path: cookie.path,
    attributes: cookie.attributes
      .map(({ name, value }) => (value === "" ? `; ${name}` : `; ${name}=${value}`))
      .join(""),
    terminal,
  };
}
