/** The system's hosts file, which c-ares and getaddrinfo ask before DNS. Read again when it has changed. */
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { type Signature, signatureOf } from "../../watch/file-signature.ts";

const LARGEST = 16 * 1024 * 1024;

export class HostsFile {
  readonly #path: string;
  #signature: Signature = null;
  #names = new Map<string, readonly string[]>();

  constructor(path = "/etc/hosts") {
    this.#path = path;
  }

  /** Addresses of a name, of one version or of both; empty: it is not there. */
  find(name: string, version: 4 | 6): string[] {
    this.#refresh();
    return (this.#names.get(plain(name)) ?? []).filter((address) => isIP(address) === version);
  }

  has(name: string): boolean {
    this.#refresh();
    return this.#names.has(plain(name));
  }

  #refresh(): void {
    const signature = signatureOf(this.#path);
    if (signature === this.#signature) return;
    this.#signature = signature;
    this.#names = new Map();
    let text: string;
    try {
      if (signature === null || statSync(this.#path).size > LARGEST) return;
      text = readFileSync(this.#path, "utf8");
    } catch {
      return;
    }
    const names = new Map<string, string[]>();
    for (const line of text.split("\n")) {
      const [address = "", ...words] = line.replace(/#.*/, "").trim().split(/\s+/);
      if (isIP(address) === 0) continue;
      for (const word of words) {
        const known = names.get(plain(word));
        if (known === undefined) names.set(plain(word), [address]);
        else if (!known.includes(address)) known.push(address);
      }
    }
    this.#names = names;
  }
}

function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}
