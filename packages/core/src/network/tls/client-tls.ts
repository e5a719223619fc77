/**
 * Upstream TLS. In Envoy's form exactly as Envoy: without an authority nothing is verified; with one the chain is, and names only by SAN matchers.
 * The short form's addition: the system's authorities, and the host's name by the rules of HTTPS.
 */
import type { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import type { ConnectionOptions, SecureContext, TLSSocket } from "node:tls";
import type { UpstreamTlsModel } from "../../config/model.ts";
import { nodeTls } from "./node-tls.ts";
import { createContext, secureContextOptions } from "./secure-context.ts";
import { PeerVerifier } from "./verify-peer.ts";

export class ClientTls {
  readonly model: UpstreamTlsModel;
  readonly #verifier: PeerVerifier;
  readonly #context: SecureContext;

  /** @throws Error naming the certificate that cannot be used */
  constructor(model: UpstreamTlsModel) {
    this.model = model;
    const usesSystemCa = model.systemCa && model.trustedCa === null;
    this.#verifier = new PeerVerifier(model, model.trustedCa !== null || usesSystemCa, model.verifyHostname);
    const options = secureContextOptions(model, model.certificates);
    if (usesSystemCa) options.ca = systemAuthorities();
    this.#context = createContext(options, model.certificates);
  }

  /** Starts the handshake on a connected socket. `serverName` takes the place of the configured one; empty: the configured one. */
  connect(socket: Socket, serverName: string): TLSSocket {
    const name = serverName === "" ? this.model.sni : serverName;
    const options: ConnectionOptions = {
      socket,
      secureContext: this.#context,
      // Judged by `verify`, which names the reason.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    };
    if (name !== "") options.servername = name;
    if (this.model.alpn.length > 0) options.ALPNProtocols = [...this.model.alpn];
    return nodeTls().connect(options);
  }

  /** Whether a server has to prove anything. */
  get verifies(): boolean {
    return this.#verifier.isNeeded;
  }

  /**
   * MUST be asked at `secureConnect`, before a byte is sent. Returns "" when the peer may be believed, else a word for logs.
   * `peer` is the socket's `getPeerX509Certificate()`, which gives it only once.
   */
  verify(socket: TLSSocket, peer: X509Certificate | undefined): string {
    if (!this.#verifier.isNeeded) return "";
    if (peer === undefined) return "tls_verify_no_cert";
    const chainError = String(socket.authorizationError ?? "");
    const failure = this.#verifier.check(peer, chainError);
    if (failure === null) return "";
    return failure === "error" ? `tls_verify_error:${chainError}` : `tls_verify_${failure}`;
  }
}

/** The machine's store; Node's own list where the machine has none. */
function systemAuthorities(): string[] {
  const { getCACertificates } = nodeTls();
  const system = getCACertificates("system");
  return system.length > 0 ? system : getCACertificates("default");
}

/** Why a verification failed, for counters; null where the word is not of {@link ClientTls.verify}. */
export function verifyFailureOf(word: string): "no_cert" | "error" | "san" | "cert_hash" | null {
  if (!word.startsWith("tls_verify_")) return null;
  const kind = word.slice("tls_verify_".length);
  if (kind.startsWith("error")) return "error";
  return kind === "no_cert" || kind === "san" || kind === "cert_hash" ? kind : null;
}
