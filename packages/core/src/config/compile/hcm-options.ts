/** What a connection manager does besides routing and limits: the client's certificate and address, request ids, tracing, early changes of headers. */
import type { HeaderMutation as HeaderMutationStep } from "../envoy/generated/envoy/config/common/mutation_rules/v3/mutation_rules_pb.js";
import type { TypedExtensionConfig } from "../envoy/generated/envoy/config/core/v3/extension_pb.js";
import type {
  HttpConnectionManager,
  HttpConnectionManager_Tracing,
} from "../envoy/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HeaderMutation } from "../envoy/generated/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation_pb.js";
import type { UuidRequestIdConfig } from "../envoy/generated/envoy/extensions/request_id/uuid/v3/uuid_pb.js";
import type { Percent } from "../envoy/generated/envoy/type/v3/percent_pb.js";
import { isMessage } from "../envoy/tree.ts";
import type {
  ClientCertModel,
  HcmOptionsModel,
  HeaderMutationModel,
  ProxyStatusModel,
  RequestIdPackingModel,
  RuntimeFractionModel,
  TracingModel,
} from "../model.ts";
import type { CompileContext } from "./context.ts";
import { compileCustomTags } from "./custom-tags.ts";
import { compileAdd, compileRemoved } from "./header-mutations.ts";
import { compileIpDetection } from "./ip-detection.ts";
import { compileLocalReplies } from "./local-replies.ts";
import { milliseconds } from "./values.ts";

const uuid = "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig";
const earlyMutation = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation";

export function compileHcmOptions(context: CompileContext, hcm: HttpConnectionManager): HcmOptionsModel {
  return {
    clientCert: compileClientCert(hcm),
    localReplies: compileLocalReplies(context, hcm.localReplyConfig),
    accessLogTimes: compileLogTimes(context, hcm),
    earlyMutations: hcm.earlyHeaderMutationExtensions.flatMap((each) => compileEarly(context, each)),
    ipDetection: compileIpDetection(context, hcm),
    requestIdPacking: compileRequestId(context, hcm),
    tracing: hcm.tracing === undefined ? null : compileTracing(context, hcm.tracing),
    userAgent: hcm.addUserAgent === true ? context.node : null,
    stripTrailingHostDot: hcm.stripTrailingHostDot,
    scheme: compileScheme(hcm),
    proxyStatus: compileProxyStatus(context, hcm),
    mapsIpv4: hcm.representIpv4RemoteAddressAsIpv4MappedIpv6,
    internalUnixSockets: hcm.internalAddressConfig?.unixSockets ?? false,
    streamErrorOnInvalidMessage:
      hcm.httpProtocolOptions?.overrideStreamErrorOnInvalidHttpMessage ?? hcm.streamErrorOnInvalidHttpMessage ?? false,
  };
}

/** Index: ForwardClientCertDetails. */
const modes = ["sanitize", "forward_only", "append_forward", "sanitize_set", "always_forward_only"] as const;

function compileClientCert(hcm: HttpConnectionManager): ClientCertModel {
  const { forwardClientCertDetails: mode, setCurrentClientCertDetails: details } = hcm;
  return {
    mode: modes[mode] ?? "sanitize",
    subject: details?.subject ?? false,
    cert: details?.cert ?? false,
    chain: details?.chain ?? false,
    dns: details?.dns ?? false,
    uri: details?.uri ?? false,
  };
}

/** The older fields mean the same. */
function compileLogTimes(context: CompileContext, hcm: HttpConnectionManager): HcmOptionsModel["accessLogTimes"] {
  const options = hcm.accessLogOptions;
  if (options !== undefined && (hcm.accessLogFlushInterval !== undefined || hcm.flushAccessLogOnNewRequest))
    context.error(
      { message: hcm, field: "access_log_options" },
      "ERR_CONFIG_CONFLICT",
      "access_log_options stands beside access_log_flush_interval or flush_access_log_on_new_request",
      { expected: "access_log_options alone" },
    );
  if (options === undefined)
    return {
      intervalMs: milliseconds(context, hcm, "access_log_flush_interval", hcm.accessLogFlushInterval, 0),
      onNewRequest: hcm.flushAccessLogOnNewRequest,
      onTunnel: false,
    };
  return {
    intervalMs: milliseconds(context, options, "access_log_flush_interval", options.accessLogFlushInterval, 0),
    onNewRequest: options.flushAccessLogOnNewRequest,
    onTunnel: options.flushLogOnTunnelSuccessfullyEstablished,
  };
}

function compileEarly(context: CompileContext, extension: TypedExtensionConfig): HeaderMutationModel[] {
  const payload = extension.typedConfig && context.tree.payload(extension.typedConfig);
  if (payload === undefined) return [];
  if (payload.kind !== "message" || !isMessage<HeaderMutation>(payload.message, earlyMutation)) {
    context.unsupported(
      { message: extension, field: "typed_config" },
      `an early header mutation of type ${payload.typeName}`,
      earlyMutation,
    );
    return [];
  }
  return payload.message.mutations.flatMap((step) => compileStep(context, step));
}

/** One after the other: what one does, the next sees. */
function compileStep(context: CompileContext, step: HeaderMutationStep): HeaderMutationModel[] {
  const { action } = step;
  if (action.case === "remove")
    return [{ add: [], remove: [compileRemoved(context, { message: step, field: "remove" }, action.value)] }];
  return action.case === "append" ? [{ add: compileAdd(context, action.value), remove: [] }] : [];
}

function compileRequestId(context: CompileContext, hcm: HttpConnectionManager): RequestIdPackingModel {
  const any = hcm.requestIdExtension?.typedConfig;
  const payload = any && context.tree.payload(any);
  if (payload?.kind === "message" && isMessage<UuidRequestIdConfig>(payload.message, uuid)) {
    const { packTraceReason, useRequestIdForTraceSampling } = payload.message;
    return { packTraceReason: packTraceReason ?? true, useForTraceSampling: useRequestIdForTraceSampling ?? true };
  }
  if (payload !== undefined && hcm.requestIdExtension !== undefined)
    context.unsupported(
      { message: hcm.requestIdExtension, field: "typed_config" },
      `a request id extension of type ${payload.typeName}`,
      uuid,
    );
  return { packTraceReason: true, useForTraceSampling: true };
}

function compileTracing(context: CompileContext, tracing: HttpConnectionManager_Tracing): TracingModel {
  return {
    clientSampling: sampling("tracing.client_enabled", tracing.clientSampling),
    randomSampling: sampling("tracing.random_sampling", tracing.randomSampling),
    overallSampling: sampling("tracing.global_enabled", tracing.overallSampling),
    verbose: tracing.verbose,
    maxPathTagLength: tracing.maxPathTagLength ?? 256,
    spawnUpstreamSpan: tracing.spawnUpstreamSpan ?? false,
    customTags: compileCustomTags(context, tracing.customTags),
  };
}

/** All of them where nothing is said. */
function sampling(key: string, percent: Percent | undefined): RuntimeFractionModel {
  return { key, numerator: Math.round((percent?.value ?? 100) * 100), denominator: 10_000 };
}

/** The message's own rules know no other scheme. */
function compileScheme({ schemeHeaderTransformation }: HttpConnectionManager): HcmOptionsModel["scheme"] {
  const transformation = schemeHeaderTransformation?.transformation;
  if (transformation?.case !== "schemeToOverwrite") return "";
  return transformation.value === "https" ? "https" : "http";
}

function compileProxyStatus(context: CompileContext, hcm: HttpConnectionManager): ProxyStatusModel | null {
  const config = hcm.proxyStatusConfig;
  if (config === undefined) return null;
  const { proxyName } = config;
  const serverName = hcm.serverName === "" ? "envoy" : hcm.serverName;
  const name =
    proxyName.case === "literalProxyName"
      ? proxyName.value
      : proxyName.case === "useNodeId" && proxyName.value
        ? context.node.node
        : serverName;
  return {
    name: name === "" ? serverName : name,
    withDetails: !config.removeDetails,
    withTermination: !config.removeConnectionTerminationDetails,
    withFlags: !config.removeResponseFlags,
    setsStatus: config.setRecommendedResponseCode,
  };
}
