/** The network filters of a filter chain: extensions and the connection manager, exactly one terminal filter, last. */
import type { Message } from "@bufbuild/protobuf";
import type { AccessLog } from "../envoy/generated/envoy/config/accesslog/v3/accesslog_pb.js";
import type { Filter, FilterChain } from "../envoy/generated/envoy/config/listener/v3/listener_components_pb.js";
import type { HttpConnectionManager } from "../envoy/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { isMessage } from "../envoy/tree.ts";
import type { NetworkFilterModel } from "../model.ts";
import { compileAccessLogs } from "./access-log.ts";
import type { CompileContext } from "./context.ts";
import { checkClusterNames } from "./cluster-names.ts";
import { resolveExtension } from "./extension.ts";
import { compileHcm } from "./hcm.ts";
import { type PlacedFilter, checkOrder } from "./order.ts";
import { checkTerminal, type ChainLink } from "./terminal.ts";

export const hcmType = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

export function compileNetworkFilters(context: CompileContext, chain: FilterChain): NetworkFilterModel[] {
  const models: NetworkFilterModel[] = [];
  const links: ChainLink[] = [];
  const placed: PlacedFilter[] = [];
  for (const filter of chain.filters) {
    const compiled = compileFilter(context, filter);
    links.push({ name: filter.name, isTerminal: compiled?.isTerminal, at: { message: filter } });
    if (compiled === undefined) continue;
    models.push(compiled.model);
    const definition = compiled.model.kind === "extension" ? context.registry.network(compiled.model.id) : undefined;
    if (definition !== undefined) placed.push({ name: filter.name, definition, at: { message: filter } });
  }
  checkTerminal(
    context,
    links,
    { message: chain, field: chain.filters.length > 0 ? "filters" : undefined },
    "network filter",
  );
  checkOrder(
    context,
    placed,
    links.every(({ isTerminal }) => isTerminal !== undefined),
  );
  return models;
}

interface Compiled {
  readonly model: NetworkFilterModel;
  readonly isTerminal: boolean;
}

function compileFilter(context: CompileContext, filter: Filter): Compiled | undefined {
  const place = context.place({ message: filter });
  if (filter.configType.case !== "typedConfig") return void context.missing({ message: filter }, "typed_config");
  const any = filter.configType.value;
  const payload = context.tree.payload(any);
  if (payload?.kind === "message" && isMessage<HttpConnectionManager>(payload.message, hcmType)) {
    const hcm = compileHcm(context, payload.message);
    return hcm === undefined
      ? undefined
      : { model: { kind: "http_connection_manager", name: filter.name, hcm, place }, isTerminal: true };
  }
  const resolved = resolveExtension(context, "network", any, { message: filter, field: "typed_config" });
  if (resolved === undefined) return undefined;
  const { registered, message } = resolved;
  const { access_log: _, ...config } = resolved.config;
  const statPrefix = config["stat_prefix"];
  if (message !== undefined) checkClusterNames(context, message);
  return {
    model: {
      kind: "extension",
      name: filter.name,
      id: registered.definition.id,
      config,
      statPrefix: typeof statPrefix === "string" ? statPrefix : "",
      accessLogs: compileAccessLogs(context, accessLogsOf(message)),
      place,
    },
    isTerminal: registered.definition.terminal === true,
  };
}

/** Network filters that log (tcp_proxy) have the same field for it. */
function accessLogsOf(message: Message | undefined): readonly AccessLog[] {
  const { accessLog } = (message ?? {}) as { readonly accessLog?: readonly AccessLog[] };
  return accessLog ?? [];
}
