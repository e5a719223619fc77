/** What lies between a cluster's connections and their sockets: PROXY protocol around TLS around nothing, each where it is configured. */
import type { Message } from "@bufbuild/protobuf";
import type { Cluster } from "../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { TransportSocket } from "../envoy/generated/envoy/config/core/v3/base_pb.js";
import type { ProxyProtocolConfig } from "../envoy/generated/envoy/config/core/v3/proxy_protocol_pb.js";
import { isMessage } from "../envoy/tree.ts";
import type { ClusterModel, ProxyProtocolModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { compileUpstreamTls } from "./tls.ts";

const proxyType = "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport";

interface ProxyProtocolTransport extends Message<typeof proxyType> {
  readonly config?: ProxyProtocolConfig;
  readonly transportSocket?: TransportSocket;
}

export function compileUpstreamTransport(
  context: CompileContext,
  cluster: Cluster,
  http: ClusterModel["http"],
): Pick<ClusterModel, "tls" | "proxyProtocol"> {
  const outer = cluster.transportSocket;
  const wrapper = outer === undefined ? undefined : proxyTransport(context, outer);
  const socket = wrapper === undefined ? outer : wrapper.transportSocket;
  const tls = compileUpstreamTls(context, socket, http);
  if (http.protocol === "auto" && tls === null && !context.strict && !context.tree.isDamaged(cluster)) {
    context.warning(
      { message: cluster },
      "ERR_CONFIG_CONFLICT",
      "the protocol is to be found by ALPN, and there is no TLS: HTTP/1 is spoken",
      { expected: "a transport_socket with UpstreamTlsContext" },
    );
  }
  if (http.autoSanValidation && tls !== null && tls.trustedCa === null && !tls.systemCa) {
    context.error(
      { message: cluster },
      "ERR_CONFIG_CONFLICT",
      "auto_san_validation without a trusted_ca: anybody can claim any name",
      { expected: "validation_context with trusted_ca" },
    );
  }
  return { tls, proxyProtocol: wrapper === undefined ? null : compileProxyProtocol(context, wrapper.config) };
}

function proxyTransport(context: CompileContext, socket: TransportSocket): ProxyProtocolTransport | undefined {
  if (socket.configType.case !== "typedConfig") return undefined;
  const payload = context.tree.payload(socket.configType.value);
  return payload?.kind === "message" && isMessage<ProxyProtocolTransport>(payload.message, proxyType)
    ? payload.message
    : undefined;
}

/** A ProxyProtocolConfig, wherever it stands. */
export function compileProxyProtocol(
  context: CompileContext,
  config: ProxyProtocolConfig | undefined,
): ProxyProtocolModel {
  const version = config?.version === 1 ? 2 : 1;
  const pass = config?.passThroughTlvs;
  if (pass === undefined) return { version, passTlvs: [] };
  if (version === 1) {
    context.warning(
      { message: config!, field: "pass_through_tlvs" },
      "ERR_CONFIG_CONFLICT",
      "version 1 of the PROXY protocol has no TLVs: nothing is passed",
      { expected: "version: V2" },
    );
  }
  return { version, passTlvs: pass.matchType === 0 ? "all" : pass.tlvType };
}
