/** `Http2ProtocolOptions`, of connection managers and of clusters, with Envoy's defaults. */
import type { Http2ProtocolOptions, KeepaliveSettings } from "../envoy/generated/envoy/config/core/v3/protocol_pb.js";
import { HTTP2_SERVER_DEFAULTS } from "../../http/codec/h2/options.ts";
import type { Http2Model } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { milliseconds } from "./values.ts";

/** SETTINGS that have fields of their own, or are none of the user's (RFC 9113 section 6.5.2, RFC 8441 section 3). */
const ownSettings: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 8]);

export const http2Defaults: Http2Model = {
  hpackTableSize: HTTP2_SERVER_DEFAULTS.hpackTableSize,
  maxConcurrentStreams: HTTP2_SERVER_DEFAULTS.maxConcurrentStreams,
  initialStreamWindowSize: HTTP2_SERVER_DEFAULTS.initialStreamWindowSize,
  initialConnectionWindowSize: HTTP2_SERVER_DEFAULTS.initialConnectionWindowSize,
  allowConnect: HTTP2_SERVER_DEFAULTS.allowConnect,
  maxOutboundFrames: HTTP2_SERVER_DEFAULTS.maxOutboundFrames,
  maxOutboundControlFrames: HTTP2_SERVER_DEFAULTS.maxOutboundControlFrames,
  maxConsecutiveInboundFramesWithEmptyPayload: HTTP2_SERVER_DEFAULTS.maxConsecutiveInboundFramesWithEmptyPayload,
  maxInboundPriorityFramesPerStream: HTTP2_SERVER_DEFAULTS.maxInboundPriorityFramesPerStream,
  maxInboundWindowUpdateFramesPerDataFrameSent: HTTP2_SERVER_DEFAULTS.maxInboundWindowUpdateFramesPerDataFrameSent,
  streamErrorOnInvalidHttpMessage: HTTP2_SERVER_DEFAULTS.streamErrorOnInvalidHttpMessage,
  customSettingsParameters: [],
  connectionKeepalive: null,
};

export function compileHttp2(context: CompileContext, options: Http2ProtocolOptions | undefined): Http2Model {
  if (options === undefined) return http2Defaults;
  const ours = http2Defaults;
  return {
    hpackTableSize: options.hpackTableSize ?? ours.hpackTableSize,
    maxConcurrentStreams: options.maxConcurrentStreams ?? ours.maxConcurrentStreams,
    initialStreamWindowSize: options.initialStreamWindowSize ?? ours.initialStreamWindowSize,
    initialConnectionWindowSize: options.initialConnectionWindowSize ?? ours.initialConnectionWindowSize,
    allowConnect: options.allowConnect,
    maxOutboundFrames: options.maxOutboundFrames ?? ours.maxOutboundFrames,
    maxOutboundControlFrames: options.maxOutboundControlFrames ?? ours.maxOutboundControlFrames,
    maxConsecutiveInboundFramesWithEmptyPayload:
      options.maxConsecutiveInboundFramesWithEmptyPayload ?? ours.maxConsecutiveInboundFramesWithEmptyPayload,
    maxInboundPriorityFramesPerStream:
      options.maxInboundPriorityFramesPerStream ?? ours.maxInboundPriorityFramesPerStream,
    maxInboundWindowUpdateFramesPerDataFrameSent:
      options.maxInboundWindowUpdateFramesPerDataFrameSent ?? ours.maxInboundWindowUpdateFramesPerDataFrameSent,
    streamErrorOnInvalidHttpMessage: options.overrideStreamErrorOnInvalidHttpMessage ?? false,
    customSettingsParameters: compileCustomSettings(context, options),
    connectionKeepalive: compileKeepalive(context, options.connectionKeepalive),
  };
}

function compileCustomSettings(
  context: CompileContext,
  options: Http2ProtocolOptions,
): Http2Model["customSettingsParameters"] {
  return options.customSettingsParameters.flatMap((parameter) => {
    const { identifier, value } = parameter;
    if (identifier === undefined || value === undefined) return [];
    if (!ownSettings.has(identifier)) return [[identifier, value] as const];
    context.error(
      { message: parameter, field: "identifier" },
      "ERR_CONFIG_CONFLICT",
      `the setting ${identifier} is not a custom one`,
      { expected: "an identifier that RFC 9113 and RFC 8441 do not define" },
    );
    return [];
  });
}

function compileKeepalive(
  context: CompileContext,
  keepalive: KeepaliveSettings | undefined,
): Http2Model["connectionKeepalive"] {
  if (keepalive === undefined) return null;
  return {
    intervalMs: milliseconds(context, keepalive, "interval", keepalive.interval, 0),
    timeoutMs: milliseconds(context, keepalive, "timeout", keepalive.timeout, 0),
    intervalJitterPercent: keepalive.intervalJitter?.value ?? 15,
    connectionIdleIntervalMs: milliseconds(
      context,
      keepalive,
      "connection_idle_interval",
      keepalive.connectionIdleInterval,
      0,
    ),
  };
}
