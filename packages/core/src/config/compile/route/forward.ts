/** Forwarding: with which rewrites and time-outs. */
import { compileUriRewrite, compileUriTemplate } from "../../../matching/uri-template.ts";
import { MatchProblem } from "../../../matching/match-problem.ts";
import type { TypedExtensionConfig } from "../../envoy/generated/envoy/config/core/v3/extension_pb.js";
import type {
  Route,
  RouteAction,
  VirtualHost,
} from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { UriTemplateMatchConfig } from "../../envoy/generated/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js";
import type { UriTemplateRewriteConfig } from "../../envoy/generated/envoy/extensions/path/rewrite/uri_template/v3/uri_template_rewrite_pb.js";
import { isMessage } from "../../envoy/tree.ts";
import type { ForwardActionModel } from "../../model.ts";
import type { CompileContext } from "../context.ts";
import { compileUpgrades } from "../upgrades.ts";
import { compileClusters } from "./clusters.ts";
import { compileConnect } from "./connect.ts";
import { compileHashPolicies } from "./hash-policy.ts";
import { compileInternalRedirect } from "./internal-redirect.ts";
import { compileResilience } from "./resilience.ts";
import type { RouteContext } from "./route-context.ts";
import { subsetOf } from "./subset.ts";
import { compileTimeouts } from "./timeouts.ts";
import { writtenHost, writtenPath, writtenRewrite } from "./written-target.ts";

/** Index: ClusterNotFoundResponseCode. */
const notFoundStatuses = [503, 404, 500] as const;

export function compileForward(
  routes: RouteContext,
  host: VirtualHost,
  route: Route,
  action: RouteAction,
  bufferLimitBytes: number,
): ForwardActionModel | undefined {
  const { context } = routes;
  const clusters = compileClusters(routes, action);
  const { hostRewriteSpecifier: rewrite } = action;
  checkOneRewrite(context, action);
  const subset = subsetOf(action.metadataMatch);
  const hashPolicies = compileHashPolicies(context, action.hashPolicy);
  checkEarlyData(context, action.earlyDataPolicy);
  const model: Omit<ForwardActionModel, "clusters" | "weightHeader" | "weightRuntimePrefix"> = {
    kind: "forward",
    clusterNotFoundStatus: notFoundStatuses[action.clusterNotFoundResponseCode] ?? 503,
    prefixRewrite: writtenPath(context, action, "prefix_rewrite", action.prefixRewrite),
    regexRewrite: writtenRewrite(context, action.regexRewrite),
    templateRewrite: compileTemplateRewrite(context, route, action.pathRewritePolicy),
    hostRewrite:
      rewrite.case === "hostRewriteLiteral" ? writtenHost(context, action, "host_rewrite_literal", rewrite.value) : "",
    hostRewriteHeader: rewrite.case === "hostRewriteHeader" ? rewrite.value.toLowerCase() : "",
    hostRewritePathRegex: rewrite.case === "hostRewritePathRegex" ? writtenRewrite(context, rewrite.value) : null,
    autoHostRewrite: rewrite.case === "autoHostRewrite" && rewrite.value.value,
    appendXForwardedHost: action.appendXForwardedHost,
    ...compileTimeouts(context, action),
    bufferLimitBytes,
    internalRedirect: compileInternalRedirect(context, action.internalRedirectPolicy),
    upgrades: compileUpgrades(context, action.upgradeConfigs),
    ...(subset !== undefined && { subset }),
    ...(hashPolicies.length > 0 && { hashPolicies }),
    connect: compileConnect(context, action.upgradeConfigs),
    ...compileResilience(routes, host, action),
  };
  return clusters && { ...model, ...clusters };
}

/** Envoy: at most one of the three. */
function checkOneRewrite(context: CompileContext, action: RouteAction): void {
  const set = [
    ["prefix_rewrite", action.prefixRewrite !== ""],
    ["regex_rewrite", action.regexRewrite !== undefined],
    ["path_rewrite_policy", action.pathRewritePolicy !== undefined],
  ] as const;
  const [first, second] = set.filter(([, isSet]) => isSet);
  if (first === undefined || second === undefined) return;
  context.error(
    { message: action, field: second[0] },
    "ERR_CONFIG_CONFLICT",
    `${first[0]} and ${second[0]} are both set`,
    { expected: "one of them" },
  );
}

const rewriteType = "envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig";
const matchType = "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";

/** The rewrite of a URI template, empty where there is none. It needs a route that matches by a template, whose variables it uses. */
function compileTemplateRewrite(
  context: CompileContext,
  route: Route,
  policy: TypedExtensionConfig | undefined,
): string {
  const payload = policy?.typedConfig && context.tree.payload(policy.typedConfig);
  if (policy === undefined || payload === undefined) return "";
  if (payload.kind !== "message" || !isMessage<UriTemplateRewriteConfig>(payload.message, rewriteType)) {
    context.unsupported({ message: policy, field: "typed_config" }, `the rewrite ${payload.typeName}`, rewriteType);
    return "";
  }
  const at = { message: payload.message, field: "path_template_rewrite" };
  const rewrite = payload.message.pathTemplateRewrite;
  const template = templateOf(context, route);
  if (template === undefined) {
    context.error(at, "ERR_CONFIG_CONFLICT", "the rewrite of a URI template stands on a route that matches by none", {
      expected: "path_match_policy in the match of the route",
    });
    return rewrite;
  }
  const compiled = compileUriTemplate(template);
  if (compiled instanceof MatchProblem) return rewrite;
  const problem = compileUriRewrite(rewrite, compiled.variables);
  if (problem instanceof MatchProblem)
    context.error(at, "ERR_CONFIG_TYPE", problem.message, { expected: problem.expected });
  return rewrite;
}

function templateOf(context: CompileContext, { match }: Route): string | undefined {
  const specifier = match?.pathSpecifier;
  if (specifier?.case !== "pathMatchPolicy" || specifier.value.typedConfig === undefined) return undefined;
  const payload = context.tree.payload(specifier.value.typedConfig);
  const isTemplate = payload?.kind === "message" && isMessage<UriTemplateMatchConfig>(payload.message, matchType);
  return isTemplate ? payload.message.pathTemplate : undefined;
}

const earlyDataType = "envoy.extensions.early_data.v3.DefaultEarlyDataPolicy";

/** Requests in the early data of a handshake go to HTTP/3 upstreams alone: the default policy changes nothing here. */
function checkEarlyData(context: CompileContext, policy: TypedExtensionConfig | undefined): void {
  const payload = policy?.typedConfig && context.tree.payload(policy.typedConfig);
  if (policy === undefined || payload === undefined || payload.typeName === earlyDataType) return;
  context.unsupported({ message: policy, field: "typed_config" }, `the policy ${payload.typeName}`, earlyDataType);
}
