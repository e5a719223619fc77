/** Rate limits of routes and virtual hosts: which descriptors their requests have. Extensions that make descriptors (CEL) are left out. */
import type { MetadataKey } from "../../envoy/generated/envoy/type/metadata/v3/metadata_pb.js";
import type {
  RateLimit,
  RateLimit_Action,
  RateLimit_Override,
  Route,
} from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { RateLimitActionModel, RateLimitPolicyModel, RouteRateLimitsModel } from "../../rate-limit-model.ts";
import type { CompileContext } from "../context.ts";
import { pathKeys } from "../value-matchers.ts";
import { compileHeader, compileQuery } from "./match.ts";

/** undefined where the route has nothing that limits could go by. */
export function compileRouteRateLimits(context: CompileContext, route: Route): RouteRateLimitsModel | undefined {
  const action = route.action.case === "route" ? route.action.value : undefined;
  const policies = compileRateLimits(context, action?.rateLimits ?? []);
  const includesVirtualHost = action?.includeVhRateLimits ?? false;
  const metadata = (route.metadata?.filterMetadata ?? {}) as RouteRateLimitsModel["metadata"];
  if (policies.length === 0 && !includesVirtualHost && Object.keys(metadata).length === 0) return undefined;
  return { policies, includesVirtualHost, metadata };
}

export function compileRateLimits(context: CompileContext, limits: readonly RateLimit[]): RateLimitPolicyModel[] {
  return limits.map((limit) => ({
    stage: limit.stage ?? 0,
    disableKey: limit.disableKey,
    actions: limit.actions.flatMap((action) => compileRateLimitAction(context, action) ?? []),
    limit: compileOverride(limit.limit),
  }));
}

function compileOverride(limit: RateLimit_Override | undefined): RateLimitPolicyModel["limit"] {
  const { case: kind, value } = limit?.overrideSpecifier ?? {};
  return kind === "dynamicMetadata" ? placeOf(value?.metadataKey) : null;
}

function placeOf(key: MetadataKey | undefined): { namespace: string; path: string[] } {
  return { namespace: key?.key ?? "", path: pathKeys(key?.path ?? []) };
}

/** undefined when it was reported. */
function compileRateLimitAction(
  context: CompileContext,
  { actionSpecifier: action }: RateLimit_Action,
): RateLimitActionModel | undefined {
  switch (action.case) {
    case "sourceCluster":
      return { kind: "source_cluster", cluster: context.node.cluster };
    case "destinationCluster":
      return { kind: "destination_cluster" };
    case "requestHeaders": {
      const { headerName, descriptorKey, skipIfAbsent } = action.value;
      return { kind: "request_headers", key: descriptorKey, header: headerName.toLowerCase(), skipIfAbsent };
    }
    case "remoteAddress":
      return { kind: "remote_address" };
    case "maskedRemoteAddress": {
      const { v4PrefixMaskLen = 32, v6PrefixMaskLen = 128 } = action.value;
      return { kind: "masked_remote_address", v4Bits: v4PrefixMaskLen, v6Bits: v6PrefixMaskLen };
    }
    case "genericKey": {
      const { descriptorKey, descriptorValue } = action.value;
      return { kind: "generic_key", key: descriptorKey === "" ? "generic_key" : descriptorKey, value: descriptorValue };
    }
    case "headerValueMatch": {
      const { descriptorKey, descriptorValue, expectMatch, headers } = action.value;
      return {
        kind: "match",
        key: descriptorKey === "" ? "header_match" : descriptorKey,
        value: descriptorValue,
        expected: expectMatch ?? true,
        headers: headers.flatMap((header) => compileHeader(context, header) ?? []),
        queryParameters: [],
      };
    }
    case "queryParameterValueMatch": {
      const { descriptorKey, descriptorValue, expectMatch, queryParameters } = action.value;
      return {
        kind: "match",
        key: descriptorKey === "" ? "query_match" : descriptorKey,
        value: descriptorValue,
        expected: expectMatch ?? true,
        headers: [],
        queryParameters: queryParameters.flatMap((parameter) => compileQuery(context, parameter) ?? []),
      };
    }
    case "dynamicMetadata": {
      const { descriptorKey, metadataKey, defaultValue } = action.value;
      return {
        kind: "metadata",
        key: descriptorKey,
        from: "stream",
        at: placeOf(metadataKey),
        fallback: defaultValue,
        skipIfAbsent: false,
      };
    }
    case "metadata": {
      const { descriptorKey, metadataKey, defaultValue, source, skipIfAbsent } = action.value;
      // MetaData.Source: DYNAMIC, ROUTE_ENTRY.
      const from = (source as number) === 1 ? "route" : "stream";
      return {
        kind: "metadata",
        key: descriptorKey,
        from,
        at: placeOf(metadataKey),
        fallback: defaultValue,
        skipIfAbsent,
      };
    }
    case "extension":
    case undefined:
      return undefined;
  }
}
