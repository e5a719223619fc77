/** How a cluster speaks HTTP: the typed protocol options, or the older fields of the cluster itself. */
import type {
  HttpProtocolOptions as CommonOptions,
  Http1ProtocolOptions,
  Http2ProtocolOptions,
  UpstreamHttpProtocolOptions,
} from "../envoy/generated/envoy/config/core/v3/protocol_pb.js";
import type { Cluster } from "../envoy/generated/envoy/config/cluster/v3/cluster_pb.js";
import type { HttpProtocolOptions } from "../envoy/generated/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { isMessage } from "../envoy/tree.ts";
import type { ClusterModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { compileHeaderCase } from "./header-case.ts";
import { compileHttp2 } from "./http2.ts";
import { milliseconds } from "./values.ts";

const optionsType = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const hour = 3_600_000;
/** Of HTTP/1 responses. */
const maxResponseHeadersBytes = 80 * 1024;

type HttpModel = ClusterModel["http"];

interface Options {
  readonly protocol: HttpModel["protocol"];
  readonly common: CommonOptions | undefined;
  readonly http1: Http1ProtocolOptions | undefined;
  readonly http2: Http2ProtocolOptions | undefined;
  readonly upstream: UpstreamHttpProtocolOptions | undefined;
  readonly maxRequests: number | undefined;
}

export function compileUpstreamHttp(context: CompileContext, cluster: Cluster): HttpModel {
  const typed = typedOptions(context, cluster);
  if (typed === undefined) return model(context, olderOptions(cluster));
  for (const [field, isSet] of [
    ["common_http_protocol_options", cluster.commonHttpProtocolOptions !== undefined],
    ["http_protocol_options", cluster.httpProtocolOptions !== undefined],
    ["http2_protocol_options", cluster.http2ProtocolOptions !== undefined],
    ["upstream_http_protocol_options", cluster.upstreamHttpProtocolOptions !== undefined],
    ["max_requests_per_connection", cluster.maxRequestsPerConnection !== undefined],
    ["protocol_selection", cluster.protocolSelection !== useConfiguredProtocol],
  ] as const) {
    if (!isSet) continue;
    context.error(
      { message: cluster, field },
      "ERR_CONFIG_CONFLICT",
      `${field} is set beside the typed protocol options, which take its place`,
    );
  }
  return model(context, {
    common: typed.commonHttpProtocolOptions,
    upstream: typed.upstreamHttpProtocolOptions,
    maxRequests: undefined,
    ...protocolOptions(context, typed),
  });
}

/** Cluster.ClusterProtocolSelection; the other value is USE_DOWNSTREAM_PROTOCOL. */
const useConfiguredProtocol = 0;

function olderOptions(cluster: Cluster): Options {
  const configured = cluster.http2ProtocolOptions === undefined ? "http1" : "http2";
  return {
    protocol: cluster.protocolSelection === useConfiguredProtocol ? configured : "downstream",
    common: cluster.commonHttpProtocolOptions,
    http1: cluster.httpProtocolOptions,
    http2: cluster.http2ProtocolOptions,
    upstream: cluster.upstreamHttpProtocolOptions,
    maxRequests: cluster.maxRequestsPerConnection,
  };
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
): Pick<Options, "protocol" | "http1" | "http2"> {
  const { upstreamProtocolOptions: chosen } = typed;
  if (chosen.case === "autoConfig" || chosen.case === "useDownstreamProtocolConfig") {
    const { httpProtocolOptions: http1, http2ProtocolOptions: http2 } = chosen.value;
    return { protocol: chosen.case === "autoConfig" ? "auto" : "downstream", http1, http2 };
  }
  if (chosen.case === undefined) {
    context.missing(
      { message: typed },
      "the protocol",
      "explicit_http_config, use_downstream_protocol_config or auto_config",
    );
    return { protocol: "http1", http1: undefined, http2: undefined };
  }
  const { protocolConfig } = chosen.value;
  if (protocolConfig.case === "http2ProtocolOptions")
    return { protocol: "http2", http1: undefined, http2: protocolConfig.value };
  const http1 = protocolConfig.case === "httpProtocolOptions" ? protocolConfig.value : undefined;
  return { protocol: "http1", http1, http2: undefined };
}

function model(context: CompileContext, options: Options): HttpModel {
  const { protocol, common, http1, http2, upstream, maxRequests } = options;
  if (common !== undefined && common.headersWithUnderscoresAction !== 0) {
    context.unsupported(
      { message: common, field: "headers_with_underscores_action" },
      "headers_with_underscores_action of a cluster",
    );
  }
  if (http1 !== undefined) refuseDownstreamOptions(context, http1);
  return {
    protocol,
    // Both protocols may come up; one without options of its own has Envoy's defaults, but for a cluster that only its clients could make speak it.
    http2: http2 === undefined && protocol !== "auto" ? null : compileHttp2(context, http2),
    idleTimeoutMs:
      common === undefined ? hour : milliseconds(context, common, "idle_timeout", common.idleTimeout, hour),
    maxConnectionDurationMs:
      common === undefined
        ? 0
        : milliseconds(context, common, "max_connection_duration", common.maxConnectionDuration, 0),
    maxStreamDurationMs:
      common === undefined ? 0 : milliseconds(context, common, "max_stream_duration", common.maxStreamDuration, 0),
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? maxRequests ?? 0,
    maxHeadersCount: common?.maxHeadersCount ?? 100,
    maxResponseHeadersBytes,
    enableTrailers: http1?.enableTrailers ?? false,
    ...(http1?.allowChunkedLength === true && { allowChunkedLength: true }),
    ...(http1?.headerKeyFormat !== undefined && { headerCase: compileHeaderCase(context, http1) }),
    autoSni: upstream?.autoSni ?? false,
    autoSanValidation: upstream?.autoSanValidation ?? false,
    autoSniHeader: (upstream?.overrideAutoSniHeader ?? "").toLowerCase(),
  };
}

/** One message serves both sides; what only a server can obey means nothing here. */
function refuseDownstreamOptions(context: CompileContext, http1: Http1ProtocolOptions): void {
  const set = [
    ["allow_absolute_url", http1.allowAbsoluteUrl !== undefined],
    ["accept_http_10", http1.acceptHttp10],
    ["allow_custom_methods", http1.allowCustomMethods],
    ["default_host_for_http_10", http1.defaultHostForHttp10 !== ""],
    ["override_stream_error_on_invalid_http_message", http1.overrideStreamErrorOnInvalidHttpMessage !== undefined],
  ] as const;
  for (const [field, isSet] of set) if (isSet) context.unsupported({ message: http1, field }, `${field} of a cluster`);
}
