/**
 * Names to addresses, and services to names. Where nothing is said, the system's way (hosts file, search domains); DNS itself where the answer's time to live is asked
 * for or name servers are given, and then, as c-ares does, after the hosts file.
 */
import { type LookupAddress, promises as dns } from "node:dns";
import { isIP } from "node:net";
import type { DnsFamily, DnsResolverModel } from "../../config/discovery-model.ts";
import { HostsFile } from "./hosts-file.ts";
import type { ResolveService } from "./srv-hosts.ts";

export type { DnsFamily };

export interface DnsAnswer {
  readonly addresses: readonly string[];
  /** The shortest of the records; -1: the source tells none. */
  readonly ttlMs: number;
}

/** Rejects where there is no answer; an answer without addresses is an answer. */
export type ResolveName = (name: string, family: DnsFamily, withTtl: boolean) => Promise<DnsAnswer>;

/** Resolvers by what is configured, one each. */
export class Resolvers {
  readonly #name: ResolveName | undefined;
  readonly #service: ResolveService | undefined;
  readonly #made = new Map<string, dns.Resolver>();
  readonly #hostsFile: HostsFile;

  /** `name`, `service`: in place of all, for tests. */
  constructor(name?: ResolveName, service?: ResolveService, hostsFile: HostsFile = new HostsFile()) {
    this.#name = name;
    this.#service = service;
    this.#hostsFile = hostsFile;
  }

  names(model: DnsResolverModel | undefined): ResolveName {
    if (this.#name !== undefined) return this.#name;
    const hostsFile = this.#hostsFile;
    if (model?.kind === "system")
      return async (name, family) => literal(name) ?? byFamily(family, (v) => system(name, v));
    const resolver = this.#resolver(model);
    const query = async (name: string, family: DnsFamily): Promise<DnsAnswer> => {
      if (hostsFile.has(name))
        return byFamily(family, async (v) => ({ addresses: hostsFile.find(name, v), ttlMs: -1 }));
      return byFamily(family, (v) => records(resolver, name, v));
    };
    if (model !== undefined) return async (name, family) => literal(name) ?? query(name, family);
    return async (name, family, withTtl) => {
      const known = literal(name);
      if (known !== null) return known;
      if (withTtl) {
        try {
          const found = await query(name, family);
          if (found.addresses.length !== 0) return found;
        } catch (error) {
          // Who waited for DNS does not wait for it once more: the system asks the same servers, and has few threads for that.
          if (isTooLate(error)) throw error;
          // A name that only the system's search domains complete.
        }
      }
      return byFamily(family, (v) => system(name, v));
    };
  }

  services(model: DnsResolverModel | undefined): ResolveService {
    if (this.#service !== undefined) return this.#service;
    const resolver = this.#resolver(model);
    return (service) => noDataIsEmpty(resolver.resolveSrv(service));
  }

  /** What is asked of DNS and not answered yet fails now, so that it keeps no process alive. */
  cancel(): void {
    for (const resolver of this.#made.values()) resolver.cancel();
  }

  #resolver(model: DnsResolverModel | undefined): dns.Resolver {
    const key = JSON.stringify(model ?? null);
    let resolver = this.#made.get(key);
    if (resolver === undefined) {
      const { timeoutMs, tries } = model?.kind === "servers" ? model : {};
      resolver = new dns.Resolver({
        ...(timeoutMs !== undefined && { timeout: timeoutMs }),
        ...(tries !== undefined && { tries }),
      });
      if (model?.kind === "servers") resolver.setServers(model.servers);
      this.#made.set(key, resolver);
    }
    return resolver;
  }
}

function isTooLate(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ETIMEOUT" || code === "ECANCELLED";
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function literal(name: string): DnsAnswer | null {
  return isIP(name) === 0 ? null : { addresses: [name], ttlMs: -1 };
}

type Query = (version: 4 | 6) => Promise<DnsAnswer>;

/** Envoy's DnsLookupFamily: AUTO takes IPv6 and, where there is none, IPv4; V4_PREFERRED the other way round. */
async function byFamily(family: DnsFamily, query: Query): Promise<DnsAnswer> {
  switch (family) {
    case "v4_only":
      return query(4);
    case "v6_only":
      return query(6);
    case "v4_preferred":
      return preferred(query, 4, 6);
    case "auto":
      return preferred(query, 6, 4);
    case "all":
      return both(query);
  }
}

async function preferred(query: Query, first: 4 | 6, second: 4 | 6): Promise<DnsAnswer> {
  const answer = await query(first).catch((error: unknown) => {
    if (codeOf(error) === "ECANCELLED") throw error;
    return null;
  });
  return answer !== null && answer.addresses.length !== 0 ? answer : query(second);
}

async function both(query: Query): Promise<DnsAnswer> {
  const answers = await Promise.allSettled([query(6), query(4)]);
  const good = answers.filter((a) => a.status === "fulfilled").map((a) => a.value);
  if (good.length === 0) throw (answers[0] as PromiseRejectedResult).reason;
  const ttls = good.map((a) => a.ttlMs).filter((ttl) => ttl >= 0);
  return { addresses: good.flatMap((a) => a.addresses), ttlMs: ttls.length === 0 ? -1 : Math.min(...ttls) };
}

async function records(resolver: dns.Resolver, name: string, version: 4 | 6): Promise<DnsAnswer> {
  const found = await noDataIsEmpty(
    version === 4 ? resolver.resolve4(name, { ttl: true }) : resolver.resolve6(name, { ttl: true }),
  );
  return {
    addresses: found.map((r) => r.address),
    ttlMs: found.length === 0 ? -1 : Math.min(...found.map((r) => r.ttl)) * 1000,
  };
}

/** The name is there, and has no such records: an answer. */
async function noDataIsEmpty<T>(records: Promise<T[]>): Promise<T[]> {
  try {
    return await records;
  } catch (error) {
    if (codeOf(error) === "ENODATA") return [];
    throw error;
  }
}

async function system(name: string, version: 4 | 6): Promise<DnsAnswer> {
  const found: LookupAddress[] = await dns.lookup(name, { all: true, family: version });
  return { addresses: found.map((r) => r.address), ttlMs: -1 };
}
