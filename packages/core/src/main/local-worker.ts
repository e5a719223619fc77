/** The data plane in main's own thread, for `concurrency: 0`: embedding and tests. A filter that loops stops everything here. */
import type { CompiledConfig } from "../config/model.ts";
import type { Registry } from "../registry/registry.ts";
import type { StatsAggregator } from "../stats/aggregate.ts";
import { StatsStore } from "../stats/stats-store.ts";
import { RealClock } from "../timing/real-clock.ts";
import type { RuntimeEntries } from "../runtime/runtime-entry.ts";
import type { TapStream } from "../tap/fixture.ts";
import type { TapCommand } from "../tap/tap-point.ts";
import type { HostFlags, HostModel } from "../upstream/host.ts";
import type { HostReports } from "../upstream/outlier/host-watch.ts";
import type { DataPlane, ListenRequest, ListenResult, PrepareResult } from "../worker/data-plane.ts";
import { BeatingHeart, allocateHeartbeat } from "../worker/heartbeat.ts";
import type { LogSink } from "../worker/log.ts";
import type { ClusterHosts, RuntimeParts } from "../worker/parts.ts";
import { WorkerRuntime } from "../worker/runtime.ts";
import { createServices } from "../worker/services-of-thread.ts";

export interface LocalWorkerOptions {
  readonly registry: Registry;
  readonly log: LogSink;
  readonly shared: SharedArrayBuffer;
  readonly ticketKeys: Uint8Array;
  readonly aggregator: StatsAggregator;
  readonly hostReports?: HostReports | undefined;
  /** null: the real ones. */
  readonly parts: RuntimeParts | null;
}

export class LocalWorker implements DataPlane {
  readonly #options: LocalWorkerOptions;
  #runtime: WorkerRuntime | null = null;

  constructor(options: LocalWorkerOptions) {
    this.#options = options;
  }

  /** Loads what a worker thread would load. MUST come before every other call but `close`. */
  async load(): Promise<void> {
    const { registry, log, shared, ticketKeys, aggregator, hostReports } = this.#options;
    const parts = this.#options.parts ?? (await import("../worker/compose.ts")).parts;
    const metrics = aggregator.thread((ids) => stats.reclaim(ids));
    const stats: StatsStore = new StatsStore(metrics);
    const clock = new RealClock();
    const heartbeat = new BeatingHeart(allocateHeartbeat(), clock, () => {});
    const services = createServices({ workerIndex: 0, stats, shared, log, heartbeat, clock, ticketKeys, hostReports });
    this.#runtime = new WorkerRuntime(services, registry, parts);
  }

  prepare(config: CompiledConfig, hosts: ClusterHosts): Promise<PrepareResult> {
    return this.#live().prepare(config, hosts);
  }

  listen(requests: readonly ListenRequest[]): Promise<ListenResult> {
    return this.#live().listen(requests);
  }

  commit(): Promise<void> {
    return this.#live().commit();
  }

  discard(): Promise<void> {
    return this.#live().discard();
  }

  drain(): Promise<void> {
    return this.#live().drain();
  }

  stopAccepting(): Promise<void> {
    return this.#live().stopAccepting();
  }

  async close(): Promise<void> {
    await this.#runtime?.close();
  }

  updateHosts(cluster: string, hosts: readonly HostModel[]): Promise<void> {
    return this.#live().updateHosts(cluster, hosts);
  }

  updateFlags(cluster: string, changes: readonly HostFlags[]): Promise<void> {
    return this.#live().updateFlags(cluster, changes);
  }

  tap(command: TapCommand): Promise<readonly TapStream[]> {
    return this.#live().tap(command);
  }

  updateRuntime(entries: RuntimeEntries): Promise<void> {
    return this.#live().updateRuntime(entries);
  }

  #live(): WorkerRuntime {
    if (this.#runtime === null) throw new Error("the data plane is not loaded");
    return this.#runtime;
  }
}
