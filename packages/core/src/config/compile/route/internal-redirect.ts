/** Redirects of upstreams that the proxy follows itself: InternalRedirectPolicy and its predicates. */
import type { Message } from "@bufbuild/protobuf";
import type { TypedExtensionConfig } from "../../envoy/generated/envoy/config/core/v3/extension_pb.js";
import type { InternalRedirectPolicy } from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { AllowListedRoutesConfig } from "../../envoy/generated/envoy/extensions/internal_redirect/allow_listed_routes/v3/allow_listed_routes_config_pb.js";
import { isMessage } from "../../envoy/tree.ts";
import type { InternalRedirectModel, RedirectPredicateModel } from "../../model.ts";
import type { CompileContext } from "../context.ts";
import { isHeaderName } from "../header-mutations.ts";

const predicates = "envoy.extensions.internal_redirect";
const allowListed = `${predicates}.allow_listed_routes.v3.AllowListedRoutesConfig`;
/** Others are passed over, as in Envoy. */
const redirects = [301, 302, 303, 307, 308];

export function compileInternalRedirect(
  context: CompileContext,
  policy: InternalRedirectPolicy | undefined,
): InternalRedirectModel | null {
  if (policy === undefined) return null;
  const { redirectResponseCodes: statuses } = policy;
  for (const [element, status] of statuses.entries()) {
    if (redirects.includes(status)) continue;
    context.warning(
      { message: policy, field: "redirect_response_codes", element },
      "ERR_CONFIG_RANGE",
      `${status} is never followed`,
      { expected: `one of ${redirects.join(", ")}` },
    );
  }
  return {
    statuses: statuses.length === 0 ? [302] : statuses.filter((status) => redirects.includes(status)),
    maxRedirects: policy.maxInternalRedirects ?? 1,
    allowCrossScheme: policy.allowCrossSchemeRedirect,
    responseHeadersToCopy: policy.responseHeadersToCopy.map((name, element) => copied(context, policy, name, element)),
    predicates: policy.predicates.flatMap((predicate) => compilePredicate(context, predicate) ?? []),
  };
}

/** They say how the redirect itself is framed. */
const framing = ["connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];

/** Envoy: neither `Host` nor a pseudo-header may be copied. */
function copied(context: CompileContext, message: Message, written: string, element: number): string {
  const name = written.toLowerCase();
  const at = { message, field: "response_headers_to_copy", element };
  if (name.startsWith(":") || name === "host" || framing.includes(name))
    context.error(at, "ERR_CONFIG_CONFLICT", `${name} cannot be copied from a response into a request`);
  else if (!isHeaderName(name))
    context.error(at, "ERR_CONFIG_TYPE", `${JSON.stringify(written)} is no name of a header`);
  return name;
}

function compilePredicate(
  context: CompileContext,
  extension: TypedExtensionConfig,
): RedirectPredicateModel | undefined {
  const { typedConfig } = extension;
  if (typedConfig === undefined) return void context.missing({ message: extension }, "typed_config");
  const payload = context.tree.payload(typedConfig);
  if (payload === undefined) return undefined;
  switch (payload.typeName) {
    case `${predicates}.previous_routes.v3.PreviousRoutesConfig`:
      return { kind: "previous_routes" };
    case `${predicates}.safe_cross_scheme.v3.SafeCrossSchemeConfig`:
      return { kind: "safe_cross_scheme" };
    default:
      if (payload.kind === "message" && isMessage<AllowListedRoutesConfig>(payload.message, allowListed))
        return { kind: "allow_listed_routes", names: payload.message.allowedRouteNames };
      // Never passed over: redirects would be followed that it was to stop.
      return void context.error(
        { message: extension, field: "typed_config" },
        "ERR_CONFIG_TYPE",
        `${payload.typeName} is no predicate of redirects`,
        { expected: "previous_routes, allow_listed_routes or safe_cross_scheme" },
      );
  }
}
