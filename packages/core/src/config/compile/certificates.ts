/** Certificates with their keys, read and tried in main, so that a bad one is a problem with a place and not a failed handshake. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { TlsCertificate } from "../envoy/generated/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type { CertificateModel } from "../model.ts";
import type { CompileContext } from "./context.ts";
import { readData } from "./values.ts";

export function compileCertificates(
  context: CompileContext,
  certificates: readonly TlsCertificate[],
): CertificateModel[] {
  const compiled: CertificateModel[] = [];
  for (const certificate of certificates) {
    const model = compileCertificate(context, certificate);
    if (model !== undefined) compiled.push(model);
  }
  return compiled;
}

function compileCertificate(context: CompileContext, certificate: TlsCertificate): CertificateModel | undefined {
  const { certificateChain, privateKey, password } = certificate;
  if (certificateChain === undefined) context.missing({ message: certificate }, "certificate_chain");
  if (privateKey === undefined) context.missing({ message: certificate }, "private_key");
  const chain = certificateChain && readData(context, certificateChain);
  const key = privateKey && readData(context, privateKey);
  const passphrase = password && readData(context, password);
  if (chain === undefined || key === undefined || (password !== undefined && passphrase === undefined))
    return undefined;
  const model: CertificateModel = {
    cert: text(chain.bytes),
    key: text(key.bytes),
    passphrase: passphrase === undefined ? null : text(passphrase.bytes).replace(/\r?\n$/, ""),
    source: chain.source,
  };
  const parsed = tryParse(() => new X509Certificate(model.cert));
  if (parsed === undefined)
    context.error({ message: certificate, field: "certificate_chain" }, "ERR_CONFIG_TYPE", "this is no certificate", {
      expected: "a certificate chain in PEM",
    });
  const parsedKey = tryParse(() => createPrivateKey({ key: model.key, passphrase: model.passphrase ?? undefined }));
  if (parsedKey === undefined) {
    const expected =
      model.passphrase === null ? "a private key in PEM" : "a private key in PEM that the password opens";
    context.error({ message: certificate, field: "private_key" }, "ERR_CONFIG_TYPE", "this is no private key", {
      expected,
    });
  }
  if (parsed === undefined || parsedKey === undefined) return undefined;
  return fits(context, certificate, parsed, parsedKey) ? model : undefined;
}

function fits(context: CompileContext, certificate: TlsCertificate, parsed: X509Certificate, key: KeyObject): boolean {
  if (!parsed.checkPrivateKey(key)) {
    context.error(
      { message: certificate, field: "private_key" },
      "ERR_CONFIG_CONFLICT",
      "the private key does not belong to the certificate",
    );
    return false;
  }
  if (Date.parse(parsed.validTo) < Date.now()) {
    context.warning(
      { message: certificate, field: "certificate_chain" },
      "ERR_CONFIG_RANGE",
      `the certificate expired on ${parsed.validTo}`,
    );
  }
  return true;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

export function tryParse<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
