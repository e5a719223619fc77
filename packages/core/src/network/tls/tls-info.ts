/** What is known of a TLS connection once its handshake is done; read from the socket once, since a closed one tells nothing any more. */
import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { TlsInfo } from "@sluice/sdk";
import { parseAltNames, rfc2253 } from "./alt-names.ts";

export function tlsInfoOf(
  socket: TLSSocket,
  serverName: string,
  peer: X509Certificate | undefined,
  isVerified: boolean,
): TlsInfo {
  const altNames = parseAltNames(peer?.subjectAltName);
  return {
    serverName,
    version: socket.getProtocol() ?? "",
    cipher: socket.getCipher()?.name ?? "",
    alpn: socket.alpnProtocol || "",
    peerCertificatePresented: peer !== undefined,
    peerCertificateVerified: peer !== undefined && isVerified,
    peerSubject: rfc2253(peer?.subject),
    peerUriSans: altNames.filter(({ type }) => type === "uri").map(({ value }) => value),
    peerDnsSans: altNames.filter(({ type }) => type === "dns").map(({ value }) => value),
  };
}
