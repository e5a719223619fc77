/** Facts of a connection that a test plays. */
import type { ConnectionInfo, TlsInfo } from "@sluice/sdk";
import type { TestClient } from "./setup.ts";

const TLS: TlsInfo = {
  serverName: "",
  version: "TLSv1.3",
  cipher: "TLS_AES_128_GCM_SHA256",
  alpn: "",
  peerCertificatePresented: false,
  peerCertificateVerified: false,
  peerSubject: "",
  peerUriSans: [],
  peerDnsSans: [],
};

export function testConnectionInfo(client: TestClient): Partial<ConnectionInfo> {
  const { ip = "192.0.2.1", port = 4711, tls = null } = client;
  const address = ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
  return { directRemote: { address, ip, port }, tls: tls === null ? null : { ...TLS, ...tls } };
}
