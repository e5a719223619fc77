/**
 * Downstream TLS: takes accepted sockets through the handshake, chooses certificates by server name, verifies clients. What it leaves out: a client whose
 * ALPN list has nothing in common with ours is refused with an alert (RFC 7301 3.2; Node offers no other way), where Envoy goes on without ALPN.
 */
import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import type { SecureContext, SecureContextOptions, Server, TLSSocket } from "node:tls";
import type { TlsInfo } from "@sluice/sdk";
import type { DownstreamTlsModel } from "../../config/model.ts";
import { CertificateChoice } from "./certificate-choice.ts";
import { nodeTls } from "./node-tls.ts";
import { createContext, secureContextOptions } from "./secure-context.ts";
import { keepPeerCertificate } from "./peer-certificate.ts";
import { tlsInfoOf } from "./tls-info.ts";
import type { TlsStats } from "./tls-stats.ts";
import { PeerVerifier } from "./verify-peer.ts";

export interface ServerTlsOptions {
  readonly model: DownstreamTlsModel;
  /** 0: two minutes. */
  readonly handshakeTimeoutMs: number;
  /** 48 bytes, the same in every worker, so that a session resumes on any of them; null: tickets of this thread only. */
  readonly ticketKeys: Uint8Array | null;
  readonly stats: TlsStats;
  readonly onHandshakeTimeout: () => void;
}

/** Where connections go whose handshake is done and whose client is believed. `transport` is the socket that was accepted. */
export interface SecureSink {
  onSecure(transport: Socket, socket: TLSSocket, info: TlsInfo): void;
}

export class ServerTls {
  /** MUST be set before the first `accept`. */
  sink: SecureSink | null = null;
  readonly #server: Server;
  readonly #options: ServerTlsOptions;
  readonly #verifier: PeerVerifier;
  readonly #asksForCertificate: boolean;

  /** @throws Error naming the certificate that cannot be used */
  constructor(options: ServerTlsOptions) {
    const { model } = options;
    this.#options = options;
    this.#verifier = new PeerVerifier(model, model.trustedCa !== null, "");
    this.#asksForCertificate = model.requireClientCertificate || this.#verifier.isNeeded;
    const sessions = sessionOptions(options);
    const choice = new CertificateChoice(model.certificates, (certificate) =>
      createContext({ ...secureContextOptions(model, [certificate]), ...sessions }, [certificate]),
    );
    const contextOptions = { ...secureContextOptions(model, choice.fallback), ...sessions };
    const fallback = createContext(contextOptions, choice.fallback);
    this.#server = nodeTls().createServer({
      ...contextOptions,
      requestCert: this.#asksForCertificate,
      // Judged in #secured, which counts and names the reason.
      rejectUnauthorized: false,
      handshakeTimeout: options.handshakeTimeoutMs,
      ...(choice.dependsOnName ? { SNICallback: chooser(choice) } : {}),
      ...(model.alpn.length > 0 ? { ALPNProtocols: [...model.alpn] } : {}),
    });
    // Of the options above the server would forget that partial chains are trusted.
    (this.#server as unknown as { _sharedCreds: SecureContext })._sharedCreds = fallback;
    this.#server.on("secureConnection", (socket) => this.#secured(socket));
    this.#server.on("tlsClientError", (error, socket) => this.#failed(error, socket));
  }

  /** Starts the handshake. Ends in the sink's `onSecure`, or with the socket closed. */
  accept(socket: Socket): void {
    // The TLS socket reports what goes wrong; without a listener here the same error would be uncaught.
    socket.on("error", ignore);
    // Until the handshake is done a client that ends its side is gone; Node would wait for its time-out.
    socket.allowHalfOpen = false;
    this.#server.emit("connection", socket);
  }

  #secured(socket: TLSSocket): void {
    const peer = this.#asksForCertificate ? socket.getPeerX509Certificate() : undefined;
    const failure = this.#judge(socket, peer);
    if (failure !== null) {
      this.#options.stats.refused(failure);
      socket.on("error", ignore);
      socket.destroy();
      return;
    }
    socket.allowHalfOpen = true;
    this.#options.stats.done(socket, peer !== undefined);
    const serverName = (socket as { servername?: string | false | null }).servername || "";
    const info = tlsInfoOf(socket, serverName, peer, this.#verifier.isNeeded);
    if (peer !== undefined) keepPeerCertificate(info, peer, socket.getX509Certificate());
    this.sink?.onSecure(transportOf(socket), socket, info);
  }

  #judge(socket: TLSSocket, peer: ReturnType<TLSSocket["getPeerX509Certificate"]>): ReturnType<PeerVerifier["check"]> {
    if (peer === undefined) return this.#options.model.requireClientCertificate ? "no_cert" : null;
    if (!this.#verifier.isNeeded) return null;
    return this.#verifier.check(peer, String(socket.authorizationError ?? ""));
  }

  #failed(error: Error, socket: TLSSocket): void {
    this.#options.stats.failed();
    if ((error as { code?: unknown }).code === "ERR_TLS_HANDSHAKE_TIMEOUT") this.#options.onHandshakeTimeout();
    socket.on("error", ignore);
    socket.destroy();
  }
}

type ContextCallback = (error: Error | null, context?: SecureContext) => void;

function chooser(choice: CertificateChoice): (serverName: string, done: ContextCallback) => void {
  return (serverName, done) => done(null, choice.for(serverName));
}

/** Sessions made under other rules of verification must not resume. */
function sessionOptions({ model, ticketKeys }: ServerTlsOptions): SecureContextOptions {
  const rules = JSON.stringify([
    model.trustedCa,
    model.crl,
    model.sanMatchers,
    model.certificateHashes,
    model.spkiHashes,
    model.requireClientCertificate,
    model.certificates.map(({ cert }) => cert),
  ]);
  const sessionIdContext = createHash("sha256").update(rules).digest("hex").slice(0, 32);
  return ticketKeys === null ? { sessionIdContext } : { sessionIdContext, ticketKeys: Buffer.from(ticketKeys) };
}

/** The TCP socket under a TLS one. Node names it nowhere in public; without it a reset becomes an ordinary close. */
function transportOf(socket: TLSSocket): Socket {
  return (socket as { _parent?: Socket | null })._parent ?? socket;
}

function ignore(): void {}
