/** OpenSSL contexts from the compiled configuration: what both sides have in common. */
import { X509Certificate } from "node:crypto";
import type { SecureContext, SecureContextOptions } from "node:tls";
import type { CertificateModel, TlsCommonModel } from "../../config/model.ts";
import { nodeTls } from "./node-tls.ts";

/** A list of ciphers speaks of TLS 1.2 and below, as in Envoy; without these behind it Node would turn TLS 1.3 off. */
const TLS13_SUITES = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";

export function secureContextOptions(
  model: TlsCommonModel,
  certificates: readonly CertificateModel[],
): SecureContextOptions {
  const options: SecureContextOptions = {
    minVersion: model.minVersion,
    maxVersion: model.maxVersion,
    // An intermediate certificate may be the anchor of trust, as in Envoy.
    allowPartialTrustChain: true,
  };
  if (certificates.length > 0) {
    options.cert = certificates.map(({ cert }) => cert);
    options.key = certificates.map(({ key, passphrase }) =>
      passphrase === null ? { pem: key } : { pem: key, passphrase },
    );
  }
  if (model.ciphers !== "") {
    options.ciphers = model.ciphers.includes("TLS_") ? model.ciphers : `${model.ciphers}:${TLS13_SUITES}`;
  }
  if (model.curves !== "") options.ecdhCurve = model.curves;
  if (model.trustedCa !== null) options.ca = model.trustedCa;
  if (model.crl !== null) options.crl = model.crl;
  return options;
}

/** @throws Error naming the certificates' sources, where OpenSSL refuses one */
export function createContext(options: SecureContextOptions, certificates: readonly CertificateModel[]): SecureContext {
  try {
    return nodeTls().createSecureContext(options);
  } catch (cause) {
    const sources = certificates.map(({ source }) => source).join(", ");
    throw new Error(`TLS context${sources === "" ? "" : ` with ${sources}`}: ${(cause as Error).message}`, { cause });
  }
}

/** The first certificate of a PEM chain. @throws Error naming its source */
export function leafOf(certificate: CertificateModel): X509Certificate {
  try {
    return new X509Certificate(certificate.cert);
  } catch (cause) {
    throw new Error(`certificate ${certificate.source}: ${(cause as Error).message}`, { cause });
  }
}
