/** Listeners: address, listener filters, the one filter chain, its transport. */
import type { Listener } from "../envoy/generated/envoy/config/listener/v3/listener_pb.js";
import type { FilterChain } from "../envoy/generated/envoy/config/listener/v3/listener_components_pb.js";
import type { FilterChainModel, ListenerModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { compileListenerFilters } from "./listener-filters.ts";
import { compileNetworkFilters } from "./network-filters.ts";
import { compileDownstreamTls } from "./tls.ts";
import { addressText, bufferLimit, compileAddress, milliseconds } from "./values.ts";

/** Linux cuts it to net.core.somaxconn, which is Envoy's default there. */
const largestBacklog = 4096;

export function compileListener(context: CompileContext, listener: Listener): ListenerModel | undefined {
  refuseValues(context, listener);
  const address = compileAddress(context, listener, listener.address, false);
  const listenerFilters = compileListenerFilters(context, listener);
  const filterChain = compileOnlyChain(context, listener);
  if (address === undefined || filterChain === undefined) return undefined;
  const text = addressText(address);
  return {
    name: listener.name === "" ? text : listener.name,
    address,
    statPrefix: listener.statPrefix === "" ? text.replaceAll(":", "_") : listener.statPrefix,
    bufferLimitBytes: bufferLimit(context, listener, listener.perConnectionBufferLimitBytes),
    backlog: listener.tcpBacklogSize ?? largestBacklog,
    reusePort: listener.enableReusePort ?? true,
    filterChain,
    ...(listenerFilters === undefined ? {} : { listenerFilters }),
    place: context.place({ message: listener }),
  };
}

function refuseValues(context: CompileContext, listener: Listener): void {
  if (listener.bindToPort === false)
    context.unsupported({ message: listener, field: "bind_to_port" }, "a listener that does not bind");
  if (listener.drainType !== 0)
    context.unsupported({ message: listener, field: "drain_type" }, "MODIFY_ONLY", "DEFAULT");
}

function compileOnlyChain(context: CompileContext, listener: Listener): FilterChainModel | undefined {
  const { filterChains, defaultFilterChain } = listener;
  const [first, second] = filterChains;
  if (second !== undefined) context.unsupported({ message: second }, "a second filter chain");
  if (first !== undefined && defaultFilterChain !== undefined) {
    context.unsupported(
      { message: listener, field: "default_filter_chain" },
      "a default filter chain beside another one",
    );
  }
  const chain = first ?? defaultFilterChain;
  if (chain === undefined) return void context.missing({ message: listener }, "filter_chains", "one filter chain");
  return compileChain(context, chain);
}

function compileChain(context: CompileContext, chain: FilterChain): FilterChainModel | undefined {
  const tls = compileDownstreamTls(context, chain.transportSocket);
  const filters = compileNetworkFilters(context, chain);
  if (tls === undefined) return undefined;
  return {
    name: chain.name,
    tls,
    handshakeTimeoutMs: milliseconds(
      context,
      chain,
      "transport_socket_connect_timeout",
      chain.transportSocketConnectTimeout,
      0,
    ),
    filters,
  };
}
