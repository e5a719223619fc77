/**
 * Whom to believe beyond the certificate chain: names by SAN matchers, hashes of the certificate or its key, as Envoy verifies them. The chain itself is
 * OpenSSL's work; its verdict comes in as a code.
 */
import { createHash, type X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { SanMatcherModel, TlsCommonModel } from "../../config/model.ts";
import { MatchProblem } from "../../matching/match-problem.ts";
import { compileStringMatcher, type StringMatcher } from "../../matching/string-matcher.ts";
import { type AltName, type AltNameType, canonicalIp, coversDnsName, parseAltNames } from "./alt-names.ts";
import { nodeTls } from "./node-tls.ts";

/** Why a peer was refused; the counters `ssl.fail_verify_*` and the words in logs follow it. */
export type VerifyFailure = "no_cert" | "error" | "san" | "cert_hash";

interface NameMatcher {
  readonly type: AltNameType;
  /** Not null for an exact DNS name: wildcards in certificates count. */
  readonly exactDns: string | null;
  readonly matcher: StringMatcher;
}

export class PeerVerifier {
  /** Whether a chain to an authority is asked for. */
  readonly verifiesChain: boolean;
  /** Whether anything at all is asked of a certificate that is shown. */
  readonly isNeeded: boolean;
  readonly #names: readonly NameMatcher[];
  readonly #hashes: ReadonlySet<string>;
  readonly #spkis: ReadonlySet<string>;
  readonly #hostname: string;

  /** `hostname`: a name that the certificate must be for by the rules of HTTPS (RFC 9525); empty: none. */
  constructor(model: TlsCommonModel, verifiesChain: boolean, hostname: string) {
    this.verifiesChain = verifiesChain;
    this.#names = model.sanMatchers.map(nameMatcherOf);
    this.#hashes = new Set(model.certificateHashes);
    this.#spkis = new Set(model.spkiHashes);
    this.#hostname = hostname;
    this.isNeeded =
      verifiesChain || this.#names.length > 0 || this.#hashes.size > 0 || this.#spkis.size > 0 || hostname !== "";
  }

  /** `chainError` is OpenSSL's code, empty where the chain is good. Returns null when the peer may be believed. */
  check(certificate: X509Certificate, chainError: string): VerifyFailure | null {
    if (this.verifiesChain && chainError !== "") return "error";
    if (this.#hostname !== "" && !isForHost(this.#hostname, certificate)) return "san";
    if (this.#names.length > 0 && !this.#matchesName(parseAltNames(certificate.subjectAltName))) return "san";
    if ((this.#hashes.size > 0 || this.#spkis.size > 0) && !this.#matchesHash(certificate)) return "cert_hash";
    return null;
  }

  #matchesName(altNames: readonly AltName[]): boolean {
    return this.#names.some(({ type, exactDns, matcher }) =>
      altNames.some(
        (name) =>
          name.type === type && (exactDns === null ? matcher.matches(name.value) : coversDnsName(name.value, exactDns)),
      ),
    );
  }

  /** Either kind of hash is enough where both are configured. */
  #matchesHash(certificate: X509Certificate): boolean {
    if (this.#hashes.has(createHash("sha256").update(certificate.raw).digest("hex"))) return true;
    if (this.#spkis.size === 0) return false;
    const spki = certificate.publicKey.export({ type: "spki", format: "der" });
    return this.#spkis.has(createHash("sha256").update(spki).digest("base64"));
  }
}

function nameMatcherOf({ type, matcher }: SanMatcherModel): NameMatcher {
  const isExact = matcher.kind === "exact";
  const compiled = compileStringMatcher(
    type === "ip" && isExact ? { ...matcher, value: canonicalIp(matcher.value) } : matcher,
  );
  if (compiled instanceof MatchProblem)
    throw new Error(`SAN matcher: ${compiled.message}, expected ${compiled.expected}`);
  return { type, exactDns: type === "dns" && isExact ? matcher.value : null, matcher: compiled };
}

/** Whether one of the certificate's names is that one. Envoy: auto_san_validation. */
export function carriesName(certificate: X509Certificate, name: string): boolean {
  const wanted = isIP(name) === 0 ? name : canonicalIp(name);
  return parseAltNames(certificate.subjectAltName).some(({ type, value }) =>
    type === "dns" ? coversDnsName(value, name) : value === wanted,
  );
}

function isForHost(hostname: string, certificate: X509Certificate): boolean {
  if (isIP(hostname) !== 0) {
    const wanted = canonicalIp(hostname);
    return parseAltNames(certificate.subjectAltName).some(({ type, value }) => type === "ip" && value === wanted);
  }
  return nodeTls().checkServerIdentity(hostname, certificate.toLegacyObject()) === undefined;
}
