/** Names to addresses. The system's way (hosts file included), or DNS itself where the answer's time to live is asked for. */
import { type LookupAddress, promises as dns } from "node:dns";
import { isIP } from "node:net";

export type DnsFamily = "auto" | "v4_only" | "v6_only" | "v4_preferred" | "all";

export interface DnsAnswer {
  readonly addresses: readonly string[];
  /** The shortest of the records; -1: the source tells none. */
  readonly ttlMs: number;
}

/** Rejects where there is no answer; an answer without addresses is an answer. */
export type ResolveName = (name: string, family: DnsFamily, withTtl: boolean) => Promise<DnsAnswer>;

export const resolveName: ResolveName = async (name, family, withTtl) => {
  if (isIP(name) !== 0) return { addresses: [name], ttlMs: -1 };
  if (withTtl) {
    try {
      const found = await byFamily(family, (version) => records(name, version));
      if (found.addresses.length !== 0) return found;
    } catch {
      // A name of the hosts file is not in DNS: the system's way decides.
    }
  }
  return byFamily(family, (version) => system(name, version));
};

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
  const answer = await query(first).catch(() => null);
  return answer !== null && answer.addresses.length !== 0 ? answer : query(second);
}

async function both(query: Query): Promise<DnsAnswer> {
  const answers = await Promise.allSettled([query(6), query(4)]);
  const good = answers.filter((a) => a.status === "fulfilled").map((a) => a.value);
  if (good.length === 0) throw (answers[0] as PromiseRejectedResult).reason;
  const ttls = good.map((a) => a.ttlMs).filter((ttl) => ttl >= 0);
  return { addresses: good.flatMap((a) => a.addresses), ttlMs: ttls.length === 0 ? -1 : Math.min(...ttls) };
}

async function records(name: string, version: 4 | 6): Promise<DnsAnswer> {
  const found = version === 4 ? await dns.resolve4(name, { ttl: true }) : await dns.resolve6(name, { ttl: true });
  return {
    addresses: found.map((r) => r.address),
    ttlMs: found.length === 0 ? -1 : Math.min(...found.map((r) => r.ttl)) * 1000,
  };
}

async function system(name: string, version: 4 | 6): Promise<DnsAnswer> {
  const found: LookupAddress[] = await dns.lookup(name, { all: true, family: version });
  return { addresses: found.map((r) => r.address), ttlMs: -1 };
}
