/** The HTTP connection manager with Envoy's defaults. */
import type { HttpConnectionManager } from "../envoy/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpProtocolOptions } from "../envoy/generated/envoy/config/core/v3/protocol_pb.js";
import { enumName } from "../envoy/enum-name.ts";
import type { HcmModel, Http1ServerModel, Http2Model } from "../model.ts";
import { compileAccessLogs } from "./access-log.ts";
import type { CompileContext } from "./context.ts";
import { compileHcmOptions } from "./hcm-options.ts";
import { compileHeaderCase } from "./header-case.ts";
import { compileHttp2 } from "./http2.ts";
import { compileHttpFilters } from "./http-filters.ts";
import { compileRouteConfig } from "./route/route-config.ts";
import { compileHcmUpgrades } from "./upgrades.ts";
import { cidrTexts, milliseconds } from "./values.ts";

const type = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/** Index: CodecType. */
const codecTypes = ["auto", "http1", "http2"] as const;

/** undefined where it has no routes, which is reported. */
export function compileHcm(context: CompileContext, hcm: HttpConnectionManager): HcmModel | undefined {
  refuseValues(context, hcm);
  const { filters, slots } = compileHttpFilters(context, hcm, "http_filters");
  const upgrades = compileHcmUpgrades(context, hcm.upgradeConfigs, slots);
  const model: Omit<HcmModel, "routeConfig"> = {
    statPrefix: hcm.statPrefix,
    filters,
    accessLogs: compileAccessLogs(context, hcm.accessLog),
    ...compileIdentity(context, hcm),
    ...compilePaths(context, hcm),
    ...compileTimes(context, hcm),
    ...compileHcmOptions(context, hcm),
    upgrades: upgrades.models,
    proxy100Continue: hcm.proxy100Continue,
    codecType: codecTypes.at(hcm.codecType) ?? "auto",
    http1: compileHttp1(context, hcm),
    http2: compileServerHttp2(context, hcm),
    observe: context.observe,
  };
  if (hcm.routeSpecifier.case !== "routeConfig") return void context.missing({ message: hcm }, "route_config");
  return { ...model, routeConfig: compileRouteConfig(context, hcm.routeSpecifier.value, upgrades.slots) };
}

function refuseValues(context: CompileContext, hcm: HttpConnectionManager): void {
  if (hcm.codecType >= codecTypes.length)
    context.unsupported(
      { message: hcm, field: "codec_type" },
      enumName(`${type}.CodecType`, hcm.codecType),
      "AUTO, HTTP1 or HTTP2",
    );
  if (hcm.addProxyProtocolConnectionState === false)
    context.unsupported(
      { message: hcm, field: "add_proxy_protocol_connection_state" },
      "a connection manager that hides the client's addresses from upstream PROXY protocol",
      "true",
    );
  if (hcm.stripMatchingHostPort && hcm.stripPortMode.case === "stripAnyHostPort" && hcm.stripPortMode.value) {
    context.error(
      { message: hcm, field: "strip_any_host_port" },
      "ERR_CONFIG_CONFLICT",
      "strip_matching_host_port and strip_any_host_port are both set",
    );
  }
}

/** Index: ServerHeaderTransformation. */
const serverHeaders = ["overwrite", "append_if_absent", "pass_through"] as const;

type Identity =
  | "serverName"
  | "serverHeader"
  | "generateRequestId"
  | "preserveExternalRequestId"
  | "alwaysSetRequestIdInResponse"
  | "useRemoteAddress"
  | "xffNumTrustedHops"
  | "skipXffAppend"
  | "appendXForwardedPort"
  | "via"
  | "internalCidrs";

/** Who we say we are, and who we think the client is. */
function compileIdentity(context: CompileContext, hcm: HttpConnectionManager): Pick<HcmModel, Identity> {
  return {
    serverName: hcm.serverName === "" ? "envoy" : hcm.serverName,
    serverHeader: serverHeaders[hcm.serverHeaderTransformation] ?? "overwrite",
    generateRequestId: hcm.generateRequestId ?? true,
    preserveExternalRequestId: hcm.preserveExternalRequestId,
    alwaysSetRequestIdInResponse: hcm.alwaysSetRequestIdInResponse,
    useRemoteAddress: hcm.useRemoteAddress ?? false,
    xffNumTrustedHops: hcm.xffNumTrustedHops,
    skipXffAppend: hcm.skipXffAppend,
    appendXForwardedPort: hcm.appendXForwardedPort,
    via: hcm.via,
    internalCidrs: cidrTexts(context, hcm.internalAddressConfig?.cidrRanges ?? []),
  };
}

/** Index: PathWithEscapedSlashesAction; the first means ours, which is to keep them. */
const slashes = [
  "KEEP_UNCHANGED",
  "KEEP_UNCHANGED",
  "REJECT_REQUEST",
  "UNESCAPE_AND_REDIRECT",
  "UNESCAPE_AND_FORWARD",
] as const;
/** Index: HeadersWithUnderscoresAction. */
const underscores = ["allow", "reject", "drop"] as const;

type Paths =
  | "normalizePath"
  | "mergeSlashes"
  | "escapedSlashes"
  | "underscores"
  | "stripAnyHostPort"
  | "stripMatchingHostPort";

/** How requests are cleaned before anything looks at them. */
function compilePaths(context: CompileContext, hcm: HttpConnectionManager): Pick<HcmModel, Paths> {
  const escapedSlashes = slashes[hcm.pathWithEscapedSlashesAction];
  if (escapedSlashes === undefined) {
    context.error(
      { message: hcm, field: "path_with_escaped_slashes_action" },
      "ERR_CONFIG_RANGE",
      `there is no value ${hcm.pathWithEscapedSlashesAction}`,
    );
  }
  return {
    normalizePath: hcm.normalizePath ?? false,
    mergeSlashes: hcm.mergeSlashes,
    escapedSlashes: escapedSlashes ?? "KEEP_UNCHANGED",
    underscores: underscores[hcm.commonHttpProtocolOptions?.headersWithUnderscoresAction ?? 0] ?? "allow",
    stripAnyHostPort: hcm.stripPortMode.value ?? false,
    stripMatchingHostPort: hcm.stripMatchingHostPort,
  };
}

type Times =
  | "maxRequestHeadersBytes"
  | "maxHeadersCount"
  | "streamIdleTimeoutMs"
  | "requestTimeoutMs"
  | "requestHeadersTimeoutMs"
  | "idleTimeoutMs"
  | "maxConnectionDurationMs"
  | "maxStreamDurationMs"
  | "maxRequestsPerConnection"
  | "drainTimeoutMs"
  | "delayedCloseTimeoutMs";

/** Limits of size, number and time. */
function compileTimes(context: CompileContext, hcm: HttpConnectionManager): Pick<HcmModel, Times> {
  const common: HttpProtocolOptions | undefined = hcm.commonHttpProtocolOptions;
  const ofCommon = (
    field: "idleTimeout" | "maxConnectionDuration" | "maxStreamDuration",
    name: string,
    otherwise: number,
  ): number => (common === undefined ? otherwise : milliseconds(context, common, name, common[field], otherwise));
  return {
    maxRequestHeadersBytes: (hcm.maxRequestHeadersKb ?? 60) * 1024,
    maxHeadersCount: common?.maxHeadersCount ?? 100,
    streamIdleTimeoutMs: milliseconds(context, hcm, "stream_idle_timeout", hcm.streamIdleTimeout, 300_000),
    requestTimeoutMs: milliseconds(context, hcm, "request_timeout", hcm.requestTimeout, 0),
    requestHeadersTimeoutMs: milliseconds(context, hcm, "request_headers_timeout", hcm.requestHeadersTimeout, 0),
    idleTimeoutMs: ofCommon("idleTimeout", "idle_timeout", 3_600_000),
    maxConnectionDurationMs: ofCommon("maxConnectionDuration", "max_connection_duration", 0),
    maxStreamDurationMs: ofCommon("maxStreamDuration", "max_stream_duration", 0),
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? 0,
    drainTimeoutMs: milliseconds(context, hcm, "drain_timeout", hcm.drainTimeout, 5000),
    delayedCloseTimeoutMs: milliseconds(context, hcm, "delayed_close_timeout", hcm.delayedCloseTimeout, 1000),
  };
}

function compileHttp1(
  context: CompileContext,
  { httpProtocolOptions: options }: HttpConnectionManager,
): Http1ServerModel {
  return {
    acceptHttp10: options?.acceptHttp10 ?? false,
    defaultHostForHttp10: options?.defaultHostForHttp10 ?? "",
    enableTrailers: options?.enableTrailers ?? false,
    allowAbsoluteUrl: options?.allowAbsoluteUrl ?? true,
    allowChunkedLength: options?.allowChunkedLength ?? false,
    headerCase: compileHeaderCase(context, options),
  };
}

/** What the connection manager says of invalid messages holds where HTTP/2 says nothing itself. */
function compileServerHttp2(context: CompileContext, hcm: HttpConnectionManager): Http2Model {
  const options = hcm.http2ProtocolOptions;
  const model = compileHttp2(context, options);
  if (options?.overrideStreamErrorOnInvalidHttpMessage !== undefined) return model;
  return { ...model, streamErrorOnInvalidHttpMessage: hcm.streamErrorOnInvalidHttpMessage ?? false };
}
