/** The connection manager's settings as the hot path reads them: resolved once from the model and the listener, then frozen. */
import type { HcmModel } from "../../config/model.ts";
import { dropControls, toBytes } from "../../formatter/bytes.ts";
import { type CidrSet, compileCidrs } from "../../matching/cidr.ts";
import type { Http1ServerOptions } from "../codec/codec.ts";
import { HTTP2_SERVER_DEFAULTS, type Http2Options } from "../codec/h2/index.ts";
import { HeaderField } from "../headers/field.ts";

export interface HcmSettings
  extends Omit<HcmModel, "filters" | "accessLogs" | "routeConfig" | "upgrades" | "http1" | "http2" | "internalCidrs"> {
  readonly bufferLimitBytes: number;
  readonly http1: Http1ServerOptions;
  readonly http2: Http2Options;
  readonly serverField: HeaderField;
  /** Upgrade type → whether it is on. */
  readonly upgrades: ReadonlyMap<string, boolean>;
  readonly internal: CidrSet | null;
  /** Names that only internal clients may send besides Envoy's; null: none. RouteConfiguration.internal_only_headers. */
  readonly internalOnlyHeaders: ReadonlySet<string> | null;
  /** x-forwarded-proto of every request; null: nobody's scheme is overwritten. */
  readonly schemeField: HeaderField | null;
  /** x-forwarded-client-cert may be set where the client sent none. */
  readonly setsClientCert: boolean;
  readonly normalizesHost: boolean;
  readonly logsNewRequests: boolean;
  /** Whether any rule of path normalization is on. */
  readonly normalizes: boolean;
  /** From a request's first byte to the end of its head; 0: no limit. */
  readonly headTimeoutMs: number;
  readonly headTimeoutDetail: HeadTimeoutDetail;
}

export type HeadTimeoutDetail = "request_header_timeout" | "request_overall_timeout" | "stream_idle_timeout";

export function hcmSettings(model: HcmModel, bufferLimitBytes: number): HcmSettings {
  const {
    filters: _filters,
    accessLogs: _logs,
    routeConfig: { internalOnlyHeaders },
    upgrades,
    http1,
    http2,
    internalCidrs,
    ...rest
  } = model;
  const internal = internalCidrs.length === 0 ? null : compileCidrs(internalCidrs);
  if (Array.isArray(internal))
    throw new TypeError(`internal_address_config: ${internal.map((p) => p.message).join("; ")}`);
  return Object.freeze({
    ...rest,
    bufferLimitBytes,
    internalOnlyHeaders: internalOnlyHeaders.length === 0 ? null : new Set(internalOnlyHeaders),
    http1: {
      ...http1,
      maxHeadBytes: model.maxRequestHeadersBytes,
      maxHeaders: model.maxHeadersCount,
      delayedCloseMs: model.delayedCloseTimeoutMs,
    },
    http2: {
      ...HTTP2_SERVER_DEFAULTS,
      ...http2,
      maxHeaderListBytes: model.maxRequestHeadersBytes,
      maxHeaders: model.maxHeadersCount,
      // As Envoy's stream_flush_timeout where it is not set.
      streamFlushTimeoutMs: model.streamIdleTimeoutMs,
      delayedCloseMs: model.delayedCloseTimeoutMs,
      streamBufferBytes: Math.min(bufferLimitBytes, HTTP2_SERVER_DEFAULTS.streamBufferBytes),
    },
    serverField: new HeaderField("server", headerText(model.serverName)),
    via: headerText(model.via),
    userAgent: model.userAgent && {
      cluster: headerText(model.userAgent.cluster),
      node: headerText(model.userAgent.node),
    },
    schemeField: model.scheme === "" ? null : new HeaderField("x-forwarded-proto", model.scheme),
    setsClientCert: model.clientCert.mode === "append_forward" || model.clientCert.mode === "sanitize_set",
    normalizesHost: model.stripAnyHostPort || model.stripMatchingHostPort || model.stripTrailingHostDot,
    logsNewRequests: model.accessLogTimes.onNewRequest,
    upgrades: new Map(upgrades.map((u) => [u.type, u.enabled])),
    internal,
    ...headTimeout(model),
    normalizes: model.normalizePath || model.mergeSlashes || model.escapedSlashes !== "KEEP_UNCHANGED",
  });
}

/** A name of ours as a header's value: UTF-8, and nothing that ends a line. */
function headerText(name: string): string {
  return dropControls(toBytes(name)).trim();
}

/** As in Envoy all time-outs of a request run from its first byte: the shortest is the one that a head can meet. */
function headTimeout(model: HcmModel): Pick<HcmSettings, "headTimeoutMs" | "headTimeoutDetail"> {
  const timeouts: readonly (readonly [ms: number, detail: HeadTimeoutDetail])[] = [
    [model.requestHeadersTimeoutMs, "request_header_timeout"],
    [model.requestTimeoutMs, "request_overall_timeout"],
    [model.streamIdleTimeoutMs, "stream_idle_timeout"],
  ];
  let headTimeoutMs = 0;
  let headTimeoutDetail: HeadTimeoutDetail = "request_header_timeout";
  for (const [ms, detail] of timeouts) {
    if (ms === 0 || (headTimeoutMs !== 0 && headTimeoutMs <= ms)) continue;
    headTimeoutMs = ms;
    headTimeoutDetail = detail;
  }
  return { headTimeoutMs, headTimeoutDetail };
}
