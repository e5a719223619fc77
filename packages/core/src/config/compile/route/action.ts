/** What happens to a request that takes a route: redirected, answered, or forwarded. */
import type {
  RedirectAction,
  Route,
  DirectResponseAction,
  VirtualHost,
} from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import type { DirectActionModel, RedirectActionModel, RouteModel } from "../../model.ts";
import type { CompileContext } from "../context.ts";
import { readData } from "../values.ts";
import { compileForward } from "./forward.ts";
import type { RouteContext } from "./route-context.ts";
import { writtenHost, writtenReference, writtenRewrite, writtenScheme } from "./written-target.ts";

/** `bufferLimitBytes`: of bodies that are kept, as route or virtual host say; -1: they say nothing. */
export function compileAction(
  routes: RouteContext,
  host: VirtualHost,
  route: Route,
  bufferLimitBytes: number,
): RouteModel["action"] | undefined {
  const { action } = route;
  switch (action.case) {
    case "route":
      return compileForward(routes, host, route, action.value, bufferLimitBytes);
    case "redirect":
      return compileRedirect(routes.context, action.value);
    case "directResponse":
      return compileDirect(routes, action.value);
    case "filterAction":
    case "nonForwardingAction":
    case undefined:
      return void routes.context.missing({ message: route }, "the action", "route, redirect or direct_response");
  }
}

/** Index: RedirectResponseCode. */
const redirectStatuses = [301, 302, 303, 307, 308] as const;

function compileRedirect(context: CompileContext, redirect: RedirectAction): RedirectActionModel {
  const { schemeRewriteSpecifier: scheme, pathRewriteSpecifier: path } = redirect;
  if (redirect.portRedirect > 65_535) {
    context.error({ message: redirect, field: "port_redirect" }, "ERR_CONFIG_RANGE", "the port is out of range", {
      expected: "0 to 65535",
    });
  }
  return {
    kind: "redirect",
    status: redirectStatuses[redirect.responseCode] ?? 301,
    httpsRedirect: scheme.case === "httpsRedirect" && scheme.value,
    schemeRedirect:
      scheme.case === "schemeRedirect" ? writtenScheme(context, redirect, "scheme_redirect", scheme.value) : "",
    hostRedirect: writtenHost(context, redirect, "host_redirect", redirect.hostRedirect),
    portRedirect: redirect.portRedirect,
    pathRedirect: path.case === "pathRedirect" ? writtenReference(context, redirect, "path_redirect", path.value) : "",
    prefixRewrite:
      path.case === "prefixRewrite" ? writtenReference(context, redirect, "prefix_rewrite", path.value) : "",
    regexRewrite: path.case === "regexRewrite" ? writtenRewrite(context, path.value) : null,
    stripQuery: redirect.stripQuery,
  };
}

function compileDirect({ context, maxBodyBytes }: RouteContext, direct: DirectResponseAction): DirectActionModel {
  const body = direct.body === undefined ? undefined : readData(context, direct.body);
  if (body !== undefined && body.bytes.length > maxBodyBytes) {
    const message = `the body is ${body.bytes.length} bytes long`;
    context.error({ message: direct, field: "body" }, "ERR_CONFIG_RANGE", message, {
      expected: `at most ${maxBodyBytes} bytes (max_direct_response_body_size_bytes)`,
    });
  }
  return { kind: "direct", status: direct.status, body: body === undefined ? null : new Uint8Array(body.bytes) };
}
