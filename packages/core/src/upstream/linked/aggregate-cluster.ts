/**
 * Hot path: docs/extending/hot-path-rules.md. An aggregate cluster: the priorities of its clusters one after another, loads spread over them as over the priorities of
 * one cluster; the cluster that a request falls to chooses the host within that priority, and carries it in its own pools, limits and statistics.
 * Envoy: extensions.clusters.aggregate. Left out: hosts of its own.
 */
import type {
  ConnectionInfo,
  GrpcClient,
  GrpcClientOptions,
  HostChoice,
  OpenFailure,
  RetryAllowance,
  Random,
  UpstreamConnection,
  UpstreamConnectionEvents,
  UpstreamRequest,
  UpstreamStream,
  UpstreamStreamEvents,
} from "@sluice/sdk";
import type { ClusterModel } from "../../config/model.ts";
import { Cluster, type ClusterServices } from "../cluster.ts";
import type { Connector } from "../connector.ts";
import type { Host } from "../host.ts";
import { ANY_LEVEL } from "../load-balancing/load-balancer.ts";
import { levelOf, type PriorityLoads, priorityLoads, untriedLoads } from "../load-balancing/priority-load.ts";
import type { OpenCalls } from "../request/open-calls.ts";
import { partLevels } from "./part-levels.ts";

const NO_LOADS: PriorityLoads = { healthy: [], degraded: [], panic: [], health: [], degradedHealth: [] };

export class AggregateCluster extends Cluster {
  readonly #random: Random;
  #parts: readonly Cluster[] = [];
  /** By number among all priorities: whose it is, and which of those. */
  #owners: readonly Cluster[] = [];
  #levels: readonly number[] = [];
  #loads = NO_LOADS;
  /** Sum of the versions that the loads were made of; -1: none were. */
  #version = -1;

  constructor(model: ClusterModel, connector: Connector, services: ClusterServices) {
    super(model, connector, services);
    this.#random = services.random;
  }

  /** Its clusters, as they are in this version of the configuration. */
  link(clusters: ReadonlyMap<string, Cluster>): void {
    const { discovery } = this.model;
    const names = discovery.kind === "aggregate" ? discovery.clusters : [];
    this.#parts = names.flatMap((name) => clusters.get(name) ?? []);
    this.#version = -1;
  }

  override get isSecure(): boolean {
    return this.#parts[0]?.isSecure ?? false;
  }

  override openStream(events: UpstreamStreamEvents, request?: UpstreamRequest): UpstreamStream | OpenFailure {
    const drawn = this.#draw(request);
    if (drawn === ANY_LEVEL) return this.#nobody();
    const { balancing } = this.#begin(drawn);
    try {
      return this.#owner(drawn).openStream(events, request);
    } finally {
      balancing.level = ANY_LEVEL;
    }
  }

  override connect(
    events: UpstreamConnectionEvents,
    client: ConnectionInfo | null = null,
    choice: HostChoice | null = null,
  ): UpstreamConnection | OpenFailure {
    const drawn = this.#draw();
    if (drawn === ANY_LEVEL) return this.#nobody();
    const { balancing } = this.#begin(drawn);
    try {
      return this.#owner(drawn).connect(events, client, choice);
    } finally {
      balancing.level = ANY_LEVEL;
    }
  }

  /** As Envoy: its own max_retries. A budget is a share of requests, which its clusters count: that of the one that a request would fall to. */
  override get retries(): RetryAllowance {
    if ((this.model.circuitBreakers?.default.retryBudget ?? null) === null) return super.retries;
    const drawn = this.#draw();
    return drawn === ANY_LEVEL ? super.retries : this.#owner(drawn).retries;
  }

  /** What the first cluster says that has a healthy host. */
  override refusal(isHighPriority: boolean): OpenFailure | null {
    for (const part of this.#parts) {
      const refusal = part.refusal(isHighPriority);
      if (refusal !== "no_healthy_upstream") return refusal;
    }
    return "no_healthy_upstream";
  }

  /** Each call goes to the cluster that it falls to. */
  override grpcClient(options: GrpcClientOptions, calls: OpenCalls): GrpcClient {
    const client = (): GrpcClient => {
      const drawn = this.#draw();
      return drawn === ANY_LEVEL ? super.grpcClient(options, calls) : this.#owner(drawn).grpcClient(options, calls);
    };
    return {
      unary: (method, request, more) => client().unary(method, request, more),
      serverStream: (method, request, more) => client().serverStream(method, request, more),
      clientStream: (method, more) => client().clientStream(method, more),
      bidiStream: (method, more) => client().bidiStream(method, more),
    };
  }

  #nobody(): OpenFailure {
    this.stats.cxNoneHealthy.inc();
    return "no_healthy_upstream";
  }

  /** A number among all priorities, `~number` for its degraded hosts; {@link ANY_LEVEL}: there is none. */
  #draw(request?: UpstreamRequest): number {
    const parts = this.#parts;
    let version = 0;
    for (let i = 0; i < parts.length; i++) version += parts[i]!.balancing.version;
    if (version !== this.#version) this.#spread(version);
    if (this.#owners.length === 0) return ANY_LEVEL;
    let loads = this.#loads;
    if (request !== undefined && request.priorities) loads = untriedLoads(loads, request.priorities, this.#numberOf);
    return levelOf(loads, this.#random.below(100));
  }

  readonly #numberOf = ({ cluster, priority }: Host): number =>
    this.#owners.findIndex(({ name }, number) => name === cluster && this.#levels[number] === priority);

  #owner(drawn: number): Cluster {
    return this.#owners[drawn < 0 ? ~drawn : drawn]!;
  }

  #begin(drawn: number): Cluster {
    const owner = this.#owner(drawn);
    owner.balancing.level = drawn < 0 ? ~this.#levels[~drawn]! : this.#levels[drawn]!;
    return owner;
  }

  #spread(version: number): void {
    this.#version = version;
    const { levels, owners, numbers } = partLevels(this.#parts);
    this.#owners = owners;
    this.#levels = numbers;
    this.#loads = levels.length === 0 ? NO_LOADS : priorityLoads(levels, this.model.lb);
  }
}
