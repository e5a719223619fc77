/** What a route or its virtual host says of failures: retries, hedging, copies for other clusters, and under which limits of its cluster requests run. */
import type {
  HedgePolicy,
  RetryPolicy,
  RouteAction,
  RouteAction_RequestMirrorPolicy,
  VirtualHost,
} from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { MirrorModel, ResilienceModel, RetryModel } from "../../retry-model.ts";
import { isHeaderName } from "../header-mutations.ts";
import { compileFraction } from "../value-matchers.ts";
import { compileRetry } from "./retry.ts";
import type { CompileContext } from "../context.ts";
import type { RouteContext } from "./route-context.ts";

export function compileResilience(routes: RouteContext, host: VirtualHost, action: RouteAction): ResilienceModel {
  const { context } = routes;
  const retry = action.retryPolicy ?? host.retryPolicy;
  const hedge = action.hedgePolicy ?? host.hedgePolicy;
  // The most specific list that is not empty.
  const mirrors =
    [action.requestMirrorPolicies, host.requestMirrorPolicies].find(({ length }) => length > 0) ?? routes.mirrors;
  return {
    ...(retry === undefined ? {} : { retry: compileRetryOnce(routes, retry) }),
    ...(hedge !== undefined && compileHedge(context, hedge) ? { hedges: true } : {}),
    ...(mirrors.length === 0 ? {} : { mirrors: mirrors.map((mirror) => compileMirror(routes, mirror)) }),
    ...(action.priority === 1 ? { isHighPriority: true } : {}),
    ...(host.includeIsTimeoutRetryHeader ? { includeIsTimeoutRetry: true } : {}),
  };
}

/** That of a virtual host stands over many routes. */
function compileRetryOnce({ context, retries }: RouteContext, policy: RetryPolicy): RetryModel {
  let made = retries.get(policy);
  if (made === undefined) retries.set(policy, (made = compileRetry(context, policy)));
  return made;
}

function compileHedge(context: CompileContext, hedge: HedgePolicy): boolean {
  const { initialRequests = 1, additionalRequestChance: chance } = hedge;
  // Envoy has both fields, and does nothing with them.
  if (initialRequests !== 1)
    context.unsupported({ message: hedge, field: "initial_requests" }, "more than one request at first", "1");
  if (chance !== undefined && chance.numerator !== 0)
    context.unsupported({ message: hedge, field: "additional_request_chance" }, "a chance of more requests", "0");
  return hedge.hedgeOnPerTryTimeout;
}

function compileMirror(
  { context, checksClusters }: RouteContext,
  mirror: RouteAction_RequestMirrorPolicy,
): MirrorModel {
  const { cluster, clusterHeader } = mirror;
  if (cluster !== "" && clusterHeader !== "")
    context.error(
      { message: mirror, field: "cluster_header" },
      "ERR_CONFIG_ONEOF",
      "cluster and cluster_header are both set",
      { expected: "one of them" },
    );
  else if (cluster === "" && clusterHeader === "") context.missing({ message: mirror }, "cluster");
  else if (cluster !== "" && checksClusters && !context.clusterNames.has(cluster))
    context.dangling({ message: mirror, field: "cluster" }, "the cluster", cluster, context.clusterNames);
  const header = clusterHeader.toLowerCase();
  if (header !== "" && header !== ":authority" && !isHeaderName(header))
    context.error(
      { message: mirror, field: "cluster_header" },
      "ERR_CONFIG_TYPE",
      `${JSON.stringify(clusterHeader)} is no name of a header`,
    );
  return {
    cluster,
    clusterHeader: header,
    fraction: compileFraction(mirror.runtimeFraction) ?? null,
    marksHost: !mirror.disableShadowHostSuffixAppend,
  };
}
