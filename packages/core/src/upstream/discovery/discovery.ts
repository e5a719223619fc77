/** Discovery in main: a source of hosts for every cluster that does not list its own, through all versions of the configuration; workers are told of changes. */
import type { ClusterModel } from "../../config/model.ts";
import type { StatsStore } from "../../stats/stats-store.ts";
import type { LogSink } from "../../worker/log.ts";
import type { ClusterHosts, DiscoveryPart } from "../../worker/parts.ts";
import type { HostModel } from "../host.ts";
import { AssignmentFiles } from "./assignment-files.ts";
import { type ResolveName, Resolvers } from "./dns-resolver.ts";
import type { HostSource } from "./host-source.ts";
import { type SharedParts, makeSource } from "./make-source.ts";
import type { ResolveService } from "./srv-hosts.ts";

export interface DiscoveryOptions {
  readonly log: LogSink;
  readonly stats: StatsStore;
  readonly onHosts: (cluster: string, hosts: readonly HostModel[]) => void;
  /** For tests. */
  readonly resolve?: ResolveName;
  readonly resolveService?: ResolveService;
  readonly random?: () => number;
}

interface Followed {
  readonly name: string;
  readonly source: HostSource;
  /** The hosts that the cluster has been told of. */
  told: string;
}

export class Discovery implements DiscoveryPart {
  readonly #options: DiscoveryOptions;
  readonly #shared: SharedParts;
  /** Live clusters, and those that were asked for a configuration that is not live yet. */
  readonly #followed = new Map<string, Followed>();
  readonly #pending = new Map<string, Followed>();

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    const resolvers = new Resolvers(options.resolve, options.resolveService);
    this.#shared = { resolvers, files: new AssignmentFiles() };
  }

  get hosts(): ClusterHosts {
    return new Map([...this.#followed].map(([name, { source }]) => [name, source.hosts]));
  }

  async resolve(models: readonly ClusterModel[]): Promise<ClusterHosts> {
    this.discard();
    const result = new Map<string, readonly HostModel[]>();
    await Promise.all(
      models.map(async (model) => {
        const asking = this.#make(model);
        if (asking === null) return;
        this.#pending.set(model.name, asking);
        const known = this.#followed.get(model.name);
        const isKnown = known !== undefined && asking.source.learn(known.source);
        if (!isKnown) {
          const first = asking.source.first();
          if ("waits" in model.discovery) void first;
          else await first;
        }
        const { hosts } = asking.source;
        asking.told = keyOf(hosts);
        result.set(model.name, hosts);
      }),
    );
    return result;
  }

  follow(models: readonly ClusterModel[]): void {
    const before = new Map(this.#followed);
    this.#followed.clear();
    for (const { name } of models) {
      const followed = this.#pending.get(name);
      if (followed === undefined) continue;
      this.#pending.delete(name);
      this.#followed.set(name, followed);
      const known = before.get(name);
      // Bringing a configuration out takes time, and names went on being answered.
      if (known !== undefined) followed.source.learn(known.source);
      this.#tell(followed);
      followed.source.follow();
    }
    for (const { source } of before.values()) source.close();
    this.discard();
    const files = models.flatMap(({ discovery }) => (discovery.kind === "file" ? [discovery.path] : []));
    this.#shared.files.keep(new Set(files));
  }

  close(): void {
    for (const { source } of this.#followed.values()) source.close();
    this.#followed.clear();
    this.discard();
    this.#shared.resolvers.cancel();
  }

  discard(): void {
    for (const { source } of this.#pending.values()) source.close();
    this.#pending.clear();
  }

  #make(model: ClusterModel): Followed | null {
    const { log, stats, random = Math.random } = this.#options;
    if (!isFoundHere(model)) return null;
    const source = makeSource(model, this.#shared, {
      cluster: model.name,
      log,
      scope: stats.scope(`cluster.${model.statName}.`),
      random,
      onChange: () => this.#tell(followed),
    });
    const followed: Followed = { name: model.name, source, told: "" };
    return followed;
  }

  #tell(followed: Followed): void {
    if (this.#followed.get(followed.name) !== followed) return;
    const { hosts } = followed.source;
    const found = keyOf(hosts);
    if (found === followed.told) return;
    followed.told = found;
    this.#options.onHosts(followed.name, hosts);
  }
}

/** The same for the same hosts in another order: servers rotate their answers. */
function keyOf(hosts: readonly HostModel[]): string {
  return hosts
    .map((host) => JSON.stringify(host))
    .sort()
    .join(" ");
}

/** Whether its hosts are neither listed nor made elsewhere: by an extension, of other clusters, by requests. */
function isFoundHere({ discovery: { kind } }: ClusterModel): boolean {
  return kind === "strict_dns" || kind === "logical_dns" || kind === "srv" || kind === "file";
}
