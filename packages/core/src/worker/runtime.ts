/**
 * The data side of one thread: turns configurations into listeners and clusters, in two phases. Knows neither threads nor
 * messages; `thread.ts` and main's local worker drive it through {@link DataPlane}.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { CompiledConfig, ListenerModel } from "../config/model.ts";
import { sameMeaning } from "../config/same-meaning.ts";
import type { Registry } from "../registry/registry.ts";
import type { RuntimeEntries } from "../runtime/runtime-entry.ts";
import type { TapStream } from "../tap/fixture.ts";
import type { TapCommand } from "../tap/tap-point.ts";
import type { HostFlags, HostModel } from "../upstream/host.ts";
import { explainBindError } from "./bind-error.ts";
import { canMoveConnections, filterVersions } from "./chain-change.ts";
import {
  type ApplyProblem,
  type DataPlane,
  type ListenRequest,
  type ListenResult,
  type PrepareResult,
  formatAddress,
  listenerKey,
  toProblem,
} from "./data-plane.ts";
import type { ChainPart, ClusterHosts, ClusterManagerPart, ListenerPart, Prepared, RuntimeParts } from "./parts.ts";
import type { WorkerServices } from "./services.ts";

/** A listener as it serves, and what it was made from. */
interface Live {
  readonly part: ListenerPart;
  chain: ChainPart;
  model: ListenerModel;
  /** Of the filters that the chain is made of. */
  versions: string;
}

interface PendingListener {
  readonly model: ListenerModel;
  readonly versions: string;
  readonly part: ListenerPart;
  /** null: nothing changed. */
  readonly chain: ChainPart | null;
  readonly isNew: boolean;
  listening: boolean;
}

interface Pending {
  readonly clusters: Prepared;
  readonly listeners: ReadonlyMap<string, PendingListener>;
  readonly registry: Registry;
}

/** How often a draining thread looks whether its last connection is gone. */
const DRAIN_POLL_MS = 50;
const QUIET_POLLS = 4;
const CLOSING_TURNS = 100;

export class WorkerRuntime implements DataPlane {
  readonly #services: WorkerServices;
  readonly #registry: Registry;
  readonly #parts: RuntimeParts;
  readonly #clusters: ClusterManagerPart;
  readonly #live = new Map<string, Live>();
  /** Removed from the configuration, with connections left. */
  readonly #retired = new Set<ListenerPart>();
  #pending: Pending | null = null;
  /** Counts attempts, so that one that was given up meanwhile leaves nothing behind when it ends. */
  #attempt = 0;
  #draining = false;

  constructor(services: Omit<WorkerServices, "clusters">, registry: Registry, parts: RuntimeParts) {
    this.#clusters = parts.createClusterManager(services);
    this.#services = { ...services, clusters: this.#clusters };
    this.#registry = registry;
    this.#parts = parts;
  }

  async prepare(config: CompiledConfig, hosts: ClusterHosts): Promise<PrepareResult> {
    await this.discard();
    const attempt = this.#attempt;
    const problems: ApplyProblem[] = [];
    const registry = this.#registry.fork();
    for (const { source, message } of await registry.load(config.extensions)) {
      const place = config.extensions.find(({ specifier }) => specifier === source)?.place ?? null;
      problems.push({ message: `${source} ${message}`, place });
    }
    if (problems.length > 0) return { problems, unbound: [] };

    let clusters: Prepared | null = null;
    try {
      clusters = this.#clusters.prepare(config.clusters, hosts);
    } catch (error) {
      problems.push(toProblem(error));
    }
    const listeners = new Map<string, PendingListener>();
    const chains: Promise<unknown>[] = [];
    for (const model of config.listeners) {
      const key = listenerKey(model.name, model.address);
      chains.push(
        this.#prepareListener(model, registry).then(
          (listener) => listeners.set(key, listener),
          (error: unknown) => problems.push(toProblem(error, model.place)),
        ),
      );
      // Traffic goes on between two listeners while a large configuration is built.
      await new Promise(setImmediate);
    }
    await Promise.all(chains);
    if (attempt !== this.#attempt)
      problems.push({ message: "another configuration came before this one was ready", place: null });
    if (clusters === null || problems.length > 0) {
      clusters?.discard();
      for (const { chain } of listeners.values()) chain?.release();
      return { problems, unbound: [] };
    }
    this.#pending = { clusters, listeners, registry };
    const unbound = [...listeners].filter(([, { isNew }]) => isNew).map(([key]) => key);
    return { problems, unbound };
  }

  async listen(requests: readonly ListenRequest[]): Promise<ListenResult> {
    const problems: ApplyProblem[] = [];
    const bound: ListenResult["bound"][number][] = [];
    for (const { key, address, reusePort } of requests) {
      const listener = this.#pending?.listeners.get(key);
      if (listener === undefined || listener.chain === null) continue;
      listener.part.use(listener.chain);
      listener.listening = true;
      try {
        bound.push({ key, address: await listener.part.listen({ address, reusePort }) });
      } catch (error) {
        const why = explainBindError(error as NodeJS.ErrnoException);
        problems.push({
          message: `listener "${listener.model.name}": ${formatAddress(address)} ${why}`,
          place: listener.model.place,
        });
      }
    }
    return { problems, bound };
  }

  async commit(): Promise<void> {
    const pending = this.#pending;
    if (pending === null) return;
    this.#pending = null;
    pending.clusters.commit();
    this.#registry.adopt(pending.registry);
    const removed = [...this.#live].filter(([key]) => !pending.listeners.has(key));
    for (const [key, { model, versions, part, chain, listening }] of pending.listeners) {
      const live = this.#live.get(key);
      if (chain === null) continue;
      if (live !== undefined) {
        live.part.use(chain, canMoveConnections(live.model, model));
        live.chain.release();
        live.chain = chain;
        live.model = model;
        live.versions = versions;
      } else if (listening) {
        this.#live.set(key, { part, chain, model, versions });
      } else {
        chain.release();
      }
      if (this.#draining) part.drain();
    }
    for (const [key, live] of removed) {
      this.#live.delete(key);
      await this.#retire(live);
    }
  }

  async discard(): Promise<void> {
    this.#attempt++;
    const pending = this.#pending;
    if (pending === null) return;
    this.#pending = null;
    pending.clusters.discard();
    for (const { part, chain, listening } of pending.listeners.values()) {
      if (listening) {
        await part.stopAccepting();
        part.closeConnections();
      }
      chain?.release();
    }
  }

  async drain(): Promise<void> {
    this.#draining = true;
    for (const { part } of this.#live.values()) part.drain();
    await new Promise<void>((resolve) => {
      // A moment without connections is not the end of them: clients that come back for each request leave such gaps.
      let quiet = 0;
      const look = () => {
        quiet = this.#connections() === 0 ? quiet + 1 : 0;
        if (quiet === QUIET_POLLS) resolve();
        else this.#services.timers.setTimer(look, DRAIN_POLL_MS);
      };
      look();
    });
  }

  async stopAccepting(): Promise<void> {
    await Promise.all([...this.#live.values()].map(({ part }) => part.stopAccepting()));
  }

  async close(): Promise<void> {
    await this.discard();
    await this.stopAccepting();
    for (const { part, chain } of this.#live.values()) {
      part.closeConnections();
      chain.release();
    }
    for (const part of this.#retired) part.closeConnections();
    await this.#connectionsGone();
    this.#live.clear();
    this.#retired.clear();
    this.#clusters.destroy();
    this.#services.accessLogSinks.flush();
    await this.#services.accessLogSinks.flushed();
  }

  async updateHosts(cluster: string, hosts: readonly HostModel[]): Promise<void> {
    this.#clusters.updateHosts(cluster, hosts);
  }

  async updateFlags(cluster: string, changes: readonly HostFlags[]): Promise<void> {
    this.#clusters.updateFlags?.(cluster, changes);
  }

  async updateRuntime(entries: RuntimeEntries): Promise<void> {
    this.#services.runtime.update(entries);
  }

  async tap(command: TapCommand): Promise<readonly TapStream[]> {
    const { tap } = this.#services;
    if (tap === undefined || (tap.session === null && command.kind !== "start")) return [];
    const { runTap } = await import("../tap/tap-session.ts");
    return runTap(tap, command);
  }

  async #prepareListener(model: ListenerModel, registry: Registry): Promise<PendingListener> {
    const live = this.#live.get(listenerKey(model.name, model.address));
    const versions = filterVersions(model, registry);
    if (live !== undefined && live.versions === versions && sameMeaning(live.model, model)) {
      return { model, versions, part: live.part, chain: null, isNew: false, listening: false };
    }
    const chain = await this.#parts.prepareChain(model, registry, this.#services);
    const part = live?.part ?? this.#parts.createListener(model, this.#services);
    return { model, versions, part, chain, isNew: live === undefined, listening: false };
  }

  async #retire({ part, chain }: Live): Promise<void> {
    this.#retired.add(part);
    part.drain();
    await part.stopAccepting();
    chain.release();
    const look = () => {
      if (part.connections === 0) this.#retired.delete(part);
      else if (this.#retired.has(part)) this.#services.timers.setTimer(look, DRAIN_POLL_MS);
    };
    look();
  }

  /** What was open when its connection was cut is logged in the turns that follow. */
  async #connectionsGone(): Promise<void> {
    for (let turn = 0; turn < CLOSING_TURNS && this.#connections() > 0; turn++) await nextTurn();
  }

  #connections(): number {
    let connections = 0;
    for (const { part } of this.#live.values()) connections += part.connections;
    for (const part of this.#retired) connections += part.connections;
    return connections;
  }
}
