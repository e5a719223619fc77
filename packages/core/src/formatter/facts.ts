/** Operators without argument: name → the fact that it reads. */
import type { AddressInfo, TlsInfo } from "@sluice/sdk";
import { toBytes } from "./bytes.ts";
import type { FormatContext } from "./context.ts";
import type { Fact } from "./operator.ts";
import { type PeerCertificate, peerCertificateOf } from "../network/tls/peer-certificate.ts";
import { replyBody } from "./reply-body.ts";
import { longFlags } from "./response-flags.ts";

/** Empty is missing. */
function some(text: string): string | null {
  return text === "" ? null : toBytes(text);
}

function span(from: number, to: number): number | null {
  return from < 0 || to < 0 ? null : Math.max(0, Math.floor(to - from));
}

function ipOf(address: AddressInfo): string {
  return address.ip === "" ? toBytes(address.address) : address.ip;
}

function portOf(address: AddressInfo): number | null {
  return address.ip === "" ? null : address.port;
}

/** `ip:port` and `[ip]:port` without the port; a path stays as it is. */
function withoutPort(address: string): string {
  const colon = address.lastIndexOf(":");
  if (colon < 0 || address.startsWith("/")) return toBytes(address);
  const host = address.slice(0, colon);
  return host.startsWith("[") ? host.slice(1, -1) : toBytes(host);
}

function portIn(address: string): number | null {
  const colon = address.lastIndexOf(":");
  return colon < 0 || address.startsWith("/") ? null : Number(address.slice(colon + 1));
}

function tls(read: (info: TlsInfo) => string): Fact {
  return (context) => (context.connection.tls === null ? null : some(read(context.connection.tls)));
}

/** Of the certificate that the client showed. */
function peer(read: (certificate: PeerCertificate) => string): Fact {
  return ({ connection: { tls: info } }) => {
    const certificate = info === null ? undefined : peerCertificateOf(info);
    return certificate === undefined ? null : some(read(certificate));
  };
}

function missing(): null {
  return null;
}

function headerBytes(context: FormatContext): number | null {
  const headers = context.requestHeaders;
  if (headers === null) return null;
  // Envoy counts names and values, pseudo-headers too, without separators.
  const pseudo =
    7 + headers.method.length + 10 + headers.authority.length + 7 + headers.scheme.length + 5 + headers.path.length;
  return headers.byteSize() - 4 * headers.size + pseudo;
}

export const FACTS: Readonly<Record<string, Fact>> = {
  ACCESS_LOG_TYPE: (c) => c.logType,
  BYTES_RECEIVED: (c) => c.bytesReceived,
  BYTES_SENT: (c) => c.bytesSent,
  CONNECTION_ID: (c) => c.connection.id,
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS: (c) => some(c.connection.directLocal.address),
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT: (c) => some(ipOf(c.connection.directLocal)),
  DOWNSTREAM_DIRECT_LOCAL_PORT: (c) => portOf(c.connection.directLocal),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: (c) => some(c.connection.directRemote.address),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: (c) => some(ipOf(c.connection.directRemote)),
  DOWNSTREAM_DIRECT_REMOTE_PORT: (c) => portOf(c.connection.directRemote),
  DOWNSTREAM_LOCAL_ADDRESS: (c) => some(c.connection.local.address),
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (c) => some(ipOf(c.connection.local)),
  DOWNSTREAM_LOCAL_PORT: (c) => portOf(c.connection.local),
  DOWNSTREAM_REMOTE_ADDRESS: (c) => some(c.remote.address),
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (c) => some(ipOf(c.remote)),
  DOWNSTREAM_REMOTE_PORT: (c) => portOf(c.remote),
  DOWNSTREAM_LOCAL_DNS_SAN: peer((p) => p.localDnsSans.join(",")),
  DOWNSTREAM_LOCAL_SUBJECT: peer((p) => p.localSubject),
  DOWNSTREAM_LOCAL_URI_SAN: peer((p) => p.localUriSans.join(",")),
  DOWNSTREAM_PEER_CERT: peer((p) => p.encodedPem),
  DOWNSTREAM_PEER_FINGERPRINT_1: peer((p) => p.fingerprint1),
  DOWNSTREAM_PEER_FINGERPRINT_256: peer((p) => p.fingerprint256),
  DOWNSTREAM_PEER_ISSUER: peer((p) => p.issuer),
  DOWNSTREAM_PEER_SERIAL: peer((p) => p.serial),
  DOWNSTREAM_PEER_DNS_SAN: tls((t) => t.peerDnsSans.join(",")),
  DOWNSTREAM_PEER_SUBJECT: tls((t) => t.peerSubject),
  DOWNSTREAM_PEER_URI_SAN: tls((t) => t.peerUriSans.join(",")),
  DOWNSTREAM_TLS_CIPHER: tls((t) => t.cipher),
  DOWNSTREAM_TLS_VERSION: tls((t) => t.version),
  // Connections whose handshake fails get no line: only logs of listeners would have one.
  DOWNSTREAM_TRANSPORT_FAILURE_REASON: missing,
  CONNECTION_TERMINATION_DETAILS: (c) => some(c.terminationDetails.replaceAll(" ", "_")),
  DURATION: (c) => span(c.startMs, c.endMs),
  LOCAL_REPLY_BODY: () => replyBody.text,
  PROTOCOL: (c) => some(c.protocol),
  REQUESTED_SERVER_NAME: (c) => some(c.connection.requestedServerName || (c.connection.tls?.serverName ?? "")),
  REQUEST_DURATION: (c) => span(c.startMs, c.requestEndMs),
  REQUEST_HEADERS_BYTES: headerBytes,
  // Of the first byte from upstream: a response that no upstream sent has none.
  RESPONSE_DURATION: (c) => (c.upstreamHost === null ? null : span(c.startMs, c.responseStartMs)),
  RESPONSE_TX_DURATION: (c) => (c.upstreamHost === null ? null : span(c.responseStartMs, c.endMs)),
  // While response headers pass the filters the status is theirs.
  RESPONSE_CODE: (c) => (c.status === 0 ? (c.responseHeaders?.status ?? 0) : c.status),
  RESPONSE_CODE_DETAILS: (c) => some(c.details.replaceAll(" ", "_")),
  // Not missing but "-": so Envoy has it, in JSON too.
  RESPONSE_FLAGS: (c) => c.flags.join(",") || "-",
  RESPONSE_FLAGS_LONG: (c) => longFlags(c.flags) || "-",
  RESPONSE_HEADERS_BYTES: (c) => {
    const headers = c.responseHeaders;
    return headers === null ? 0 : headers.byteSize() - 4 * headers.size + 7 + String(headers.status).length;
  },
  RESPONSE_TRAILERS_BYTES: (c) => {
    const trailers = c.responseFlow?.trailers ?? null;
    return trailers === null ? 0 : trailers.byteSize() - 4 * trailers.size;
  },
  ROUTE_NAME: (c) => some(c.route?.name ?? ""),
  STREAM_ID: (c) => some(c.requestHeaders?.find("x-request-id")?.value ?? c.id),
  UNIQUE_ID: () => crypto.randomUUID(),
  UPSTREAM_CLUSTER: (c) => some(c.upstreamClusterName),
  UPSTREAM_CLUSTER_RAW: (c) => some(c.upstreamClusterName),
  UPSTREAM_HOST: (c) => some(c.upstreamHost?.address ?? ""),
  UPSTREAM_HOST_NAME: (c) => some(c.upstreamHost?.hostname ?? ""),
  UPSTREAM_HOST_NAME_WITHOUT_PORT: (c) => some(withoutPort(c.upstreamHost?.hostname ?? "")),
  UPSTREAM_LOCAL_ADDRESS: (c) => some(c.upstreamLocalAddress),
  UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (c) => some(withoutPort(c.upstreamLocalAddress)),
  UPSTREAM_LOCAL_PORT: (c) => portIn(c.upstreamLocalAddress),
  UPSTREAM_REMOTE_ADDRESS: (c) => some(c.upstreamHost?.address ?? ""),
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (c) => some(withoutPort(c.upstreamHost?.address ?? "")),
  UPSTREAM_REMOTE_PORT: (c) => portIn(c.upstreamHost?.address ?? ""),
  UPSTREAM_REQUEST_ATTEMPT_COUNT: (c) => c.upstreamAttempts,
  UPSTREAM_TRANSPORT_FAILURE_REASON: (c) => some(c.upstreamFailure.replaceAll(" ", "_")),
};
