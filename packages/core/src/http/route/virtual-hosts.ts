/** Hot path. Which virtual host serves an authority: exact, then the longest `*.suffix`, then the longest `prefix.*`, then `*`. Envoy: VirtualHost.domains. */

export class VirtualHostIndex<T> {
  readonly #exact = new Map<string, T>();
  /** By length of the fixed part, longest first. */
  readonly #suffixes = new Map<number, Map<string, T>>();
  readonly #prefixes = new Map<number, Map<string, T>>();
  #suffixLengths: number[] = [];
  #prefixLengths: number[] = [];
  #any: T | null = null;
  /** The one host with the one domain `*`: nothing to look up. */
  #only: T | null = null;

  constructor(hosts: Iterable<readonly [domains: readonly string[], host: T]> = []) {
    for (const [domains, host] of hosts) for (const domain of domains) this.add(domain, host);
    this.finish();
  }

  /** Domains are unique over all hosts; the configuration was checked. {@link finish} MUST follow the last one. */
  add(domain: string, host: T): void {
    const lower = domain.toLowerCase();
    if (lower === "*") this.#any = host;
    else if (lower.startsWith("*")) put(this.#suffixes, lower.slice(1), host);
    else if (lower.endsWith("*")) put(this.#prefixes, lower.slice(0, -1), host);
    else this.#exact.set(lower, host);
  }

  finish(): void {
    this.#suffixLengths = [...this.#suffixes.keys()].sort((a, b) => b - a);
    this.#prefixLengths = [...this.#prefixes.keys()].sort((a, b) => b - a);
    if (this.#exact.size === 0 && this.#suffixLengths.length === 0 && this.#prefixLengths.length === 0)
      this.#only = this.#any;
  }

  find(authority: string, ignorePort: boolean): T | null {
    if (this.#only !== null) return this.#only;
    let host = authority.toLowerCase();
    if (ignorePort) {
      const colon = host.lastIndexOf(":");
      if (colon > host.lastIndexOf("]") && /^[0-9]*$/.test(host.slice(colon + 1))) host = host.slice(0, colon);
    }
    const exact = this.#exact.get(host);
    if (exact !== undefined) return exact;
    for (const length of this.#suffixLengths) {
      // The wildcard stands for at least one character.
      if (length >= host.length) continue;
      const found = this.#suffixes.get(length)!.get(host.slice(host.length - length));
      if (found !== undefined) return found;
    }
    for (const length of this.#prefixLengths) {
      if (length >= host.length) continue;
      const found = this.#prefixes.get(length)!.get(host.slice(0, length));
      if (found !== undefined) return found;
    }
    return this.#any;
  }
}

function put<T>(byLength: Map<number, Map<string, T>>, fixed: string, host: T): void {
  let map = byLength.get(fixed.length);
  if (map === undefined) byLength.set(fixed.length, (map = new Map()));
  map.set(fixed, host);
}
