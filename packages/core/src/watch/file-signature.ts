/** Which files something was made of, each as it was when it was read: how a later look tells that one of them changed. */
import { type BigIntStats, statSync } from "node:fs";

/** Of a file's contents, as far as its metadata tells; null: there is no such file. */
export type Signature = string | null;

/** Follows links, so that a link that points elsewhere is a change. What cannot be reached (a link to itself, a closed folder) is not there. */
export function signatureOf(path: string): Signature {
  const stat = statOf(path);
  return stat === undefined ? null : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
}

/** undefined: it is not there, or cannot be reached. */
export function statOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Files noted before they are read: a change in between is seen as one that came later. */
export class ReadFiles {
  readonly #signatures = new Map<string, Signature>();

  note(path: string): void {
    if (!this.#signatures.has(path)) this.#signatures.set(path, signatureOf(path));
  }

  /** As it was when something that is still in use was made of it. */
  noteAs(path: string, signature: Signature): void {
    if (!this.#signatures.has(path)) this.#signatures.set(path, signature);
  }

  get all(): ReadonlyMap<string, Signature> {
    return this.#signatures;
  }
}

export function changedOf(files: ReadonlyMap<string, Signature>): string[] {
  return [...files].filter(([path, signature]) => signatureOf(path) !== signature).map(([path]) => path);
}
