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
import { TlsSessions, certificateOfSession } from "./tls-sessions.ts";
import { PeerVerifier, carriesName } from "./verify-peer.ts";

export interface Handshake {
  /** Takes the place of the configured server name; empty: that one. */
  readonly serverName?: string;
  /** Takes the place of the configured protocols; null: those. */
  readonly alpn?: readonly string[] | null;
  /** Whose sessions may be resumed; empty: none is, and none is kept. */
  readonly sessionKey?: string;
}

export class ClientTls {
  readonly model: UpstreamTlsModel;
  readonly #verifier: PeerVerifier;
  readonly #context: SecureContext;
  readonly #sessions: TlsSessions | null;

  /** @throws Error naming the certificate that cannot be used */
  constructor(model: UpstreamTlsModel) {
    this.model = model;
    const usesSystemCa = model.systemCa && model.trustedCa === null;
    this.#verifier = new PeerVerifier(model, model.trustedCa !== null || usesSystemCa, model.verifyHostname);
    const options = secureContextOptions(model, model.certificates);
    if (usesSystemCa) options.ca = systemAuthorities();
    this.#context = createContext(options, model.certificates);
    this.#sessions = model.maxSessionKeys === 0 ? null : new TlsSessions(model.maxSessionKeys);
  }

  /** Starts the handshake on a connected socket. */
  connect(socket: Socket, { serverName = "", alpn = null, sessionKey = "" }: Handshake = {}): TLSSocket {
    const name = serverName === "" ? this.model.sni : serverName;
    const options: ConnectionOptions = {
      socket,
      secureContext: this.#context,
      // Judged by `verify`, which names the reason.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    };
    if (name !== "") options.servername = name;
    const protocols = alpn ?? this.model.alpn;
    if (protocols.length > 0) options.ALPNProtocols = [...protocols];
    if (sessionKey === "" || this.#sessions === null) return nodeTls().connect(options);
    const key = `${sessionKey} ${name}`;
    const session = this.#sessions.take(key);
    if (session !== null) options.session = session.bytes;
    const secure = nodeTls().connect(options);
    this.#sessions.follow(secure, key, session);
    return secure;
  }

  /** The server's certificate, now or when the session that is resumed began. Gives it only once. */
  peerOf(socket: TLSSocket): X509Certificate | undefined {
    return socket.getPeerX509Certificate() ?? certificateOfSession(socket);
  }

  /** Whether a server has to prove anything. */
  get verifies(): boolean {
    return this.#verifier.isNeeded;
  }

  /**
   * MUST be asked at `secureConnect`, before a byte is sent. Returns "" when the peer may be believed, else a word for logs.
   * `peer`: what {@link ClientTls.peerOf} gave. `name`: one that its certificate must carry besides; empty: none.
   */
  verify(socket: TLSSocket, peer: X509Certificate | undefined, name = ""): string {
    if (this.#verifier.isNeeded || name !== "") {
      if (peer === undefined) return "tls_verify_no_cert";
      const chainError = String(socket.authorizationError ?? "");
      const failure = this.#verifier.check(peer, chainError);
      if (failure !== null) return failure === "error" ? `tls_verify_error:${chainError}` : `tls_verify_${failure}`;
      if (name !== "" && !carriesName(peer, name)) return "tls_verify_san";
    }
    this.#sessions?.believe(socket, peer);
    return "";
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
