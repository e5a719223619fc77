/**
 * Sessions of TLS servers, kept by one thread so that the next connection to the same server costs a short handshake. Only of servers that were believed: what a
 * resumed handshake does not prove again was proved when its session began. A resumed handshake carries no certificate: the session keeps that of its beginning, and
 * ends with it. Tickets of TLS 1.3 are used once (RFC 8446 appendix C.4).
 */
import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";

/** Of servers. */
const MOST_KEYS = 1024;

export interface Session {
  readonly bytes: Buffer;
  /** Of the server. */
  readonly certificate: X509Certificate | null;
  readonly isForOneUse: boolean;
}

const FOLLOWED = Symbol("sluice.session");
interface FollowedSocket extends TLSSocket {
  [FOLLOWED]?: Followed;
}

/** What one connection has been given: kept back until its server is believed. */
class Followed {
  readonly sessions: TlsSessions;
  readonly key: string;
  /** Of the session that was offered, then of the server that was believed. */
  certificate: X509Certificate | null;
  isBelieved: boolean;
  held: Buffer | null;

  constructor(sessions: TlsSessions, key: string, certificate: X509Certificate | null) {
    this.sessions = sessions;
    this.key = key;
    this.certificate = certificate;
    this.isBelieved = false;
    this.held = null;
  }
}

export class TlsSessions {
  readonly #perKey: number;
  /** Newest last. */
  readonly #byKey = new Map<string, Session[]>();

  constructor(perKey: number) {
    this.#perKey = perKey;
  }

  /** The newest of a server's sessions; null: none. */
  take(key: string): Session | null {
    const sessions = this.#byKey.get(key);
    const newest = sessions?.at(-1);
    if (sessions === undefined || newest === undefined) return null;
    if (newest.certificate !== null && Date.parse(newest.certificate.validTo) <= Date.now()) {
      this.#byKey.delete(key);
      return null;
    }
    if (newest.isForOneUse) {
      sessions.pop();
      if (sessions.length === 0) this.#byKey.delete(key);
    }
    return newest;
  }

  /** `session`: the one that its handshake offers; null: none. */
  follow(socket: TLSSocket, key: string, session: Session | null): void {
    (socket as FollowedSocket)[FOLLOWED] = new Followed(this, key, session === null ? null : session.certificate);
    socket.on("session", onSession);
  }

  /** The socket's server has proved who it is. */
  believe(socket: TLSSocket, certificate: X509Certificate | undefined): void {
    const followed = (socket as FollowedSocket)[FOLLOWED];
    if (followed === undefined) return;
    followed.isBelieved = true;
    followed.certificate = certificate ?? null;
    if (followed.held !== null) keep(socket, followed, followed.held);
    followed.held = null;
  }

  add(key: string, session: Session): void {
    const byKey = this.#byKey;
    const sessions = byKey.get(key) ?? [];
    // The server that was spoken to last is the last to be forgotten.
    byKey.delete(key);
    byKey.set(key, sessions);
    sessions.push(session);
    if (sessions.length > this.#perKey) sessions.shift();
    if (byKey.size <= MOST_KEYS) return;
    for (const oldest of byKey.keys()) {
      byKey.delete(oldest);
      return;
    }
  }
}

function onSession(this: TLSSocket, bytes: Buffer): void {
  const followed = (this as FollowedSocket)[FOLLOWED];
  if (followed === undefined) return;
  if (followed.isBelieved) keep(this, followed, bytes);
  else followed.held = bytes;
}

function keep(socket: TLSSocket, { sessions, key, certificate }: Followed, bytes: Buffer): void {
  sessions.add(key, { bytes, certificate, isForOneUse: socket.getProtocol() === "TLSv1.3" });
}

/** The certificate that a resumed session began with; undefined where the handshake was a full one. */
export function certificateOfSession(socket: TLSSocket): X509Certificate | undefined {
  if (!socket.isSessionReused()) return undefined;
  return (socket as FollowedSocket)[FOLLOWED]?.certificate ?? undefined;
}
