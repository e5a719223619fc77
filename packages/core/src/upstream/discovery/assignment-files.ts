/** Files of endpoints that several clusters take theirs from: each version of a file is read once. */
import type { AssignmentFile } from "../../config/compile/discovery/assignment-file.ts";
import type { Signature } from "../../watch/file-signature.ts";

interface Version {
  readonly signature: Signature;
  readonly file: Promise<AssignmentFile>;
}

export class AssignmentFiles {
  readonly #versions = new Map<string, Version>();

  /** `signature`: taken before. Rejects where the compiler itself fails. */
  read(path: string, signature: Signature): Promise<AssignmentFile> {
    const known = this.#versions.get(path);
    if (known !== undefined && known.signature === signature) return known.file;
    const file = load(path);
    this.#versions.set(path, { signature, file });
    // What could not be read is read again, whatever the signature says.
    file.catch(() => {
      if (this.#versions.get(path)?.file === file) this.#versions.delete(path);
    });
    return file;
  }

  /** Forgets all others. */
  keep(paths: ReadonlySet<string>): void {
    for (const path of this.#versions.keys()) if (!paths.has(path)) this.#versions.delete(path);
  }
}

async function load(path: string): Promise<AssignmentFile> {
  const { readAssignments } = await import("../../config/compile/discovery/assignment-file.ts");
  return readAssignments(path);
}
