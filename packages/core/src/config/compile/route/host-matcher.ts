/** VirtualHost.matcher: a tree that leads to routes. They stand in the virtual host as if they were a list; the tree knows which are which. */
import type { Message } from "@bufbuild/protobuf";
import type { Route, RouteList, VirtualHost } from "../../envoy/generated/envoy/config/route/v3/route_components_pb.js";
import { isMessage } from "../../envoy/tree.ts";
import type { MatchInputModel, MatchTreeModel } from "../../match-model.ts";
import type { RouteModel, RouteRange } from "../../route-model.ts";
import { TreeCompiler } from "../match-tree.ts";
import type { RouteContext } from "./route-context.ts";

/** What is known before a filter has run: a route may be chosen that early. What filters leave is known when it is chosen again. */
const INPUTS: ReadonlySet<MatchInputModel["kind"]> = new Set([
  "request_header",
  "query_parameter",
  "destination_ip",
  "destination_port",
  "source_ip",
  "source_port",
  "direct_source_ip",
  "source_type",
  "server_name",
  "transport_protocol",
  "application_protocol",
  "uri_san",
  "dns_san",
  "subject",
  "filter_state",
  "dynamic_metadata",
]);

export interface HostRoutes {
  readonly routes: readonly RouteModel[];
  readonly matcher: MatchTreeModel<RouteRange> | null;
}

export function compileHostRoutes(
  { context }: RouteContext,
  host: VirtualHost,
  compileRoute: (route: Route) => RouteModel | undefined,
): HostRoutes {
  const listed = host.routes.flatMap((route) => compileRoute(route) ?? []);
  if (host.matcher === undefined) return { routes: listed, matcher: null };
  if (host.routes.length > 0)
    context.error({ message: host, field: "matcher" }, "ERR_CONFIG_CONFLICT", "routes and matcher are both set", {
      expected: "one of them",
    });
  const routes: RouteModel[] = [];
  const compiler = new TreeCompiler<RouteRange>(context, {
    decides: "a route",
    inputs: INPUTS,
    action: (message, at) => {
      const found = routesOf(message);
      if (found === undefined)
        return void context.error(
          { message: at, field: "typed_config" },
          "ERR_CONFIG_CONFLICT",
          `${message.$typeName} is no route`,
          { expected: "envoy.config.route.v3.Route or envoy.config.route.v3.RouteList" },
        );
      const first = routes.length;
      routes.push(...found.flatMap((route) => compileRoute(route) ?? []));
      return { first, count: routes.length - first };
    },
  });
  const matcher = compiler.tree(host.matcher);
  return { routes, matcher: matcher ?? { node: { kind: "none" }, onNoMatch: null } };
}

function routesOf(message: Message): readonly Route[] | undefined {
  if (isMessage<Route>(message, "envoy.config.route.v3.Route")) return [message];
  return isMessage<RouteList>(message, "envoy.config.route.v3.RouteList") ? message.routes : undefined;
}
