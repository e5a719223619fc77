/** How a cluster speaks HTTP: the typed protocol options, or the older fields of the cluster itself. */
import type {
  HttpProtocolOptions as CommonOptions,
  Http1ProtocolOptions,
  Http2ProtocolOptions,
} from "../envoy/generated/envoy/config/core/v3/protocol_pb.js";
import type { Cluster } from "../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { HttpProtocolOptions } from "../envoy/generated/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { isMessage } from "../envoy/tree.ts";
import type { ClusterModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { compileHttp2 } from "./http2.ts";
import { milliseconds } from "./values.ts";

const optionsType = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const hour = 3_600_000;
/** Of HTTP/1 responses. */
const maxResponseHeadersBytes = 80 * 1024;

export function compileUpstreamHttp(context: CompileContext, cluster: Cluster): ClusterModel["http"] {
  const typed = typedOptions(context, cluster);
  if (typed === undefined)
    return model(
      context,
      cluster.commonHttpProtocolOptions,
      cluster.httpProtocolOptions,
      cluster.http2ProtocolOptions,
      cluster.maxRequestsPerConnection,
    );
  for (const [field, value] of [
    ["common_http_protocol_options", cluster.commonHttpProtocolOptions],
    ["http_protocol_options", cluster.httpProtocolOptions],
    ["http2_protocol_options", cluster.http2ProtocolOptions],
    ["max_requests_per_connection", cluster.maxRequestsPerConnection],
  ] as const) {
    if (value === undefined) continue;
    context.error(
      { message: cluster, field },
      "ERR_CONFIG_CONFLICT",
      `${field} is set beside the typed protocol options, which take its place`,
    );
  }
  const [http1, http2] = protocolOptions(context, typed);
  return model(context, typed.commonHttpProtocolOptions, http1, http2, undefined);
}

function typedOptions(context: CompileContext, cluster: Cluster): HttpProtocolOptions | undefined {
  let found: HttpProtocolOptions | undefined;
  for (const [name, any] of Object.entries(cluster.typedExtensionProtocolOptions)) {
    const payload = context.tree.payload(any);
    const at = { message: cluster, field: "typed_extension_protocol_options", element: name };
    if (payload?.kind !== "message" || !isMessage<HttpProtocolOptions>(payload.message, optionsType)) {
      if (payload !== undefined) context.unsupported(at, `protocol options of type ${payload.typeName}`, optionsType);
    } else if (name === optionsType) found = payload.message;
    else context.error(at, "ERR_CONFIG_TYPE", `"${name}" is not the name of these options`, { expected: optionsType });
  }
  return found;
}

function protocolOptions(
  context: CompileContext,
  typed: HttpProtocolOptions,
): [http1: Http1ProtocolOptions | undefined, http2: Http2ProtocolOptions | undefined] {
  const { upstreamProtocolOptions } = typed;
  if (upstreamProtocolOptions.case !== "explicitHttpConfig") {
    context.missing({ message: typed }, "the protocol", "explicit_http_config");
    return [undefined, undefined];
  }
  const { protocolConfig } = upstreamProtocolOptions.value;
  if (protocolConfig.case === "httpProtocolOptions") return [protocolConfig.value, undefined];
  return protocolConfig.case === "http2ProtocolOptions" ? [undefined, protocolConfig.value] : [undefined, undefined];
}

function model(
  context: CompileContext,
  common: CommonOptions | undefined,
  http1: Http1ProtocolOptions | undefined,
  http2: Http2ProtocolOptions | undefined,
  maxRequests: number | undefined,
): ClusterModel["http"] {
  if (common !== undefined) {
    if (common.maxStreamDuration !== undefined)
      context.unsupported({ message: common, field: "max_stream_duration" }, "max_stream_duration of a cluster");
    if (common.headersWithUnderscoresAction !== 0) {
      context.unsupported(
        { message: common, field: "headers_with_underscores_action" },
        "headers_with_underscores_action of a cluster",
      );
    }
  }
  if (http1 !== undefined) refuseDownstreamOptions(context, http1);
  return {
    http2: http2 === undefined ? null : compileHttp2(context, http2),
    idleTimeoutMs:
      common === undefined ? hour : milliseconds(context, common, "idle_timeout", common.idleTimeout, hour),
    maxConnectionDurationMs:
      common === undefined
        ? 0
        : milliseconds(context, common, "max_connection_duration", common.maxConnectionDuration, 0),
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? maxRequests ?? 0,
    maxHeadersCount: common?.maxHeadersCount ?? 100,
    maxResponseHeadersBytes,
    enableTrailers: http1?.enableTrailers ?? false,
  };
}

/** One message serves both sides; what only a server can obey means nothing here. */
function refuseDownstreamOptions(context: CompileContext, http1: Http1ProtocolOptions): void {
  const set = [
    ["allow_absolute_url", http1.allowAbsoluteUrl !== undefined],
    ["accept_http_10", http1.acceptHttp10],
    ["default_host_for_http_10", http1.defaultHostForHttp10 !== ""],
    ["override_stream_error_on_invalid_http_message", http1.overrideStreamErrorOnInvalidHttpMessage !== undefined],
  ] as const;
  for (const [field, isSet] of set) if (isSet) context.unsupported({ message: http1, field }, `${field} of a cluster`);
}
