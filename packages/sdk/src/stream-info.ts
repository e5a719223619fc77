/** What is known of a stream or a connection while it lives and when it is logged. */
import type { HostOverride } from "./upstream.ts";

/** Response flags in their short form, as in Envoy's access log. */
export const RESPONSE_FLAGS = [
  "LH",
  "UH",
  "UT",
  "LR",
  "UR",
  "UF",
  "UC",
  "UO",
  "NR",
  "DI",
  "FI",
  "RL",
  "UAEX",
  "RLSE",
  "DC",
  "URX",
  "SI",
  "IH",
  "DPE",
  "UMSDR",
  "RFCF",
  "NFCF",
  "DT",
  "UPE",
  "NC",
  "OM",
  "DF",
  "DO",
  "DR",
] as const;
export type ResponseFlag = (typeof RESPONSE_FLAGS)[number];

export interface TlsInfo {
  /** Server name that the client asked for; empty where it named none. */
  readonly serverName: string;
  /** `TLSv1.2`, `TLSv1.3`. */
  readonly version: string;
  readonly cipher: string;
  /** Negotiated application protocol; empty where there is none. */
  readonly alpn: string;
  /** Whether the peer showed a certificate, and whether it was verified. */
  readonly peerCertificatePresented: boolean;
  readonly peerCertificateVerified: boolean;
  /** Subject in RFC 2253 form and the alternative names of the peer's certificate; empty where it showed none. */
  readonly peerSubject: string;
  readonly peerUriSans: readonly string[];
  readonly peerDnsSans: readonly string[];
}

/** `address` is `ip:port` (`[ip]:port` for IPv6) or the path of a Unix socket. */
export interface AddressInfo {
  readonly address: string;
  /** IP without port; empty for a Unix socket. */
  readonly ip: string;
  /** 0 for a Unix socket. */
  readonly port: number;
}

export interface ConnectionInfo {
  /** Unique in the process. */
  readonly id: number;
  /** The peer of the socket. */
  readonly directRemote: AddressInfo;
  /** The client: the peer of the socket, unless a listener filter knows better (PROXY protocol). */
  readonly remote: AddressInfo;
  /** The socket's own address. */
  readonly directLocal: AddressInfo;
  /** Where the client connected to: the socket's own address, unless a listener filter knows better. */
  readonly local: AddressInfo;
  /** Server name that the client asked for, as the TLS handshake or a listener filter saw it; empty where there is none. */
  readonly requestedServerName: string;
  /** What a listener filter found that the client offers (ALPN) or speaks; empty where none looked. */
  readonly applicationProtocols: readonly string[];
  /** `tls` or `raw_buffer`, as a listener filter found it; empty where none looked. */
  readonly transportProtocol: string;
  /** null on a plain connection. */
  readonly tls: TlsInfo | null;
  /** What a PROXY protocol header told besides the addresses, for upstreams that are to know it; absent: nothing. */
  readonly proxyTlvs?: readonly ProxyTlv[];
}

/** A type-length-value of the PROXY protocol, version 2. */
export interface ProxyTlv {
  /** 0 to 255. */
  readonly type: number;
  readonly value: Uint8Array;
}

export interface UpstreamHost {
  /** `ip:port` or socket path. */
  readonly address: string;
  /** Name that the address was resolved from; the address itself where there is none. */
  readonly hostname: string;
  readonly cluster: string;
}

/** Facts of one stream. Times are milliseconds: `startTimeMs` of the wall clock, the rest of the monotonic clock; -1 while unknown. */
export interface StreamInfo {
  readonly connection: ConnectionInfo;
  /** The client behind trusted proxies (from `x-forwarded-for`), or the peer of the socket. */
  readonly remote: AddressInfo;
  /** `HTTP/1.0`, `HTTP/1.1`, `HTTP/2`. */
  readonly protocol: string;
  readonly startTimeMs: number;
  readonly startMs: number;
  readonly requestEndMs: number;
  readonly responseStartMs: number;
  readonly endMs: number;
  /** Body bytes. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Status sent to the client; 0 while there is none. */
  readonly status: number;
  /** Stable word that tells why the response is what it is (`via_upstream`, `route_not_found`, …). */
  readonly details: string;
  readonly flags: readonly ResponseFlag[];
  hasFlag(flag: ResponseFlag): boolean;
  addFlag(flag: ResponseFlag): void;
  setDetails(details: string): void;
  /** The host that the router is to choose, for filters that keep sessions together; null: any. */
  upstreamOverride: HostOverride | null;
  /** Set by the terminal filter. */
  upstreamHost: UpstreamHost | null;
  upstreamAttempts: number;
  upstreamClusterName: string;
  /** Why the transport to the upstream failed; empty where it did not. For logs, never for clients. */
  upstreamFailure: string;
  /** Local address of the connection to the upstream; empty while unknown. */
  upstreamLocalAddress: string;
}
