/** Whom a peer's certificate must come from and which names it must carry. */
import { X509Certificate } from "node:crypto";
import type {
  CertificateValidationContext,
  SubjectAltNameMatcher,
} from "../envoy/generated/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import type { SanMatcherModel, TlsCommonModel } from "../model.ts";
import { tryParse } from "./certificates.ts";
import type { CompileContext } from "./context.ts";
import { compileStringMatcher } from "./matchers.ts";
import { readData } from "./values.ts";

type Validation = Pick<TlsCommonModel, "trustedCa" | "crl" | "sanMatchers" | "certificateHashes" | "spkiHashes">;

export function compileValidation(
  context: CompileContext,
  validation: CertificateValidationContext | undefined,
): Validation {
  if (validation === undefined)
    return { trustedCa: null, crl: null, sanMatchers: [], certificateHashes: [], spkiHashes: [] };
  if (validation.trustChainVerification !== 0)
    context.unsupported(
      { message: validation, field: "trust_chain_verification" },
      "ACCEPT_UNTRUSTED",
      "VERIFY_TRUST_CHAIN",
    );
  const trustedCa = validation.trustedCa && readData(context, validation.trustedCa);
  if (trustedCa !== undefined && tryParse(() => new X509Certificate(trustedCa.bytes)) === undefined) {
    context.error({ message: validation, field: "trusted_ca" }, "ERR_CONFIG_TYPE", "this is no certificate", {
      expected: "certificates in PEM",
    });
  }
  const hasCa = validation.trustedCa !== undefined || validation.systemRootCerts !== undefined;
  const crl = validation.crl && readData(context, validation.crl);
  if (validation.crl !== undefined && !hasCa) {
    context.error(
      { message: validation, field: "crl" },
      "ERR_CONFIG_CONFLICT",
      "a revocation list needs a trusted_ca beside it",
    );
  }
  const sanMatchers = compileSanMatchers(context, validation);
  if (sanMatchers.length > 0 && !hasCa) {
    context.error(
      { message: validation },
      "ERR_CONFIG_CONFLICT",
      "names are verified without a trusted_ca, so that anybody can claim them",
    );
  }
  return {
    trustedCa: trustedCa === undefined ? null : Buffer.from(trustedCa.bytes).toString("utf8"),
    crl: crl === undefined ? null : Buffer.from(crl.bytes).toString("utf8"),
    sanMatchers,
    certificateHashes: compileHashes(context, validation),
    spkiHashes: compileSpki(context, validation),
  };
}

/** Index: SanType. */
const sanTypes: readonly (SanMatcherModel["type"] | null)[] = [null, "email", "dns", "uri", "ip"];
const anySanType = ["dns", "uri", "email", "ip"] as const;

function compileSanMatchers(context: CompileContext, validation: CertificateValidationContext): SanMatcherModel[] {
  const matchers: SanMatcherModel[] = [];
  for (const typed of validation.matchTypedSubjectAltNames) matchers.push(...compileSanMatcher(context, typed));
  for (const any of validation.matchSubjectAltNames) {
    const matcher = compileStringMatcher(context, validation, "match_subject_alt_names", any);
    if (matcher !== undefined) for (const type of anySanType) matchers.push({ type, matcher });
  }
  return matchers;
}

function compileSanMatcher(context: CompileContext, typed: SubjectAltNameMatcher): SanMatcherModel[] {
  const matcher = compileStringMatcher(context, typed, "matcher", typed.matcher);
  const type = sanTypes[typed.sanType];
  if (type === undefined)
    context.unsupported({ message: typed, field: "san_type" }, "OTHER_NAME", "DNS, URI, EMAIL or IP_ADDRESS");
  return matcher === undefined || !type ? [] : [{ type, matcher }];
}

function compileHashes(context: CompileContext, validation: CertificateValidationContext): string[] {
  const hashes = validation.verifyCertificateHash.map((hash) => hash.replaceAll(":", "").toLowerCase());
  for (const [element, hash] of hashes.entries()) {
    if (/^[0-9a-f]{64}$/.test(hash)) continue;
    context.error(
      { message: validation, field: "verify_certificate_hash", element },
      "ERR_CONFIG_TYPE",
      "this is no SHA-256 hash",
      { expected: "64 hexadecimal digits" },
    );
  }
  return hashes;
}

function compileSpki(context: CompileContext, validation: CertificateValidationContext): string[] {
  for (const [element, hash] of validation.verifyCertificateSpki.entries()) {
    if (/^[A-Za-z0-9+/]{43}=$/.test(hash)) continue;
    context.error(
      { message: validation, field: "verify_certificate_spki", element },
      "ERR_CONFIG_TYPE",
      "this is no SHA-256 hash",
      { expected: "32 bytes in base64" },
    );
  }
  return [...validation.verifyCertificateSpki];
}
