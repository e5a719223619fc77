/** `/certs`: the certificates that listeners and clusters use, and when they end. Nothing of their keys. */
import { X509Certificate } from "node:crypto";
import type { CompiledConfig, TlsCommonModel } from "../../config/model.ts";
import { type AdminEndpoint, json } from "./endpoint.ts";

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const DAY_MS = 86_400_000;

export const certs: AdminEndpoint = {
  path: "/certs",
  help: "print certs on machine",
  handle: (_, { server }) => json({ certificates: tlsModels(server.config).map(describe) }),
};

interface WithCertificates extends TlsCommonModel {
  readonly certificates: ReadonlyArray<{ readonly cert: string; readonly source: string }>;
}

function tlsModels(config: CompiledConfig | null): WithCertificates[] {
  const downstream = config?.listeners.map(({ filterChain }) => filterChain.tls) ?? [];
  const upstream = config?.clusters.map(({ tls }) => tls) ?? [];
  return [...downstream, ...upstream].filter((tls) => tls !== null);
}

function describe({ trustedCa, certificates }: WithCertificates): unknown {
  return {
    ...(trustedCa === null ? {} : { ca_cert: details(trustedCa, "<trusted_ca>").slice(0, 1) }),
    // The first of a chain is the certificate itself.
    cert_chain: certificates.flatMap(({ cert, source }) => details(cert, source).slice(0, 1)),
  };
}

function details(pem: string, path: string): unknown[] {
  return (pem.match(PEM) ?? []).map((text) => {
    const certificate = new X509Certificate(text);
    const validFrom = new Date(certificate.validFrom);
    const validTo = new Date(certificate.validTo);
    return {
      path,
      serial_number: certificate.serialNumber.toLowerCase(),
      subject_alt_names: alternativeNames(certificate.subjectAltName),
      days_until_expiration: String(Math.max(0, Math.floor((validTo.getTime() - Date.now()) / DAY_MS))),
      valid_from: validFrom.toISOString(),
      expiration_time: validTo.toISOString(),
    };
  });
}

const NAME_KINDS: Readonly<Record<string, string>> = { DNS: "dns", URI: "uri", "IP Address": "ip_address" };

function alternativeNames(names: string | undefined): unknown[] {
  return (names ?? "").split(", ").flatMap((name) => {
    const colon = name.indexOf(":");
    const kind = NAME_KINDS[name.slice(0, colon)];
    return kind === undefined ? [] : [{ [kind]: name.slice(colon + 1) }];
  });
}
