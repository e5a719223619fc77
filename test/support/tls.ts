// Certificates of test/fixtures/tls, and TLS models made of them.
import { readFileSync } from "node:fs";
import type {
  CertificateModel,
  DownstreamTlsModel,
  TlsCommonModel,
  UpstreamTlsModel,
} from "../../packages/core/src/config/model.ts";

export function pem(name: string): string {
  return readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url), "utf8");
}

export function certificate(name: string): CertificateModel {
  const key = readFileSync(new URL(`../fixtures/tls/${name}.key`, import.meta.url), "utf8");
  return { cert: pem(name), key, passphrase: null, source: `${name}.pem` };
}

const COMMON: TlsCommonModel = {
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  ciphers: "",
  curves: "",
  alpn: [],
  trustedCa: null,
  crl: null,
  sanMatchers: [],
  certificateHashes: [],
  spkiHashes: [],
};

export function downstreamTls(overrides: Partial<DownstreamTlsModel> = {}): DownstreamTlsModel {
  return { ...COMMON, certificates: [certificate("server")], requireClientCertificate: false, ...overrides };
}

export function upstreamTls(overrides: Partial<UpstreamTlsModel> = {}): UpstreamTlsModel {
  return { ...COMMON, certificates: [], sni: "", systemCa: false, verifyHostname: "", maxSessionKeys: 1, ...overrides };
}

export function exactSan(type: "dns" | "uri" | "email" | "ip", value: string): TlsCommonModel["sanMatchers"][number] {
  return { type, matcher: { kind: "exact", value, ignoreCase: false } };
}
