/** The counters `ssl.*` of a listener or a cluster, under Envoy's names. */
import type { Counter, Stats } from "@sluice/sdk";
import type { TLSSocket } from "node:tls";
import type { VerifyFailure } from "./verify-peer.ts";

export class TlsStats {
  readonly #stats: Stats;
  readonly #prefix: string;
  readonly #handshake: Counter;
  readonly #connectionError: Counter;
  readonly #sessionReused: Counter;
  readonly #noCertificate: Counter;
  readonly #failures: Readonly<Record<VerifyFailure, Counter>>;
  /** Versions and ciphers, made when first seen. */
  readonly #seen = new Map<string, Counter>();

  /** `prefix` ends in a dot, or is empty. */
  constructor(stats: Stats, prefix: string) {
    this.#stats = stats;
    this.#prefix = `${prefix}ssl.`;
    const counter = (name: string): Counter => stats.counter(this.#prefix + name);
    this.#handshake = counter("handshake");
    this.#connectionError = counter("connection_error");
    this.#sessionReused = counter("session_reused");
    this.#noCertificate = counter("no_certificate");
    this.#failures = {
      no_cert: counter("fail_verify_no_cert"),
      error: counter("fail_verify_error"),
      san: counter("fail_verify_san"),
      cert_hash: counter("fail_verify_cert_hash"),
    };
  }

  /** A handshake is done and the peer is believed. */
  done(socket: TLSSocket, hasPeerCertificate: boolean): void {
    this.#handshake.inc();
    if (socket.isSessionReused()) this.#sessionReused.inc();
    if (!hasPeerCertificate) this.#noCertificate.inc();
    this.#count(`versions.${socket.getProtocol() ?? "unknown"}`);
    this.#count(`ciphers.${socket.getCipher()?.name ?? "unknown"}`);
  }

  /** A handshake broke off. */
  failed(): void {
    this.#connectionError.inc();
  }

  refused(failure: VerifyFailure): void {
    this.#failures[failure].inc();
    // Envoy's handshake fails with it; ours is cut right after.
    this.#connectionError.inc();
  }

  #count(name: string): void {
    let counter = this.#seen.get(name);
    if (counter === undefined) {
      counter = this.#stats.counter(this.#prefix + name);
      this.#seen.set(name, counter);
    }
    counter.inc();
  }
}
