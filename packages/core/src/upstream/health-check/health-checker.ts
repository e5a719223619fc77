/** The active health checks of one cluster, in main: one session a host, whatever asks it. Says which hosts' flags are others, and when all of the first hosts are known. */
import type { Random } from "@sluice/sdk";
import type { AddressModel, HealthCheckModel } from "../../config/model.ts";
import type { RuntimeEntries } from "../../runtime/runtime-entry.ts";
import type { Timers, TurnClock } from "../../timing/clock.ts";
import { HEALTH_FLAG } from "../health/health-flags.ts";
import type { HostModel } from "../host.ts";
import { hostKey } from "../host.ts";
import { type CheckEvent, checkEventLine } from "./check-event-log.ts";
import { CheckSession } from "./check-session.ts";
import type { CheckStats } from "./check-stats.ts";
import type { Probe } from "./probe.ts";

export interface HealthCheckerOptions {
  readonly cluster: string;
  readonly model: HealthCheckModel;
  readonly stats: CheckStats;
  readonly clock: TurnClock;
  readonly timers: Timers;
  readonly random: Random;
  readonly runtime: () => RuntimeEntries;
  /** Whether the cluster has ever had a connection. */
  readonly hasTraffic: () => boolean;
  readonly makeProbe: (host: HostModel) => Probe;
  /** Take lines of the event log. */
  readonly logs: readonly { write(line: string): void }[];
  /** A check has an outcome; `changed`: the host's flags are others now. */
  readonly onChecked: (address: string, isHealthy: boolean, changed: boolean) => void;
  /** Something that should not throw has thrown; checks go on. */
  readonly onError: (address: string, error: unknown) => void;
}

interface Checked {
  readonly session: CheckSession;
  readonly model: HostModel;
}

export class HealthChecker {
  readonly options: HealthCheckerOptions;
  readonly #hosts = new Map<string, Checked>();
  #isFirstRound = true;
  #isShown = false;
  readonly #firstRound = Promise.withResolvers<void>();

  constructor(options: HealthCheckerOptions) {
    this.options = options;
  }

  /** From now on the cluster's gauges tell of these hosts. Before, and after `close`, another version's may. */
  show(): void {
    this.#isShown = true;
    this.#count();
  }

  /** Resolves when every host that there was has its first outcome. */
  get firstRound(): Promise<void> {
    return this.#firstRound.promise;
  }

  /** The hosts from now on; those that stay as they are go on being checked. */
  setHosts(models: readonly HostModel[]): void {
    const next = new Map(models.filter(isChecked).map((model) => [hostKey(model), model]));
    const moved = new Map<string, CheckSession>();
    for (const [address, { session, model }] of this.#hosts) {
      const found = next.get(address);
      if (found !== undefined && sameQuestion(found, model)) continue;
      session.close();
      this.#hosts.delete(address);
      if (found?.logicalName !== undefined) moved.set(address, session);
    }
    const made: CheckSession[] = [];
    for (const [address, model] of next) {
      if (this.#hosts.has(address)) continue;
      const session = new CheckSession(this, address, this.options.makeProbe(model));
      const before = moved.get(address);
      if (before !== undefined) session.inherit(before);
      this.#hosts.set(address, { session, model });
      made.push(session);
    }
    for (const session of made) session.start();
    this.#count();
    this.#lookAround();
  }

  /** 0 for a host that is not checked. */
  flagsOf(address: string): number {
    return this.#hosts.get(address)?.session.flags ?? 0;
  }

  /** From a worker: a host asks to be taken out. */
  failPassively(address: string): void {
    const session = this.#hosts.get(address)?.session;
    if (session !== undefined && (session.flags & HEALTH_FLAG.failedActiveHc) === 0) session.failPassively();
  }

  close(): void {
    for (const { session } of this.#hosts.values()) session.close();
    this.#hosts.clear();
    this.#isShown = false;
    this.#firstRound.resolve();
  }

  /** By its sessions. */
  decided(session: CheckSession, before: number, isHealthy: boolean): void {
    const changed = session.flags !== before;
    if (changed) this.#count();
    this.options.onChecked(session.address, isHealthy, changed);
    this.#lookAround();
  }

  /** By its sessions. */
  log(address: string, event: CheckEvent): void {
    const { logs, model, cluster, clock } = this.options;
    if (logs.length === 0) return;
    const host: AddressModel = this.#hosts.get(address)!.model.address;
    const line = checkEventLine(model.probe.kind, cluster, host, clock.wallNow(), event);
    for (const log of logs) log.write(line);
  }

  #count(): void {
    if (!this.#isShown) return;
    let healthy = 0;
    let degraded = 0;
    for (const { session } of this.#hosts.values()) {
      if ((session.flags & HEALTH_FLAG.failedActiveHc) === 0) healthy++;
      if ((session.flags & HEALTH_FLAG.degradedActiveHc) !== 0) degraded++;
    }
    this.options.stats.healthy.set(healthy);
    this.options.stats.degraded.set(degraded);
  }

  #lookAround(): void {
    if (!this.#isFirstRound) return;
    for (const { session } of this.#hosts.values()) if (!session.isKnown) return;
    this.#isFirstRound = false;
    this.#firstRound.resolve();
  }
}

function isChecked({ healthCheck }: HostModel): boolean {
  return healthCheck?.disabled !== true;
}

function sameQuestion(a: HostModel, b: HostModel): boolean {
  return JSON.stringify([a.address, a.healthCheck]) === JSON.stringify([b.address, b.healthCheck]);
}
