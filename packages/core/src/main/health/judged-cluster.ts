/** One cluster in one version of the configuration, as main judges its hosts: what discovery names, with what checks and outlier detection found. */
import type { ClusterModel } from "../../config/model.ts";
import { HEALTH_FLAG } from "../../upstream/health/health-flags.ts";
import type { HealthChecker } from "../../upstream/health-check/health-checker.ts";
import { type HostFlags, type HostModel, hostKey } from "../../upstream/host.ts";
import type { HostEvent } from "../../upstream/outlier/host-watch.ts";
import { PacedUpdates } from "../../upstream/paced-updates.ts";
import type { Timers, TurnClock } from "../../timing/clock.ts";
import type { OutlierDetector } from "../../upstream/outlier/outlier-detector.ts";

/** What it tells: it is live, or nobody hears it. */
export interface JudgedEvents {
  onHosts(cluster: string, hosts: readonly HostModel[]): void;
  onFlags(cluster: string, changes: readonly HostFlags[]): void;
}

export class JudgedCluster {
  readonly model: ClusterModel;
  checker: HealthChecker | null = null;
  detector: OutlierDetector | null = null;
  /** Releases its metrics. */
  onClose: () => void = () => {};
  readonly #events: JudgedEvents;
  #isLive = false;
  /** In the order of discovery; those that it names no longer are last. */
  #hosts = new Map<string, HostModel>();
  /** Not named any more, but passing their checks. */
  readonly #staying = new Set<string>();
  /** Each host that leaves costs as much as there are hosts. */
  readonly #left: PacedUpdates;

  constructor(model: ClusterModel, events: JudgedEvents, { clock, timers }: { clock: TurnClock; timers: Timers }) {
    this.model = model;
    this.#events = events;
    this.#left = new PacedUpdates(clock, timers, () => this.#tellLeft());
  }

  /** What discovery names now. A host that passes its checks is not let go until it fails, unless the cluster says otherwise. */
  setHosts(named: readonly HostModel[]): void {
    const next = new Map<string, HostModel>();
    for (const host of named) {
      const address = hostKey(host);
      if (!next.has(address)) next.set(address, host);
    }
    const before = this.#hosts;
    this.#staying.clear();
    if (this.checker !== null && this.model.health?.ignoreHealthOnHostRemoval !== true) {
      for (const [address, host] of before) {
        if (next.has(address) || !this.#passes(address, host)) continue;
        next.set(address, host);
        this.#staying.add(address);
      }
    }
    this.#hosts = next;
    this.#useHosts();
  }

  /** A host that is not checked proves nothing; one that was never checked well neither. */
  #passes(address: string, host: HostModel): boolean {
    if (host.healthCheck?.disabled === true || host.health === "unhealthy") return false;
    return (this.#checkFlags(address) & HEALTH_FLAG.failedActiveHc) === 0;
  }

  #useHosts(): void {
    this.detector?.setHosts(new Set(this.#hosts.keys()));
    this.checker?.setHosts([...this.#hosts.values()]);
  }

  /** As workers get them. */
  get hosts(): HostModel[] {
    return Array.from(this.#hosts, ([address, host]) => {
      const flags = this.flagsOf(address);
      const counts = this.detector?.countsOf(address);
      return { ...host, ...(flags === 0 ? {} : { flags }), ...(counts === undefined ? {} : { counts }) };
    });
  }

  flagsOf(address: string): number {
    const stays = this.#staying.has(address) ? HEALTH_FLAG.pendingRemoval : 0;
    return this.#checkFlags(address) | (this.detector?.flagsOf(address) ?? 0) | stays;
  }

  #checkFlags(address: string): number {
    return this.checker?.flagsOf(address) ?? 0;
  }

  /** From now on workers have it, and what they were given when it was prepared may be old. */
  goLive(): void {
    this.#isLive = true;
    this.checker?.show();
    this.detector?.show();
    this.#events.onFlags(this.model.name, this.#allFlags());
  }

  #allFlags(): HostFlags[] {
    return Array.from(this.#hosts.keys(), (address) => [address, this.flagsOf(address)] as const);
  }

  /** A check has an outcome. */
  checked(address: string, isHealthy: boolean, changed: boolean): void {
    if (isHealthy && (this.#checkFlags(address) & HEALTH_FLAG.failedActiveHc) === 0)
      this.detector?.checkPassed(address);
    if (!changed) return;
    if (!isHealthy && this.#staying.has(address) && (this.#checkFlags(address) & HEALTH_FLAG.failedActiveHc) !== 0)
      this.#letGo(address);
    else this.changed(address);
  }

  #letGo(address: string): void {
    this.#staying.delete(address);
    this.#hosts.delete(address);
    this.#left.ask();
    if (this.#left.waits) this.changed(address);
  }

  #tellLeft(): void {
    this.#useHosts();
    if (this.#isLive) this.#events.onHosts(this.model.name, this.hosts);
  }

  changed(address: string): void {
    if (this.#isLive) this.#events.onFlags(this.model.name, [[address, this.flagsOf(address)]]);
  }

  /** From a worker. */
  report(address: string, event: HostEvent): void {
    if (event === "immediate_fail") this.checker?.failPassively(address);
    else this.detector?.report(address, event);
  }

  close(): void {
    this.#isLive = false;
    this.#left.close();
    this.checker?.close();
    this.detector?.close();
    this.onClose();
  }
}
