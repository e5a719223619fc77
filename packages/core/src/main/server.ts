/**
 * The main thread: owns the configuration, the workers and what they share, and carries no traffic. With `concurrency: 0` the one
 * data plane runs in this thread.
 */
import { randomBytes } from "node:crypto";
import type { ResourceLimits } from "node:worker_threads";
import type { AddressModel, ClusterModel, CompiledConfig, RuntimeModel, WatchdogModel } from "../config/model.ts";
import type { Registry } from "../registry/registry.ts";
import type { RuntimeEntries } from "../runtime/runtime-entry.ts";
import { RuntimeLayers } from "../runtime/runtime-layers.ts";
import { StatsAggregator } from "../stats/aggregate.ts";
import { SharedTable } from "../stats/shared-table.ts";
import { StatsStore } from "../stats/stats-store.ts";
import type { TapStream } from "../tap/fixture.ts";
import type { TapCommand } from "../tap/tap-point.ts";
import { RealClock } from "../timing/real-clock.ts";
import { Discovery } from "../upstream/discovery/discovery.ts";
import { ExtensionDiscovery } from "../upstream/discovery/extension-discovery.ts";
import { distinctHosts, type HostModel } from "../upstream/host.ts";
import type { HostReports } from "../upstream/outlier/host-watch.ts";
import { type ApplyProblem, type DataPlane, listenerKey, toProblem } from "../worker/data-plane.ts";
import type { LogSink, LogThreshold } from "../worker/log.ts";
import type { ClusterHosts, DiscoveryPart, RuntimeParts } from "../worker/parts.ts";
import type { HostHealth, HostHealthView } from "./health/host-health.ts";
import { LocalWorker } from "./local-worker.ts";
import { canReusePort } from "./probe.ts";
import { Rollout, type RolloutTarget } from "./rollout.ts";
import { SERVER_STATES, type ServerState } from "./state.ts";
import { Watchdog } from "./watchdog.ts";
import { WorkerPool } from "./worker-pool.ts";

export interface ServerOptions {
  /** Worker threads; 0: the data plane runs in this thread. */
  readonly concurrency: number;
  readonly log: LogSink;
  readonly threshold: LogThreshold;
  /** Extensions of this thread; those of worker threads come from `builtins` and the configuration's modules. */
  readonly registry: Registry;
  /** URLs of the modules that hold the built-in filters, for worker threads. */
  readonly builtins: readonly string[];
  readonly drainTimeMs: number;
  /** For tests: what the runtimes are made of, as a module for threads and as an object for this thread. */
  readonly parts?: { readonly url: string | null; readonly local: RuntimeParts | null };
  /** For tests: follows clusters whose hosts are found by name. @default DNS */
  readonly createDiscovery?: (onHosts: (cluster: string, hosts: readonly HostModel[]) => void) => DiscoveryPart;
  readonly resourceLimits?: ResourceLimits;
  /** @default 60 000 */
  readonly prepareTimeoutMs?: number;
  /** For tests: whether this system knows reusePort. Found out unless told. */
  readonly reusePort?: boolean;
}

export interface BoundListener {
  readonly name: string;
  readonly address: AddressModel;
}

const DEFAULT_WATCHDOG: WatchdogModel = { missMs: 200, megamissMs: 1000, killMs: 10_000 };
/** Workers get so long to close what they have before they are terminated. */
const CLOSE_MS = 2000;

export class Server {
  readonly aggregator: StatsAggregator;
  readonly stats: StatsStore;
  readonly shared: SharedTable;
  readonly runtime: RuntimeLayers = new RuntimeLayers();
  readonly startedAtMs: number = Date.now();
  readonly concurrency: number;
  readonly #options: ServerOptions;
  readonly #clock = new RealClock();
  readonly #watchdog: Watchdog;
  readonly #pool: WorkerPool | null;
  readonly #local: LocalWorker | null;
  readonly #discovery: DiscoveryPart;
  /** null: no cluster was ever configured to be checked. */
  #health: HostHealth | null = null;
  #rollout: Rollout | null = null;
  #config: CompiledConfig | null = null;
  #runtimeEntries: RuntimeEntries = {};
  #state: ServerState = "PRE_INITIALIZING";
  #healthFailed = false;
  #watchTimer: NodeJS.Timeout | null = null;
  /** Changes of the configuration and replacements, one at a time. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: ServerOptions) {
    this.#options = options;
    this.concurrency = options.concurrency;
    this.shared = new SharedTable(SharedTable.allocate(), 0);
    this.aggregator = new StatsAggregator(this.shared.memory);
    const metrics = this.aggregator.thread((ids) => this.stats.reclaim(ids));
    this.stats = new StatsStore(metrics);
    this.#watchdog = new Watchdog(DEFAULT_WATCHDOG, options.log);
    const onHosts = (cluster: string, hosts: readonly HostModel[]) =>
      this.#tellHosts(cluster, this.#health?.updateHosts(cluster, hosts) ?? hosts);
    const hostReports: HostReports = {
      report: (cluster, address, event) => this.#health?.report(cluster, address, event),
    };
    this.#discovery =
      options.createDiscovery?.(onHosts) ??
      new ExtensionDiscovery(new Discovery({ log: options.log, stats: this.stats, onHosts }), {
        log: options.log,
        stats: this.stats,
        registry: options.registry,
        onHosts,
      });
    const ticketKeys = randomBytes(48);
    const { log, threshold, builtins, registry, concurrency } = options;
    if (concurrency === 0) {
      this.#pool = null;
      this.#local = new LocalWorker({
        registry,
        log,
        ticketKeys,
        shared: this.shared.memory,
        aggregator: this.aggregator,
        hostReports,
        parts: options.parts?.local ?? null,
      });
    } else {
      this.#local = null;
      this.#pool = new WorkerPool({
        count: concurrency,
        start: {
          shared: this.shared.memory,
          logLevel: threshold.memory,
          ticketKeys,
          builtins,
          parts: options.parts?.url ?? null,
        },
        aggregator: this.aggregator,
        stats: this.stats,
        shared: this.shared,
        watchdog: this.#watchdog,
        log,
        resourceLimits: options.resourceLimits,
        hostReports,
        onReplacement: (index, plane) => this.#bring(index, plane),
      });
    }
  }

  get state(): ServerState {
    return this.#healthFailed && this.#state === "LIVE" ? "DRAINING" : this.#state;
  }

  get config(): CompiledConfig | null {
    return this.#config;
  }

  /** Where the listeners of the live configuration are bound. */
  get listeners(): BoundListener[] {
    return (this.#config?.listeners ?? []).map(({ name, address }) => {
      return { name, address: this.#rollout?.bound.get(listenerKey(name, address)) ?? address };
    });
  }

  /** Starts the threads; they load while the configuration is read. */
  spawn(): void {
    this.#pool?.spawn();
  }

  /** The first configuration. What is wrong comes back; the server has then to be stopped. @throws Error when a thread cannot start. */
  async start(config: CompiledConfig): Promise<ApplyProblem[]> {
    this.#state = "INITIALIZING";
    const { log, concurrency, prepareTimeoutMs = 60_000 } = this.#options;
    const reusePort = this.#options.reusePort ?? (concurrency > 1 && (await canReusePort()));
    if (!reusePort && concurrency > 1)
      log.write(
        "warn",
        "main",
        "this system cannot share a port between threads (reusePort): one worker accepts all connections",
      );
    this.#rollout = new Rollout({ reusePort, workers: concurrency, timeoutMs: prepareTimeoutMs });
    await Promise.all([this.#pool?.ready(), this.#local?.load()]);
    this.#watch(config.watchdog);
    const problems = await this.apply(config);
    if (problems.length > 0) return problems;
    this.#pool?.keepAlive();
    this.#state = "LIVE";
    return [];
  }

  /** Another configuration. Empty: it serves. Otherwise the last good one does, and this is why. */
  apply(config: CompiledConfig): Promise<ApplyProblem[]> {
    return this.#serialize(async () => {
      const rollout = this.#rollout!;
      const problems = await rollout.probe(config);
      if (problems.length > 0) return problems;
      try {
        const found = await this.#discovery.resolve(config.clusters);
        if (this.#config === null) await this.#useRuntime(config.runtime);
        const hosts = await this.#judge(config, found);
        problems.push(...(await rollout.apply(config, hosts, this.#targets())));
      } catch (error) {
        problems.push(toProblem(error));
      }
      if (problems.length > 0) {
        this.#health?.discard();
        this.#discovery.discard?.();
        return problems;
      }
      this.#health?.commit();
      if (this.#config !== null) await this.#useRuntime(config.runtime);
      this.#config = config;
      this.#discovery.follow(config.clusters);
      this.#watch(config.watchdog);
      this.aggregator.prune();
      return [];
    });
  }

  /** Lame duck: goes on accepting; resolves when no connection is left, or the drain time is over. */
  async drain(): Promise<void> {
    this.#state = "DRAINING";
    // It never came up: there is nothing to wait for.
    if (this.#config === null) return;
    this.#pool?.stopReplacing();
    const drained = Promise.allSettled(this.#targets().map(({ plane }) => plane.drain()));
    await within(drained, this.#options.drainTimeMs);
  }

  /** Envoy's /drain_listeners: connections are told to end, and listening ends, at once or after the drain time. */
  drainListeners(graceful: boolean, keepListening: boolean): void {
    const planes = this.#targets().map(({ plane }) => plane);
    void Promise.allSettled(planes.map((plane) => plane.drain()));
    if (keepListening) return;
    const stop = () => void Promise.allSettled(planes.map((plane) => plane.stopAccepting()));
    if (graceful) setTimeout(stop, this.#options.drainTimeMs).unref();
    else stop();
  }

  /** The end, at once. Harmless when called twice. */
  async stop(): Promise<void> {
    this.#state = "DRAINING";
    if (this.#watchTimer !== null) clearInterval(this.#watchTimer);
    this.#pool?.stopReplacing();
    const closed = Promise.allSettled((this.#pool?.planes ?? []).map(({ plane }) => plane.close()));
    await within(closed, CLOSE_MS);
    await this.#pool?.terminate();
    await this.#local?.close();
    this.#health?.close();
    this.#discovery.close();
  }

  failHealthCheck(failed: boolean): void {
    this.#healthFailed = failed;
  }

  /** Tells all threads; resolves with the streams on record that are finished. A thread that is dying has none. */
  async tap(command: TapCommand): Promise<TapStream[]> {
    const told = await Promise.allSettled(this.#targets().map(({ plane }) => plane.tap(command)));
    return told.flatMap((outcome) => (outcome.status === "fulfilled" ? outcome.value : []));
  }

  /** Values of the admin layer; resolves when all workers have them. */
  async modifyRuntime(changes: ReadonlyMap<string, string>): Promise<void> {
    this.runtime.modify(changes);
    await this.#tellRuntime();
  }

  /** The hosts of a cluster of the live configuration: those that it lists, or those that discovery found. */
  hostsOf(cluster: ClusterModel): readonly HostModel[] {
    const judged = this.#health?.hostsOf(cluster.name);
    if (judged !== undefined) return judged;
    const listed = cluster.discovery.kind === "static" ? cluster.endpoints : [];
    return distinctHosts(this.#discovery.hosts.get(cluster.name) ?? listed);
  }

  /** What checks and outlier detection know of a host; undefined where its cluster has neither. */
  hostHealth(cluster: string, address: string): HostHealthView | undefined {
    return this.#health?.view(cluster, address);
  }

  /** Brings the gauges that are read, not counted, up to date. */
  refreshStats(): void {
    const { heapUsed, heapTotal } = process.memoryUsage();
    const { stats } = this;
    stats.gauge("server.live").set(this.state === "LIVE" ? 1 : 0);
    stats.gauge("server.state").set(SERVER_STATES[this.state]);
    stats.gauge("server.uptime").set(Math.floor((Date.now() - this.startedAtMs) / 1000));
    stats.gauge("server.concurrency").set(this.concurrency);
    stats.gauge("server.memory_allocated").set(heapUsed);
    stats.gauge("server.memory_heap_size").set(heapTotal);
    stats.gauge("listener_manager.total_listeners_active").set(this.#config?.listeners.length ?? 0);
    stats.gauge("listener_manager.workers_started").set(this.#config === null ? 0 : 1);
    stats.gauge("runtime.num_keys").set(Object.keys(this.runtime.final).length);
    stats.gauge("runtime.num_layers").set(this.runtime.layerCount);
    stats.gauge("runtime.admin_overrides_active").set(this.runtime.adminCount === 0 ? 0 : 1);
    stats.gauge("cluster_manager.active_clusters").set(this.#config?.clusters.length ?? 0);
    stats.flush();
  }

  #watch(limits: WatchdogModel): void {
    if (this.#pool === null) return;
    this.#watchdog.limits = limits;
    if (this.#watchTimer !== null) clearInterval(this.#watchTimer);
    this.#watchTimer = setInterval(() => this.#watchdog.look(this.#clock.now()), this.#watchdog.intervalMs).unref();
  }

  #targets(): RolloutTarget[] {
    if (this.#local !== null) return [{ plane: this.#local, isFirst: true }];
    return (this.#pool?.planes ?? []).map(({ index, plane }) => ({ plane, isFirst: index === 0 }));
  }

  #tellHosts(cluster: string, hosts: readonly HostModel[]): void {
    // A thread that cannot take them is dying; its replacement gets all of them.
    for (const { plane } of this.#targets()) plane.updateHosts(cluster, hosts).catch(() => {});
  }

  /** Hosts with what is known of them besides. What that takes is loaded when it is first asked for. */
  async #judge(config: CompiledConfig, found: ClusterHosts): Promise<ClusterHosts> {
    if (this.#health === null) {
      if (config.clusters.every(({ health }) => health === undefined)) return found;
      const { HostHealth } = await import("./health/host-health.ts");
      const { stats, aggregator } = this;
      this.#health = new HostHealth({
        log: this.#options.log,
        stats,
        aggregator,
        clock: this.#clock,
        runtime: () => this.#runtimeEntries,
        onHosts: (cluster, hosts) => this.#tellHosts(cluster, hosts),
        onFlags: (cluster, changes) => {
          for (const { plane } of this.#targets()) plane.updateFlags(cluster, changes).catch(() => {});
        },
      });
    }
    return this.#health.prepare(config.clusters, found);
  }

  async #useRuntime(model: RuntimeModel): Promise<void> {
    this.runtime.configure(model);
    await this.#tellRuntime();
  }

  async #tellRuntime(): Promise<void> {
    const { final } = this.runtime;
    this.#runtimeEntries = final;
    this.#health?.updateRuntime();
    // A thread that cannot take them is dying; its replacement gets all of them.
    await Promise.allSettled(this.#targets().map(({ plane }) => plane.updateRuntime(final)));
  }

  /** A replacement gets what the others have. */
  #bring(index: number, plane: DataPlane): Promise<string | null> {
    return this.#serialize(async () => {
      if (this.#config === null || this.#rollout === null) return "there is no configuration";
      await plane.updateRuntime(this.runtime.final);
      const hosts = this.#health?.allHosts(this.#discovery.hosts) ?? this.#discovery.hosts;
      const problems = await this.#rollout.apply(this.#config, hosts, [{ plane, isFirst: index === 0 }]);
      return problems[0]?.message ?? null;
    });
  }

  #serialize<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(task, task);
    this.#queue = done.catch(() => {});
    return done;
  }
}

/** The promise's value, or undefined when it takes longer. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
