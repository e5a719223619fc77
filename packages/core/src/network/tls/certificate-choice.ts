/**
 * Which certificate answers which server name: exact names before wildcards, the first certificate where nothing fits or no name was sent.
 * Of certificates for the same names with different kinds of keys (RSA, ECDSA) OpenSSL takes the one that the client can check; but only for the fallback,
 * since Node hands over one certificate of a context that is chosen by name. For other names the first configured one answers.
 */
import type { SecureContext } from "node:tls";
import type { CertificateModel } from "../../config/model.ts";
import { parseAltNames } from "./alt-names.ts";
import { leafOf } from "./secure-context.ts";

interface Candidate {
  readonly model: CertificateModel;
  readonly keyType: string;
  readonly names: readonly string[];
}

export class CertificateChoice {
  /** What answers where nothing fits: the first certificate, and those that share a name with it. */
  readonly fallback: readonly CertificateModel[];
  readonly #exact = new Map<string, SecureContext>();
  /** By what follows the `*`. */
  readonly #wildcards = new Map<string, SecureContext>();
  /** Exact names that the fallback answers. */
  readonly #own = new Set<string>();

  /** `contextOf` is called once for every certificate that some name other than the fallback's leads to. */
  constructor(certificates: readonly CertificateModel[], contextOf: (certificate: CertificateModel) => SecureContext) {
    const candidates = certificates.map(candidateOf);
    const [first] = candidates;
    if (first === undefined) throw new Error("a TLS listener needs a certificate");
    const fallback = onePerKeyType(candidates.filter((other) => other === first || sharesName(first, other)));
    this.fallback = fallback.map(({ model }) => model);
    const contexts = new Map<Candidate, SecureContext>();
    for (const name of new Set(candidates.flatMap(({ names }) => names))) {
      const fitting = candidates.filter(({ names }) => names.includes(name));
      if (isSame(onePerKeyType(fitting), fallback)) continue;
      const chosen = fitting[0]!;
      const context = contexts.get(chosen) ?? contextOf(chosen.model);
      contexts.set(chosen, context);
      if (name.startsWith("*.")) this.#wildcards.set(name.slice(1), context);
      else this.#exact.set(name, context);
    }
    // An exact name of the fallback must not fall into another certificate's wildcard.
    for (const name of first.names) if (!this.#exact.has(name)) this.#own.add(name);
  }

  /** Whether any name leads to another certificate than the fallback's. */
  get dependsOnName(): boolean {
    return this.#exact.size > 0 || this.#wildcards.size > 0;
  }

  /** undefined: the fallback. */
  for(serverName: string): SecureContext | undefined {
    const name = serverName.toLowerCase();
    const exact = this.#exact.get(name);
    if (exact !== undefined || this.#own.has(name)) return exact;
    const dot = name.indexOf(".");
    return dot === -1 ? undefined : this.#wildcards.get(name.slice(dot));
  }
}

function candidateOf(model: CertificateModel): Candidate {
  const leaf = leafOf(model);
  const sans = parseAltNames(leaf.subjectAltName).filter(({ type }) => type === "dns");
  // RFC 9525: the common name counts for nothing where there are alternative names; Envoy falls back to it as well.
  const names = sans.length > 0 ? sans.map(({ value }) => value.toLowerCase()) : commonNames(leaf.subject);
  return { model, keyType: leaf.publicKey.asymmetricKeyType ?? "", names };
}

function commonNames(subject: string | undefined): string[] {
  return (subject ?? "")
    .split("\n")
    .filter((line) => line.startsWith("CN="))
    .map((line) => line.slice(3).toLowerCase());
}

function sharesName(a: Candidate, b: Candidate): boolean {
  return a.names.some((name) => b.names.includes(name));
}

function isSame(a: readonly Candidate[], b: readonly Candidate[]): boolean {
  return a.length === b.length && a.every((candidate) => b.includes(candidate));
}

/** A context holds one certificate per kind of key; the first configured wins. */
function onePerKeyType(candidates: readonly Candidate[]): Candidate[] {
  const seen = new Set<string>();
  return candidates.filter(({ keyType }) => !seen.has(keyType) && seen.add(keyType));
}
