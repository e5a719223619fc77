/**
 * The certificates of a TLS connection whose client showed one, for x-forwarded-client-cert and access logs. Kept beside its `TlsInfo`, which filters see:
 * what is read of them is made when it is asked for, once a connection.
 */
import type { X509Certificate } from "node:crypto";
import type { TlsInfo } from "@sluice/sdk";
import { parseAltNames, rfc2253 } from "./alt-names.ts";

/** Of a chain; a client can send a long one. */
const MAX_CHAIN = 10;

export class PeerCertificate {
  readonly #peer: X509Certificate;
  readonly #local: X509Certificate | undefined;
  /** What the last caller of `element` made of it, and of which rules. */
  #element: string;
  #elementOf: object | null;

  constructor(peer: X509Certificate, local: X509Certificate | undefined) {
    this.#peer = peer;
    this.#local = local;
    this.#element = "";
    this.#elementOf = null;
  }

  /** SHA-256 of the DER form, in lower-case hex. */
  get fingerprint256(): string {
    return plainHex(this.#peer.fingerprint256);
  }

  get fingerprint1(): string {
    return plainHex(this.#peer.fingerprint);
  }

  get serial(): string {
    return this.#peer.serialNumber.toLowerCase();
  }

  get issuer(): string {
    return rfc2253(this.#peer.issuer);
  }

  /** PEM with what a header may not hold percent-encoded. */
  get encodedPem(): string {
    return encodePem(this.#peer.toString());
  }

  /** The same of all certificates that the client sent, its own first. */
  get encodedChain(): string {
    let text = "";
    let certificate: X509Certificate | undefined = this.#peer;
    for (let i = 0; certificate !== undefined && i < MAX_CHAIN; i++) {
      text += encodePem(certificate.toString());
      const issuer: X509Certificate | undefined = certificate.issuerCertificate;
      certificate = issuer?.fingerprint256 === certificate.fingerprint256 ? undefined : issuer;
    }
    return text;
  }

  get validFromMs(): number {
    return Date.parse(this.#peer.validFrom);
  }

  get validToMs(): number {
    return Date.parse(this.#peer.validTo);
  }

  /** Names of our own certificate. */
  get localUriSans(): readonly string[] {
    return localNames(this.#local, "uri");
  }

  get localDnsSans(): readonly string[] {
    return localNames(this.#local, "dns");
  }

  get localSubject(): string {
    return rfc2253(this.#local?.subject);
  }

  /** What `make` makes of the certificate by these rules; made once while the rules are the same. */
  element<Rules extends object>(
    rules: Rules,
    info: TlsInfo,
    make: (certificate: PeerCertificate, rules: Rules, info: TlsInfo) => string,
  ): string {
    if (this.#elementOf !== rules) {
      this.#element = make(this, rules, info);
      this.#elementOf = rules;
    }
    return this.#element;
  }
}

const certificates = new WeakMap<TlsInfo, PeerCertificate>();

export function keepPeerCertificate(info: TlsInfo, peer: X509Certificate, local: X509Certificate | undefined): void {
  certificates.set(info, new PeerCertificate(peer, local));
}

/** undefined where the client showed none. */
export function peerCertificateOf(info: TlsInfo): PeerCertificate | undefined {
  return certificates.get(info);
}

function plainHex(fingerprint: string): string {
  return fingerprint.replaceAll(":", "").toLowerCase();
}

function localNames(certificate: X509Certificate | undefined, type: "uri" | "dns"): string[] {
  return parseAltNames(certificate?.subjectAltName).flatMap((name) => (name.type === type ? [name.value] : []));
}

function encodePem(pem: string): string {
  return pem.replace(/[\r\n +/=]/g, (c) => encodeURIComponent(c));
}
