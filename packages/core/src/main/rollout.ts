/**
 * Brings a configuration to all workers in two phases: all prepare and bind, then all commit; one that refuses makes all
 * discard it, and the last good one goes on. Port 0 is bound by the first worker, and the others follow.
 */
import type { AddressModel, CompiledConfig, ListenerModel } from "../config/model.ts";
import { packListener } from "../config/packed-routes.ts";
import { type ApplyProblem, type DataPlane, type ListenRequest, listenerKey, toProblem } from "../worker/data-plane.ts";
import type { ClusterHosts } from "../worker/parts.ts";
import { probeAddress } from "./probe.ts";
import { WorkerDeath } from "./worker-death.ts";

/** A worker, and whether it is the one that alone accepts where an address cannot be shared. */
export interface RolloutTarget {
  readonly plane: DataPlane;
  readonly isFirst: boolean;
}

export interface RolloutOptions {
  /** Whether several workers can listen on one port here. */
  readonly reusePort: boolean;
  readonly workers: number;
  /** A worker that has not prepared by then has failed. */
  readonly timeoutMs: number;
}

/** Addresses that listeners were bound to, by {@link listenerKey}. */
export type BoundAddresses = Map<string, AddressModel>;

export class Rollout {
  readonly #options: RolloutOptions;
  readonly bound: BoundAddresses = new Map();

  constructor(options: RolloutOptions) {
    this.#options = options;
  }

  /**
   * Checks the addresses that nobody of ours has bound yet. Not those that one worker binds alone: its own bind fails where a stranger listens, and
   * a probe, which listens for a moment, might take a client's first connection.
   */
  async probe(config: CompiledConfig): Promise<ApplyProblem[]> {
    const problems: ApplyProblem[] = [];
    for (const listener of config.listeners) {
      if (this.bound.has(listenerKey(listener.name, listener.address))) continue;
      if (this.#isOurs(listener.address)) continue;
      if (listener.address.kind === "ip" && !this.#isShared(listener)) continue;
      const message = await probeAddress(listener.address);
      if (message !== null)
        problems.push({ message: `listener "${listener.name}": ${message}`, place: listener.place });
    }
    return problems;
  }

  /** Prepares and commits on all targets, or on none. What is wrong comes back. */
  async apply(config: CompiledConfig, hosts: ClusterHosts, targets: readonly RolloutTarget[]): Promise<ApplyProblem[]> {
    const before = new Set(this.bound.keys());
    const problems = await this.#prepareAll(config, hosts, targets);
    if (problems.length > 0) {
      for (const key of this.bound.keys()) if (!before.has(key)) this.bound.delete(key);
      await Promise.allSettled(targets.map(({ plane }) => plane.discard()));
      return problems;
    }
    // Only a worker that died in between fails here; its replacement starts with this configuration.
    await Promise.allSettled(targets.map(({ plane }) => plane.commit()));
    this.#forgetRemoved(config);
    return [];
  }

  async #prepareAll(
    config: CompiledConfig,
    hosts: ClusterHosts,
    targets: readonly RolloutTarget[],
  ): Promise<ApplyProblem[]> {
    const prepared = await Promise.all(targets.map((target) => this.#prepare(config, hosts, target)));
    const problems = unique(prepared.flatMap((result) => result.problems));
    if (problems.length > 0) return problems;
    // One after the other: what the first is given for port 0, the others ask for.
    for (const [i, { plane }] of targets.entries()) {
      const requests = this.#requests(config, prepared[i]!.unbound);
      if (requests.length === 0) continue;
      const result = await plane
        .listen(requests)
        .catch((error: unknown) => ({ problems: [toProblem(error)], bound: [] }));
      if (result.problems.length > 0) return [...result.problems];
      for (const { key, address } of result.bound) this.bound.set(key, address);
    }
    return [];
  }

  async #prepare(config: CompiledConfig, hosts: ClusterHosts, { plane, isFirst }: RolloutTarget) {
    const listeners = isFirst ? config.listeners : config.listeners.filter((listener) => this.#isShared(listener));
    const { promise: late, reject } = Promise.withResolvers<never>();
    const { timeoutMs } = this.#options;
    const timer = setTimeout(
      () => reject(new Error(`a worker has not prepared the configuration within ${timeoutMs} ms`)),
      timeoutMs,
    );
    try {
      // The long form is for admin alone.
      const sent = { ...config, listeners: listeners.map(packListener), bootstrap: null };
      return await Promise.race([plane.prepare(sent, hosts), late]);
    } catch (error) {
      const { message, place } = toProblem(error);
      const said =
        error instanceof WorkerDeath ? `a worker died while it prepared the configuration: ${message}` : message;
      return { problems: [{ message: said, place }], unbound: [] };
    } finally {
      clearTimeout(timer);
    }
  }

  #requests(config: CompiledConfig, unbound: readonly string[]): ListenRequest[] {
    return config.listeners
      .map((listener) => ({ listener, key: listenerKey(listener.name, listener.address) }))
      .filter(({ key }) => unbound.includes(key))
      .map(({ listener, key }) => ({
        key,
        address: this.bound.get(key) ?? listener.address,
        reusePort: this.#isShared(listener),
      }));
  }

  /** A Unix socket, a listener that says so, and every listener of a system without reusePort have one accepting worker. */
  #isShared(listener: ListenerModel): boolean {
    return this.#options.reusePort && this.#options.workers > 1 && listener.reusePort && listener.address.kind === "ip";
  }

  /** Another listener of the live configuration has it: it is let go only when this configuration is committed. */
  #isOurs(address: AddressModel): boolean {
    return [...this.bound.values()].some((bound) => sameAddress(bound, address));
  }

  #forgetRemoved(config: CompiledConfig): void {
    const keys = new Set(config.listeners.map(({ name, address }) => listenerKey(name, address)));
    for (const key of this.bound.keys()) if (!keys.has(key)) this.bound.delete(key);
  }
}

function sameAddress(a: AddressModel, b: AddressModel): boolean {
  if (a.kind === "pipe") return b.kind === "pipe" && a.path === b.path;
  return b.kind === "ip" && a.port !== 0 && a.port === b.port && a.host === b.host;
}

/** All workers find the same problems. */
function unique(problems: readonly ApplyProblem[]): ApplyProblem[] {
  const byText = new Map(problems.map((problem) => [`${problem.place?.position} ${problem.message}`, problem]));
  return [...byText.values()];
}
