/**
 * Hot path. What the connection manager does to request headers before any filter sees them, in Envoy's order (conn_manager_utility): who the client is,
 * forwarded headers, which headers an external client may not set, the request id, the client's certificate.
 */
import { HeaderField, KNOWN } from "../headers/field.ts";
import { isGrpcType } from "@sluice/sdk";
import type { HeaderMap, RequestHeaderMap } from "../headers/header-map.ts";
import { HTTP_2 } from "../codec/h2/index.ts";
import { IpDetection, addressFromEnd } from "./client-address.ts";
import { forwardClientCert } from "./client-cert.ts";
import type { HttpStream } from "./http-stream.ts";
import { removeInternalHeaders, removeNames } from "./internal-headers.ts";
import type { RequestIds } from "./request-id.ts";
import type { HcmSettings } from "./settings.ts";
import { TraceReason, packReason, packedReason } from "./trace-reason.ts";

const HTTP = new HeaderField("x-forwarded-proto", "http");
const HTTPS = new HeaderField("x-forwarded-proto", "https");
const INTERNAL = new HeaderField("x-envoy-internal", "true");
const detection = new IpDetection();

/** The status to refuse the request with; 0: it goes on. */
export function prepareRequestHeaders(
  stream: Pick<HttpStream, "connection" | "remote" | "protocol" | "isGrpc">,
  headers: RequestHeaderMap,
  settings: HcmSettings,
  ids: RequestIds,
): number {
  const { fields } = headers;
  const { remote, local, tls } = stream.connection;
  let xff: HeaderField | null = null;
  let proto: HeaderField | null = null;
  let port = false;
  let requestId: HeaderField | null = null;
  let envoyHeaders = false;
  let clientCert = false;
  let contentType: HeaderField | null = null;
  for (let i = 0; i < fields.length; i++) {
    const f = fields[i]!;
    switch (f.known) {
      case KNOWN.xForwardedFor:
        // Several lines are one list.
        xff = xff === null ? f : new HeaderField("x-forwarded-for", `${xff.value}, ${f.value}`);
        break;
      case KNOWN.xForwardedProto:
        proto = f;
        break;
      case KNOWN.xForwardedPort:
        port = true;
        break;
      case KNOWN.xRequestId:
        requestId ??= f;
        break;
      case KNOWN.contentType:
        contentType ??= f;
        break;
      case KNOWN.xForwardedClientCert:
        clientCert = true;
        break;
      case KNOWN.xEnvoy:
        envoyHeaders = true;
        break;
      default:
    }
  }

  stream.isGrpc = contentType !== null && isGrpcType(contentType.value);
  const hops = settings.xffNumTrustedHops;
  const ownProto = tls === null ? HTTP : HTTPS;
  let internal = false;
  if (settings.useRemoteAddress) {
    if (hops > 0 && xff !== null) stream.remote = addressFromEnd(xff.value, hops - 1) ?? remote;
    internal = xff === null && isInternal(remote.ip, settings);
    if (!settings.skipXffAppend && remote.ip !== "") {
      const ip = settings.mapsIpv4 ? mapped(remote.ip) : remote.ip;
      headers.setField(new HeaderField("x-forwarded-for", xff === null ? ip : `${xff.value}, ${ip}`));
    }
    if (proto === null || hops === 0) {
      headers.setField(ownProto);
      proto = ownProto;
    }
    if (settings.appendXForwardedPort && (hops === 0 || !port)) setPort(headers, local.port);
  } else {
    if (settings.ipDetection.length !== 0) {
      detection.detect(settings.ipDetection, headers, xff);
      if (detection.rejectStatus !== 0) return detection.rejectStatus;
      if (detection.address !== null) {
        stream.remote = detection.address;
        internal = detection.isTrusted && isInternal(detection.address.ip, settings);
      }
    } else if (xff !== null) {
      const address = addressFromEnd(xff.value, hops);
      stream.remote = address ?? remote;
      internal = address !== null && !xff.value.includes(",") && isInternal(address.ip, settings);
    }
    if (proto === null) fields.push((proto = ownProto));
    if (settings.appendXForwardedPort && !port) setPort(headers, local.port);
  }
  setScheme(stream, headers, settings, proto.value, ownProto.value);

  const edge = settings.useRemoteAddress && !internal;
  if (envoyHeaders) removeInternalHeaders(fields, internal, edge);
  if (!internal && settings.internalOnlyHeaders !== null) removeNames(fields, settings.internalOnlyHeaders);
  if (internal) fields.push(INTERNAL);
  else if (edge && stream.remote.ip !== "") {
    const { ip } = stream.remote;
    fields.push(new HeaderField("x-envoy-external-address", settings.mapsIpv4 ? mapped(ip) : ip));
  }

  if (settings.userAgent !== null) nameUserAgent(headers, settings.userAgent);
  if (clientCert || settings.setsClientCert) forwardClientCert(headers, tls, settings.clientCert);
  if (settings.generateRequestId) {
    if (requestId === null) fields.push(new HeaderField("x-request-id", ids.next()));
    else if (requestId.value === "" || (edge && !settings.preserveExternalRequestId))
      headers.setField(new HeaderField("x-request-id", ids.next()));
    // What is traced is not for external clients to say.
    else if (edge && settings.requestIdPacking.packTraceReason && packedReason(requestId.value) !== TraceReason.none)
      headers.setField(new HeaderField("x-request-id", packReason(requestId.value, TraceReason.none)));
  }
  if (settings.via !== "") appendVia(headers, settings.via);
  return 0;
}

/** Several lines become one, which names all proxies. */
export function appendVia(headers: HeaderMap, via: string): void {
  const known = headers.get("via");
  headers.setField(new HeaderField("via", known === undefined ? via : `${known}, ${via}`));
}

function mapped(ip: string): string {
  return ip.includes(":") ? ip : `::ffff:${ip}`;
}

/** A Unix socket has no port. */
function setPort(headers: RequestHeaderMap, port: number): void {
  if (port !== 0) headers.setField(new HeaderField("x-forwarded-port", String(port)));
}

/** HTTP/1 has a scheme of its own only in absolute form; else it is what proxies in front say. */
function setScheme(
  stream: Pick<HttpStream, "protocol">,
  headers: RequestHeaderMap,
  settings: HcmSettings,
  proto: string,
  own: string,
): void {
  if (settings.schemeField !== null) {
    headers.scheme = settings.scheme;
    headers.setField(settings.schemeField);
  } else if (proto !== own && headers.scheme === own && stream.protocol !== HTTP_2) {
    if (proto === "http" || proto === "https") headers.scheme = proto;
  }
}

/** Envoy: add_user_agent. */
function nameUserAgent(headers: RequestHeaderMap, { cluster, node }: { cluster: string; node: string }): void {
  headers.setField(new HeaderField("x-envoy-downstream-service-cluster", cluster));
  const known = headers.findKnown(KNOWN.userAgent);
  if (known === null || known.value === "") headers.setField(new HeaderField("user-agent", cluster));
  if (node !== "") headers.setField(new HeaderField("x-envoy-downstream-service-node", node));
}

function isInternal(ip: string, settings: HcmSettings): boolean {
  if (ip === "") return settings.internalUnixSockets;
  return settings.internal !== null && settings.internal.contains(ip);
}
