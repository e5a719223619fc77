/**
 * Hosts by their names' addresses. STRICT_DNS: every address of every name is a host. LOGICAL_DNS: the one name is one host, whose address is the first of the newest
 * answer; connections to an address before that stay. Names are refreshed each on its own. Fail-static: an empty or failing answer takes nothing away.
 */
import type { ClusterModel, DnsDiscoveryModel, EndpointModel } from "../../config/model.ts";
import { type HostModel, addressKey } from "../host.ts";
import type { ResolveName } from "./dns-resolver.ts";
import { FIRST_ANSWER_MS, within } from "./first-answer.ts";
import type { HostSource, SourceEnvironment } from "./host-source.ts";
import { RefreshTimes } from "./refresh-times.ts";
import { RepeatedQuery } from "./repeated-query.ts";
import { UpdateStats } from "./update-stats.ts";

interface Name {
  readonly name: string;
  readonly endpoint: EndpointModel;
  readonly query: RepeatedQuery;
  /** What it stood for last. */
  addresses: readonly string[];
  /** It was told so itself. */
  isAnswered: boolean;
}

export class DnsHosts implements HostSource {
  readonly #model: DnsDiscoveryModel;
  readonly #environment: SourceEnvironment;
  readonly #names: readonly Name[];
  /** Its counters are somebody else's by now. */
  #isOver = false;

  constructor(
    { endpoints }: ClusterModel,
    model: DnsDiscoveryModel,
    resolve: ResolveName,
    environment: SourceEnvironment,
  ) {
    this.#model = model;
    this.#environment = environment;
    const stats = new UpdateStats(environment.scope);
    this.#names = endpoints.map((endpoint) => {
      const { address } = endpoint;
      const host = nameOf(address);
      const ask = async (): Promise<number> => {
        stats.attempts.inc();
        try {
          const answer = await resolve(host, model.family, model.respectTtl);
          if (this.#isOver) return -1;
          stats.successes.inc();
          if (answer.addresses.length === 0) stats.empty.inc();
          else {
            name.addresses = answer.addresses;
            name.isAnswered = true;
          }
          return answer.ttlMs;
        } catch (error) {
          if (!this.#isOver) stats.failures.inc();
          throw error;
        }
      };
      const times = new RefreshTimes(model, environment.random);
      const query = new RepeatedQuery({ name: host, times, ask, environment });
      const name: Name = { name: host, endpoint, addresses: [], isAnswered: false, query };
      return name;
    });
  }

  get hosts(): readonly HostModel[] {
    const isLogical = this.#model.kind === "logical_dns";
    return this.#names.flatMap(({ endpoint, addresses }) =>
      (isLogical ? addresses.slice(0, 1) : addresses).map((ip) => hostOf(endpoint, ip, isLogical)),
    );
  }

  async first(): Promise<void> {
    await within(FIRST_ANSWER_MS, Promise.all(this.#names.map(({ query }) => query.ask())));
  }

  follow(): void {
    const times = new RefreshTimes(this.#model, this.#environment.random);
    for (const { query } of this.#names) query.follow(times.afterAnswer(-1));
  }

  /** Names that are new are asked for; the others are known meanwhile. */
  learn(known: HostSource): boolean {
    if (!(known instanceof DnsHosts) || this.#asked() !== known.#asked()) return false;
    const before = new Map(known.#names.map(({ name, addresses }) => [name, addresses]));
    for (const name of this.#names) if (!name.isAnswered) name.addresses = before.get(name.name) ?? name.addresses;
    return this.#names.every(({ name }) => before.has(name));
  }

  /** Who is asked, and for what of a name. */
  #asked(): string {
    const { family, resolver = null } = this.#model;
    return JSON.stringify([family, resolver]);
  }

  close(): void {
    this.#isOver = true;
    for (const { query } of this.#names) query.close();
    this.#environment.scope.release();
  }
}

function nameOf(address: EndpointModel["address"]): string {
  return address.kind === "pipe" ? address.path : address.host;
}

function hostOf(endpoint: EndpointModel, ip: string, isLogical: boolean): HostModel {
  const { address, place: _, ...rest } = endpoint;
  const port = address.kind === "pipe" ? 0 : address.port;
  const name = nameOf(address);
  return {
    ...rest,
    address: { kind: "ip", host: ip, port },
    hostname: endpoint.hostname === "" ? name : endpoint.hostname,
    ...(isLogical && { logicalName: addressKey(address) }),
  };
}
