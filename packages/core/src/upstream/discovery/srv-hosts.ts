/**
 * Hosts of a service by its SRV records (RFC 2782): a target's addresses are hosts with the record's port; priorities become levels from 0 on, weights weights. A target's
 * weight is shared among its addresses. Fail-static: no records, or none that can be resolved, leave the hosts as they are; so does a target that cannot be resolved for its own.
 * Left out: the time to live of the SRV records themselves, which Node does not tell; with `respect_dns_ttl` the shortest of the targets' addresses holds.
 */
import type { SrvDiscoveryModel } from "../../config/model.ts";
import type { HostModel } from "../host.ts";
import type { ResolveName } from "./dns-resolver.ts";
import { FIRST_ANSWER_MS, within } from "./first-answer.ts";
import type { HostSource, SourceEnvironment } from "./host-source.ts";
import { RefreshTimes } from "./refresh-times.ts";
import { RepeatedQuery } from "./repeated-query.ts";
import { UpdateStats } from "./update-stats.ts";

export interface ServiceRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** Rejects where there is no answer. */
export type ResolveService = (service: string) => Promise<readonly ServiceRecord[]>;

/** More targets than this are not asked for: an answer is not a list of work for us. */
const MOST_TARGETS = 1024;

export class SrvHosts implements HostSource {
  readonly #model: SrvDiscoveryModel;
  readonly #resolve: ResolveName;
  readonly #resolveService: ResolveService;
  readonly #environment: SourceEnvironment;
  readonly #stats: UpdateStats;
  readonly #query: RepeatedQuery;
  /** By target: what it stood for last. */
  #addresses: ReadonlyMap<string, readonly string[]> = new Map();
  #hosts: readonly HostModel[] = [];
  /** Targets that could not be resolved, as told last. */
  #failing = "";
  /** Its counters are somebody else's by now. */
  #isOver = false;

  constructor(
    model: SrvDiscoveryModel,
    resolve: ResolveName,
    resolveService: ResolveService,
    environment: SourceEnvironment,
  ) {
    this.#model = model;
    this.#resolve = resolve;
    this.#resolveService = resolveService;
    this.#environment = environment;
    this.#stats = new UpdateStats(environment.scope);
    const times = new RefreshTimes(model, environment.random);
    this.#query = new RepeatedQuery({ name: model.service, times, ask: () => this.#ask(), environment });
  }

  get hosts(): readonly HostModel[] {
    return this.#hosts;
  }

  async first(): Promise<void> {
    await within(FIRST_ANSWER_MS, this.#query.ask());
  }

  follow(): void {
    this.#query.follow(new RefreshTimes(this.#model, this.#environment.random).afterAnswer(-1));
  }

  learn(known: HostSource): boolean {
    if (!(known instanceof SrvHosts) || known.#question() !== this.#question()) return false;
    this.#addresses = known.#addresses;
    this.#hosts = known.#hosts;
    return true;
  }

  #question(): string {
    const { service, family, resolver = null } = this.#model;
    return JSON.stringify([service, family, resolver]);
  }

  close(): void {
    this.#isOver = true;
    this.#query.close();
    this.#environment.scope.release();
  }

  async #ask(): Promise<number> {
    this.#stats.attempts.inc();
    try {
      const ttlMs = await this.#update();
      if (!this.#isOver) this.#stats.successes.inc();
      return ttlMs;
    } catch (error) {
      if (!this.#isOver) this.#stats.failures.inc();
      throw error;
    }
  }

  async #update(): Promise<number> {
    const { service, family, respectTtl } = this.#model;
    // The root as a target: the service is decidedly not there. An answer, and an empty one.
    const records = (await this.#resolveService(service)).filter(({ name }) => name !== "" && name !== ".");
    const targets = [...new Set(records.map(({ name }) => name))].slice(0, MOST_TARGETS);
    let shortest = -1;
    const errors = new Map<string, Error>();
    const addresses = new Map<string, readonly string[]>();
    await Promise.all(
      targets.map(async (target) => {
        try {
          const answer = await this.#resolve(target, family, respectTtl);
          if (answer.addresses.length > 0) addresses.set(target, answer.addresses);
          if (answer.ttlMs >= 0 && (shortest < 0 || answer.ttlMs < shortest)) shortest = answer.ttlMs;
        } catch (error) {
          errors.set(target, error as Error);
        }
        const before = this.#addresses.get(target);
        if (!addresses.has(target) && before !== undefined) addresses.set(target, before);
      }),
    );
    if (this.#isOver) return -1;
    const [firstError] = errors.values();
    if (addresses.size === 0 && firstError !== undefined) throw firstError;
    this.#tellFailing(errors);
    const hosts = hostsOf(records, addresses);
    if (hosts.length === 0) {
      this.#stats.empty.inc();
      return shortest;
    }
    this.#addresses = addresses;
    this.#hosts = hosts;
    return shortest;
  }

  #tellFailing(errors: ReadonlyMap<string, Error>): void {
    const names = [...errors.keys()].sort().join(", ");
    if (names === this.#failing) return;
    this.#failing = names;
    if (names === "") return;
    const { log, cluster } = this.#environment;
    log.write("warn", "dns", `targets of ${this.#model.service} of cluster ${cluster} could not be resolved: ${names}`);
  }
}

function hostsOf(
  records: readonly ServiceRecord[],
  addresses: ReadonlyMap<string, readonly string[]>,
): readonly HostModel[] {
  const resolved = records.filter(({ name }) => addresses.has(name));
  const priorities = [...new Set(resolved.map(({ priority }) => priority))].sort((a, b) => a - b);
  return priorities.flatMap((priority, level) => {
    const here = resolved.filter((record) => record.priority === priority);
    // Whole numbers of which every target's addresses get equal parts.
    const scale = here.reduce((sum, { name }) => multiple(sum, addresses.get(name)!.length), 1);
    return here.flatMap(({ name, port, weight }) => {
      const ips = addresses.get(name)!;
      const share = Math.max(1, Math.round((Math.max(1, weight) * scale) / ips.length));
      return ips.map(
        (ip): HostModel => ({
          address: { kind: "ip", host: ip, port },
          hostname: name.replace(/\.$/, ""),
          weight: share,
          health: "healthy",
          ...(level > 0 && { priority: level }),
        }),
      );
    });
  });
}

/** The least common multiple, as long as weights stay small. */
function multiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  const found = (a / x) * b;
  return found > 1000 ? a : found;
}
