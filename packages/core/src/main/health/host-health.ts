/**
 * What main knows of hosts beyond discovery: active health checks and outlier detection of all clusters that have them. It stands between discovery and the workers: hosts go through
 * it, and get what was found of them. As configurations, clusters come in two phases; one whose model stays keeps all that is known of it.
 */
import type { ClusterModel } from "../../config/model.ts";
import { sameMeaning } from "../../config/same-meaning.ts";
import type { RuntimeEntries } from "../../runtime/runtime-entry.ts";
import type { StatsAggregator } from "../../stats/aggregate.ts";
import type { StatsStore } from "../../stats/stats-store.ts";
import type { RealClock } from "../../timing/real-clock.ts";
import { NodeWaker, TimerWheel } from "../../timing/timer-wheel.ts";
import { CheckStats } from "../../upstream/health-check/check-stats.ts";
import { HealthChecker } from "../../upstream/health-check/health-checker.ts";
import { makeProbe } from "../../upstream/health-check/make-probe.ts";
import { ProbeTargets } from "../../upstream/health-check/probe-target.ts";
import type { HostModel } from "../../upstream/host.ts";
import type { HostEvent, HostReports } from "../../upstream/outlier/host-watch.ts";
import { OutlierDetector, type OutlierView } from "../../upstream/outlier/outlier-detector.ts";
import { OutlierStats } from "../../upstream/outlier/outlier-stats.ts";
import { ApplyError } from "../../worker/data-plane.ts";
import type { LogSink } from "../../worker/log.ts";
import type { ClusterHosts } from "../../worker/parts.ts";
import { systemRandom } from "../../worker/random.ts";
import { EventLogs } from "./event-logs.ts";
import { JudgedCluster, type JudgedEvents } from "./judged-cluster.ts";

export interface HostHealthOptions extends JudgedEvents {
  readonly log: LogSink;
  readonly stats: StatsStore;
  readonly aggregator: StatsAggregator;
  readonly clock: RealClock;
  readonly runtime: () => RuntimeEntries;
}

/** What `/clusters` shows of a host. */
export interface HostHealthView {
  /** HEALTH_FLAG */
  readonly flags: number;
  /** null: nothing is counted. */
  readonly outlier: OutlierView | null;
}

/** New clusters serve when the first checks of their hosts are known, or so much later. */
const FIRST_ROUND_MS = 15_000;

export class HostHealth implements HostReports {
  readonly #options: HostHealthOptions;
  readonly #timers: TimerWheel;
  readonly #logs: EventLogs;
  #live = new Map<string, JudgedCluster>();
  /** Of a configuration that is not live yet: those that stay are the live ones. */
  #pending: Map<string, JudgedCluster> | null = null;

  constructor(options: HostHealthOptions) {
    this.#options = options;
    this.#timers = new TimerWheel(options.clock, new NodeWaker(), (error) =>
      options.log.write("error", "health", "a timer threw", { error: String(error) }),
    );
    this.#logs = new EventLogs(options.stats.counter("filesystem.write_failed"));
  }

  /**
   * Begins to judge the hosts of clusters that are new or changed, and waits for their first checks; resolves with the hosts as workers get them.
   * @throws ApplyError where a cluster cannot be checked, or events cannot be written.
   */
  async prepare(models: readonly ClusterModel[], found: ClusterHosts): Promise<ClusterHosts> {
    this.discard();
    const next = new Map<string, JudgedCluster>();
    const made: JudgedCluster[] = [];
    this.#pending = next;
    for (const model of models) {
      if (model.health === undefined) continue;
      const known = this.#live.get(model.name);
      if (known !== undefined && sameMeaning(known.model, model)) {
        next.set(model.name, known);
        continue;
      }
      const cluster = this.#make(model);
      next.set(model.name, cluster);
      made.push(cluster);
      cluster.setHosts(found.get(model.name) ?? model.endpoints);
    }
    await this.#firstRounds(made);
    return this.#join(found, next);
  }

  /** What was prepared serves. */
  commit(): void {
    const next = this.#pending;
    if (next === null) return;
    this.#pending = null;
    const before = this.#live;
    this.#live = next;
    for (const [name, cluster] of before) if (next.get(name) !== cluster) cluster.close();
    for (const [name, cluster] of next) if (before.get(name) !== cluster) cluster.goLive();
  }

  discard(): void {
    const pending = this.#pending;
    this.#pending = null;
    for (const [name, cluster] of pending ?? []) if (this.#live.get(name) !== cluster) cluster.close();
  }

  /** What discovery found since; comes back as workers get it. */
  updateHosts(name: string, hosts: readonly HostModel[]): readonly HostModel[] {
    const cluster = this.#live.get(name);
    if (cluster === undefined) return hosts;
    cluster.setHosts(hosts);
    return cluster.hosts;
  }

  /** What is known of all hosts, for a worker that is new. */
  allHosts(found: ClusterHosts): ClusterHosts {
    return this.#join(found, this.#live);
  }

  hostsOf(name: string): readonly HostModel[] | undefined {
    return this.#live.get(name)?.hosts;
  }

  view(name: string, address: string): HostHealthView | undefined {
    const cluster = this.#live.get(name);
    return cluster && { flags: cluster.flagsOf(address), outlier: cluster.detector?.view(address) ?? null };
  }

  report(name: string, address: string, event: HostEvent): void {
    this.#live.get(name)?.report(address, event);
  }

  /** Runtime values are others. */
  updateRuntime(): void {
    for (const { detector } of this.#live.values()) detector?.updateRuntime();
  }

  close(): void {
    this.discard();
    for (const cluster of this.#live.values()) cluster.close();
    this.#live.clear();
    this.#logs.close();
    this.#timers.stop();
  }

  #join(found: ClusterHosts, clusters: ReadonlyMap<string, JudgedCluster>): ClusterHosts {
    const all = new Map(found);
    for (const [name, cluster] of clusters) all.set(name, cluster.hosts);
    return all;
  }

  async #firstRounds(clusters: readonly JudgedCluster[]): Promise<void> {
    const rounds = clusters.flatMap(({ checker }) => (checker === null ? [] : [checker.firstRound]));
    if (rounds.length === 0) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, FIRST_ROUND_MS).unref();
    await Promise.race([Promise.all(rounds), late]);
    clearTimeout(timer);
  }

  #make(model: ClusterModel): JudgedCluster {
    const { stats, clock, runtime, log } = this.#options;
    const { check, outlier } = model.health!;
    const cluster = new JudgedCluster(model, this.#options, { clock, timers: this.#timers });
    const scope = stats.scope(`cluster.${model.statName}.`);
    const common = { cluster: model.name, clock, timers: this.#timers, random: systemRandom, runtime };
    cluster.onClose = () => scope.release();
    if (check !== null) {
      const logs = check.eventLogs.map((path) => this.#openLog(path, check.place));
      const targets = new ProbeTargets(model, check, { clock, timers: this.#timers, log });
      const checkStats = new CheckStats(scope);
      cluster.checker = new HealthChecker({
        ...common,
        model: check,
        stats: checkStats,
        logs,
        hasTraffic: this.#trafficOf(model),
        makeProbe: (host) => makeProbe(targets, host, checkStats, runtime),
        onChecked: (address, isHealthy, changed) => cluster.checked(address, isHealthy, changed),
        onError: (host, error) =>
          log.write("error", "health", "a check threw", { cluster: model.name, host, error: String(error) }),
      });
    }
    if (outlier !== null) {
      cluster.detector = new OutlierDetector({
        ...common,
        model: outlier,
        stats: new OutlierStats(scope),
        log: outlier.eventLog === "" ? null : this.#openLog(outlier.eventLog, outlier.place),
        onChange: (address) => cluster.changed(address),
      });
    }
    return cluster;
  }

  /** Once there was any, there was. */
  #trafficOf({ statName }: ClusterModel): () => boolean {
    let hasTraffic = false;
    return () => {
      hasTraffic ||= this.#options.aggregator.value(`cluster.${statName}.upstream_cx_total`) > 0;
      return hasTraffic;
    };
  }

  #openLog(path: string, place: ApplyError["place"]) {
    try {
      return this.#logs.open(path);
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code ?? String(error);
      throw new ApplyError(`the event log ${path} cannot be written (${why})`, place);
    }
  }
}
