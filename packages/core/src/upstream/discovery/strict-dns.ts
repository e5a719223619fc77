/**
 * Discovery by DNS, in main: every address of every name of a cluster is a host. Fail-static: an empty or failing answer never takes hosts away from a cluster that has
 * some. Envoy: Cluster.type STRICT_DNS.
 */
import type { Counter } from "@sluice/sdk";
import type { ClusterModel, EndpointModel } from "../../config/model.ts";
import type { StatsScope, StatsStore } from "../../stats/stats-store.ts";
import type { LogSink } from "../../worker/log.ts";
import type { ClusterHosts, DiscoveryPart } from "../../worker/parts.ts";
import { type HostModel, addressKey } from "../host.ts";
import { type DnsAnswer, type ResolveName, resolveName } from "./dns-resolver.ts";

/** A first answer that takes longer is not waited for. */
const FIRST_ANSWER_MS = 5000;
/** Refreshes are spread by this share, so that many clusters do not ask at once. */
const JITTER = 0.1;
const MIN_REFRESH_MS = 1000;

export interface StrictDnsOptions {
  readonly log: LogSink;
  readonly stats: StatsStore;
  readonly onHosts: (cluster: string, hosts: readonly HostModel[]) => void;
  /** For tests. */
  readonly resolve?: ResolveName;
  readonly random?: () => number;
}

type DnsModel = ClusterModel & { readonly discovery: Extract<ClusterModel["discovery"], { kind: "strict_dns" }> };

class Followed {
  readonly model: DnsModel;
  readonly scope: StatsScope;
  readonly attempts: Counter;
  readonly successes: Counter;
  readonly failures: Counter;
  readonly empty: Counter;
  /** By endpoint: what its name stood for last. */
  readonly answers: (readonly string[])[];
  /** The hosts that the cluster has been told of. */
  told = "";
  timer: NodeJS.Timeout | null = null;
  over = false;

  constructor(model: DnsModel, scope: StatsScope) {
    this.model = model;
    this.scope = scope;
    this.attempts = scope.counter("update_attempt");
    this.successes = scope.counter("update_success");
    this.failures = scope.counter("update_failure");
    this.empty = scope.counter("update_empty");
    this.answers = model.endpoints.map(() => []);
  }

  /** What another version of the cluster, with the same names, has been answered. */
  learn({ answers }: Followed): void {
    for (const [i, answer] of answers.entries()) this.answers[i] = answer;
  }

  hosts(): HostModel[] {
    return this.model.endpoints.flatMap((endpoint, i) => this.answers[i]!.map((ip) => hostOf(endpoint, ip)));
  }

  end(): void {
    this.over = true;
    if (this.timer !== null) clearTimeout(this.timer);
    this.scope.release();
  }
}

function hostOf(endpoint: EndpointModel, ip: string): HostModel {
  const { address } = endpoint;
  if (address.kind === "pipe") return endpoint;
  const { place: _, ...rest } = endpoint;
  return {
    ...rest,
    address: { kind: "ip", host: ip, port: address.port },
    hostname: endpoint.hostname === "" ? address.host : endpoint.hostname,
  };
}

export class StrictDns implements DiscoveryPart {
  readonly #options: StrictDnsOptions;
  readonly #resolve: ResolveName;
  readonly #random: () => number;
  /** Live clusters, and those that were asked for a configuration that is not live yet. */
  readonly #followed = new Map<string, Followed>();
  readonly #pending = new Map<string, Followed>();

  constructor(options: StrictDnsOptions) {
    this.#options = options;
    this.#resolve = options.resolve ?? resolveName;
    this.#random = options.random ?? Math.random;
  }

  get hosts(): ClusterHosts {
    return new Map([...this.#followed].map(([name, followed]) => [name, followed.hosts()]));
  }

  async resolve(models: readonly ClusterModel[]): Promise<ClusterHosts> {
    this.#dropPending();
    const result = new Map<string, readonly HostModel[]>();
    await Promise.all(
      models.filter(isDns).map(async (model) => {
        const known = this.#followed.get(model.name);
        const asking = new Followed(model, this.#scope(model));
        this.#pending.set(model.name, asking);
        if (known !== undefined && sameNames(known.model, model)) asking.learn(known);
        else {
          const answered = this.#ask(asking).then(() => this.#tellLive(asking));
          await Promise.race([answered, firstAnswerTimeout()]);
        }
        const hosts = this.#pending.get(model.name)?.hosts() ?? [];
        asking.told = keys(hosts);
        result.set(model.name, hosts);
      }),
    );
    return result;
  }

  follow(models: readonly ClusterModel[]): void {
    const before = new Map(this.#followed);
    for (const followed of before.values()) followed.end();
    this.#followed.clear();
    for (const model of models.filter(isDns)) {
      const followed = this.#pending.get(model.name);
      if (followed === undefined) continue;
      this.#pending.delete(model.name);
      this.#followed.set(model.name, followed);
      const known = before.get(model.name);
      // Bringing a configuration out takes time, and names went on being answered.
      if (known !== undefined && sameNames(known.model, model)) followed.learn(known);
      this.#tellLive(followed);
      this.#schedule(followed, model.discovery.refreshMs);
    }
    this.#dropPending();
  }

  close(): void {
    for (const followed of this.#followed.values()) followed.end();
    this.#followed.clear();
    this.#dropPending();
  }

  #dropPending(): void {
    for (const pending of this.#pending.values()) pending.end();
    this.#pending.clear();
  }

  #scope(model: ClusterModel): StatsScope {
    return this.#options.stats.scope(`cluster.${model.statName}.`);
  }

  #schedule(followed: Followed, ms: number): void {
    const delay = Math.max(MIN_REFRESH_MS, ms) * (1 + JITTER * this.#random());
    followed.timer = setTimeout(() => void this.#refresh(followed), delay).unref();
  }

  async #refresh(followed: Followed): Promise<void> {
    const ttlMs = await this.#ask(followed);
    if (followed.over) return;
    this.#tellLive(followed);
    const { respectTtl, refreshMs } = followed.model.discovery;
    this.#schedule(followed, respectTtl && ttlMs >= 0 ? ttlMs : refreshMs);
  }

  #tellLive(followed: Followed): void {
    const { name } = followed.model;
    const hosts = followed.hosts();
    const found = keys(hosts);
    if (found === followed.told || this.#followed.get(name) !== followed) return;
    followed.told = found;
    this.#options.onHosts(name, hosts);
  }

  /** Asks for every name; resolves with the shortest time to live, -1 where none is told. Never rejects. */
  async #ask(followed: Followed): Promise<number> {
    const { model } = followed;
    const { family, respectTtl } = model.discovery;
    let shortest = -1;
    await Promise.all(
      model.endpoints.map(async ({ address }, i) => {
        if (address.kind === "pipe") {
          followed.answers[i] = [address.path];
          return;
        }
        followed.attempts.inc();
        let answer: DnsAnswer;
        try {
          answer = await this.#resolve(address.host, family, respectTtl);
        } catch (error) {
          followed.failures.inc();
          this.#options.log.write(
            "warn",
            "dns",
            `${address.host} of cluster ${model.name} could not be resolved; its hosts stay as they are`,
            { error: String(error) },
          );
          return;
        }
        if (answer.ttlMs >= 0 && (shortest < 0 || answer.ttlMs < shortest)) shortest = answer.ttlMs;
        followed.successes.inc();
        if (answer.addresses.length === 0) followed.empty.inc();
        else followed.answers[i] = answer.addresses;
      }),
    );
    return shortest;
  }
}

function isDns(model: ClusterModel): model is DnsModel {
  return model.discovery.kind === "strict_dns";
}

function sameNames(a: DnsModel, b: DnsModel): boolean {
  const names = (m: DnsModel): string => JSON.stringify([m.discovery.family, m.endpoints.map((e) => e.address)]);
  return names(a) === names(b);
}

function keys(hosts: readonly HostModel[]): string {
  return hosts
    .map((h) => addressKey(h.address))
    .sort()
    .join(" ");
}

function firstAnswerTimeout(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, FIRST_ANSWER_MS).unref());
}
