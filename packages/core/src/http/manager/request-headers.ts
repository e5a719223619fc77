/**
 * Hot path. What the connection manager does to request headers before any filter sees them, in Envoy's order (conn_manager_utility): who the client is,
 * forwarded headers, which headers an external client may not set, the request id.
 */
import type { AddressInfo } from "@sluice/sdk";
import { isIP } from "node:net";
import { HeaderField, KNOWN } from "../headers/field.ts";
import type { RequestHeaderMap } from "../headers/header-map.ts";
import type { HttpStream } from "./http-stream.ts";
import type { RequestIds } from "./request-id.ts";
import type { HcmSettings } from "./settings.ts";

const HTTP = new HeaderField("x-forwarded-proto", "http");
const HTTPS = new HeaderField("x-forwarded-proto", "https");
const INTERNAL = new HeaderField("x-envoy-internal", "true");

/** Headers that only the mesh's own may set; removed from external requests. Envoy: ConnectionManagerUtility::cleanInternalHeaders. */
const INTERNAL_ONLY = new Set([
  "x-envoy-decorator-operation",
  "x-envoy-downstream-service-cluster",
  "x-envoy-downstream-service-node",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-force-trace",
  "x-envoy-hedge-on-per-try-timeout",
  "x-envoy-ip-tags",
  "x-envoy-max-retries",
  "x-envoy-original-path",
  "x-envoy-original-url",
  "x-envoy-original-host",
  "x-envoy-original-method",
  "x-envoy-retriable-header-names",
  "x-envoy-retriable-status-codes",
  "x-envoy-retry-grpc-on",
  "x-envoy-retry-on",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-stream-duration-ms",
  "x-envoy-is-timeout-retry",
  "x-envoy-attempt-count",
]);

export function prepareRequestHeaders(
  stream: Pick<HttpStream, "connection" | "remote">,
  headers: RequestHeaderMap,
  settings: HcmSettings,
  ids: RequestIds,
): void {
  const { fields } = headers;
  const { remote, local, tls } = stream.connection;
  let xff: HeaderField | null = null;
  let proto: HeaderField | null = null;
  let requestId: HeaderField | null = null;
  let envoyHeaders = false;
  let clientCert = false;
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
      case KNOWN.xRequestId:
        requestId ??= f;
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

  const hops = settings.xffNumTrustedHops;
  const scheme = tls === null ? HTTP : HTTPS;
  let internal = false;
  let edge = false;
  if (settings.useRemoteAddress) {
    if (hops > 0 && xff !== null) stream.remote = addressFromEnd(xff.value, hops - 1) ?? remote;
    internal = xff === null && isInternal(remote.ip, settings);
    edge = !internal;
    if (!settings.skipXffAppend) {
      const ip = remote.ip === "" ? "127.0.0.1" : remote.ip;
      headers.setField(new HeaderField("x-forwarded-for", xff === null ? ip : `${xff.value}, ${ip}`));
    }
    if (settings.appendXForwardedPort) headers.setField(new HeaderField("x-forwarded-port", String(local.port)));
    if (proto === null || hops === 0) headers.setField(scheme);
  } else {
    if (xff !== null) {
      stream.remote = addressFromEnd(xff.value, hops) ?? remote;
      internal = !xff.value.includes(",") && isInternal(stream.remote.ip, settings);
    }
    if (proto === null) fields.push(scheme);
  }

  if (envoyHeaders) {
    headers.delete("x-envoy-internal");
    if (edge) removeInternalOnly(fields);
    if (settings.useRemoteAddress) headers.delete("x-envoy-external-address");
  }
  if (internal) fields.push(INTERNAL);
  else if (edge) fields.push(new HeaderField("x-envoy-external-address", stream.remote.ip));

  // SANITIZE, Envoy's default of forward_client_cert_details.
  if (clientCert) headers.deleteKnown(KNOWN.xForwardedClientCert);

  if (requestId !== null && edge && !settings.preserveExternalRequestId) {
    headers.deleteKnown(KNOWN.xRequestId);
    requestId = null;
  }
  if (requestId === null && settings.generateRequestId) fields.push(new HeaderField("x-request-id", ids.next()));
  if (settings.via !== "") appendVia(headers, settings.via);
}

export function appendVia(
  headers: { find(name: string): HeaderField | null; setField(f: HeaderField): void },
  via: string,
): void {
  const known = headers.find("via");
  headers.setField(new HeaderField("via", known === null ? via : `${known.value}, ${via}`));
}

function removeInternalOnly(fields: HeaderField[]): void {
  for (let i = fields.length - 1; i >= 0; i--) {
    if (INTERNAL_ONLY.has(fields[i]!.name)) fields.splice(i, 1);
  }
}

function isInternal(ip: string, settings: HcmSettings): boolean {
  return settings.internal !== null && ip !== "" && settings.internal.contains(ip);
}

/** The address that stands `skip` places before the end of the list; null where there is none, or what stands there is no address. */
function addressFromEnd(list: string, skip: number): AddressInfo | null {
  let end = list.length;
  for (let i = 0; i < skip; i++) {
    end = list.lastIndexOf(",", end - 1);
    if (end <= 0) return null;
  }
  const start = list.lastIndexOf(",", end - 1) + 1;
  const ip = list.slice(start, end).trim();
  const family = isIP(ip);
  if (family === 0) return null;
  return { address: family === 6 ? `[${ip}]:0` : `${ip}:0`, ip, port: 0 };
}

/** Removes the port of the authority where the settings say so. */
export function stripPort(headers: RequestHeaderMap, settings: HcmSettings, localPort: number): void {
  const { authority } = headers;
  const colon = authority.lastIndexOf(":");
  if (colon < 0 || authority.indexOf("]", colon) >= 0) return;
  const port = authority.slice(colon + 1);
  if (!/^[0-9]+$/.test(port)) return;
  if (settings.stripAnyHostPort || Number(port) === localPort) headers.authority = authority.slice(0, colon);
}
