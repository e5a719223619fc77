/** The attributes of a stream that a filter may declare in `reads`, as they cross to its thread: how each is read, where the stream is. */
import type { AddressInfo, ConnectionInfo, DefinitionBase, StreamAttribute, TlsInfo, UpstreamHost } from "@sluice/sdk";
import { isStreamAttribute } from "@sluice/sdk";
import type { StreamHandle } from "../../http/chain/stream-handle.ts";
import type { HeaderMap } from "../../http/headers/header-map.ts";
import { REQUEST_HEADERS, REQUEST_TRAILERS, RESPONSE_HEADERS, RESPONSE_TRAILERS } from "../protocol.ts";
import { requestSection, responseSection, trailersSection } from "../sections.ts";

/** `hook`: the one that is called; a section that it is given itself is not sent twice. */
export type AttributeReader = (handle: StreamHandle, hook: number) => unknown;

/** What `reads` and `requires` ask for, each once. @throws TypeError for a name that is no attribute. */
export function attributesOf({ id, reads = [], requires = [] }: DefinitionBase): StreamAttribute[] {
  const names = new Set<StreamAttribute>(requires.map(({ namespace }) => `metadata.${namespace}` as const));
  for (const name of reads) {
    if (!isStreamAttribute(name)) throw new TypeError(`${id}: reads "${String(name)}", which is no stream attribute`);
    names.add(name);
  }
  return [...names];
}

export function readerOf(name: StreamAttribute): AttributeReader {
  const prefix = /^(metadata|filterState)\.(.*)$/s.exec(name);
  if (prefix === null) return READERS[name as keyof typeof READERS];
  const key = prefix[2]!;
  if (prefix[1] === "metadata") return ({ metadata }) => metadata.get(key);
  return ({ filterState }) => (filterState.has(key) ? { value: filterState.get(key) } : undefined);
}

type Fixed = Exclude<StreamAttribute, `metadata.${string}` | `filterState.${string}`>;

const READERS: Readonly<Record<Fixed, AttributeReader>> = {
  id: ({ id }) => id,
  requestHeaders: ({ stream }, hook) => (hook === REQUEST_HEADERS ? null : requestSection(stream.requestHeaders)),
  requestTrailers: ({ stream }, hook) => (hook === REQUEST_TRAILERS ? null : trailers(stream.requestFlow.trailers)),
  responseHeaders: ({ stream }, hook) =>
    hook === RESPONSE_HEADERS || stream.responseHeaders === null ? null : responseSection(stream.responseHeaders),
  responseTrailers: ({ stream }, hook) => (hook === RESPONSE_TRAILERS ? null : trailers(stream.responseFlow.trailers)),
  "info.connection": ({ info }) => connection(info.connection),
  "info.remote": ({ info }) => address(info.remote),
  "info.protocol": ({ info }) => info.protocol,
  "info.times": ({ info }) => [info.startTimeMs, info.startMs, info.requestEndMs, info.responseStartMs, info.endMs],
  "info.bytes": ({ info }) => [info.bytesReceived, info.bytesSent],
  "info.response": ({ info }) => [info.status, info.details, info.flags],
  "info.upstream": ({ info }) => [
    host(info.upstreamHost),
    info.upstreamAttempts,
    info.upstreamClusterName,
    info.upstreamFailure,
    info.upstreamLocalAddress,
  ],
};

const trailers = (map: HeaderMap | null): string | null => (map === null ? null : trailersSection(map));
const address = ({ address: text, ip, port }: AddressInfo): AddressInfo => ({ address: text, ip, port });
const host = (upstream: UpstreamHost | null): UpstreamHost | null =>
  upstream && { address: upstream.address, hostname: upstream.hostname, cluster: upstream.cluster };

/** Kept: a connection carries many streams, and its certificate is read once. */
const connections = new WeakMap<ConnectionInfo, ConnectionInfo>();

function connection(info: ConnectionInfo): ConnectionInfo {
  const { tls } = info;
  const known = connections.get(info);
  // The handshake may have been open when it was copied.
  if (known !== undefined && (known.tls === null) === (tls === null)) return known;
  const copy: ConnectionInfo = {
    id: info.id,
    directRemote: address(info.directRemote),
    remote: address(info.remote),
    directLocal: address(info.directLocal),
    local: address(info.local),
    requestedServerName: info.requestedServerName,
    applicationProtocols: [...info.applicationProtocols],
    transportProtocol: info.transportProtocol,
    tls: tls && tlsOf(tls),
  };
  connections.set(info, copy);
  return copy;
}

function tlsOf(tls: TlsInfo): TlsInfo {
  return {
    serverName: tls.serverName,
    version: tls.version,
    cipher: tls.cipher,
    alpn: tls.alpn,
    peerCertificatePresented: tls.peerCertificatePresented,
    peerCertificateVerified: tls.peerCertificateVerified,
    peerSubject: tls.peerSubject,
    peerUriSans: [...tls.peerUriSans],
    peerDnsSans: [...tls.peerDnsSans],
  };
}
