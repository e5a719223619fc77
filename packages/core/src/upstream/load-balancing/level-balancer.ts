/**
 * Hot path: docs/extending/hot-path-rules.md. For every policy that does not hash: which priority, healthy or degraded hosts or (in panic) all of them, which locality; then the
 * policy's own choice within that list. Envoy: ZoneAwareLoadBalancerBase.
 */
import type { Counter, HostChoice, Random } from "@sluice/sdk";
import type { BalancingModel } from "../../config/balancing-model.ts";
import type { Host } from "../host.ts";
import { EdfScheduler } from "./edf-scheduler.ts";
import { countedOf, type HostGroup, type HostLevel, type LocalityGroup, ownLevelOf } from "./host-levels.ts";
import { ANY_LEVEL, type BalancerParts, type HostPicker } from "./load-balancer.ts";
import type { ExplainingBalancer, PickTrace } from "./pick-trace.ts";
import { levelOf, type PriorityLoads, priorityLoads, untriedLoads } from "./priority-load.ts";
import type { ZoneRouting } from "./zone-routing.ts";

export type MakePicker = (hosts: readonly Host[]) => HostPicker;

export interface LevelBalancerOptions {
  readonly levels: readonly HostLevel[];
  readonly model: BalancingModel;
  readonly makePicker: MakePicker;
  /** It always picks the first of its list. */
  readonly isFirst: boolean;
  readonly parts: BalancerParts;
  /** Of the first priority; null: zones are not asked. */
  readonly zones: ZoneRouting | null;
}

export class LevelBalancer implements ExplainingBalancer {
  readonly #levels: readonly Level[];
  readonly #hosts: readonly HostLevel[];
  readonly #loads: PriorityLoads;
  readonly #parts: BalancerParts;
  readonly #random: Random;
  readonly #panics: Counter;
  readonly #failsOnPanic: boolean;
  readonly #isFirst: boolean;
  /** Where all goes: one priority, healthy hosts, no locality asked; null: it depends. */
  readonly #only: HostPicker | null;
  /** null: one priority, which no attempt can leave out. */
  readonly #levelOf: ((host: Host) => number) | null;

  constructor({ levels, model, makePicker, isFirst, parts, zones }: LevelBalancerOptions) {
    const loads = priorityLoads(levels, model);
    const isWeighted = model.locality.kind === "weighted";
    this.#hosts = levels;
    this.#loads = loads;
    this.#parts = parts;
    this.#random = parts.random;
    this.#panics = parts.counter("lb_healthy_panic");
    this.#failsOnPanic = model.locality.kind === "zone_aware" && model.locality.failTrafficOnPanic;
    this.#isFirst = isFirst;
    this.#levels = levels.map((level, i) => {
      const overprovisioning = isWeighted ? model.overprovisioningPercent / 100 : -1;
      return new Level(level, loads.panic[i]!, overprovisioning, i === 0 ? zones : null, makePicker);
    });
    const first = loads.healthy.indexOf(100);
    this.#only = first === -1 ? null : this.#levels[first]!.only;
    this.#levelOf = levels.length === 1 ? null : ownLevelOf(levels);
  }

  pick(choice: HostChoice | null, attempt = 0): Host | null {
    const { level } = this.#parts;
    if (level !== ANY_LEVEL) return this.#pickAt(level, attempt);
    if (this.#levelOf !== null && choice !== null && choice.priorities) {
      const loads = untriedLoads(this.#loads, choice.priorities, this.#levelOf);
      return this.#pickAt(levelOf(loads, this.#random.below(100)), attempt);
    }
    if (this.#only !== null) return this.#only.pick(attempt);
    return this.#pickAt(levelOf(this.#loads, this.#random.below(100)), attempt);
  }

  #pickAt(drawn: number, attempt: number): Host | null {
    const isDegraded = drawn < 0;
    const level = this.#levels[isDegraded ? ~drawn : drawn];
    if (level === undefined) return null;
    if (level.panics) {
      this.#panics.inc();
      if (this.#failsOnPanic) return null;
    }
    return level.pick(isDegraded, attempt);
  }

  explain(_choice: HostChoice | null, trace: PickTrace): void {
    trace.levels = this.#hosts;
    trace.loads = this.#loads;
    trace.failsOnPanic = this.#failsOnPanic;
    for (const [i, level] of this.#levels.entries()) level.explain(this.#hosts[i]!, this.#isFirst, trace);
  }
}

/** The hosts of one health at one priority: as a whole, and by locality. */
class Source {
  /** null: no host. */
  readonly any: HostPicker | null;
  /** null: localities are not asked. */
  readonly localities: readonly (HostPicker | null)[] | null;
  /** Null where no locality has a weight. */
  readonly scheduler: EdfScheduler | null;
  /** Effective weights of those in the scheduler, and which localities they are. */
  readonly #weights: readonly number[];
  readonly #numbers: readonly number[];

  constructor(
    hosts: readonly Host[],
    groups: readonly LocalityGroup[] | null,
    of: (group: HostGroup) => readonly Host[],
    overprovisioning: number,
    makePicker: MakePicker,
  ) {
    const make = (list: readonly Host[]): HostPicker | null => (list.length === 0 ? null : makePicker(list));
    this.any = make(hosts);
    this.localities = groups === null ? null : groups.map((group) => make(of(group)));
    const weights: number[] = [];
    const numbers: number[] = [];
    if (overprovisioning >= 0) {
      for (const [i, group] of (groups ?? []).entries()) {
        if (countedOf(group).length === 0) continue;
        const weight = group.weight * Math.min(1, (overprovisioning * of(group).length) / countedOf(group).length);
        if (weight <= 0) continue;
        weights.push(weight);
        numbers.push(i);
      }
    }
    this.#weights = weights;
    this.#numbers = numbers;
    this.scheduler = weights.length === 0 ? null : new EdfScheduler(weights);
  }

  /** Why the hosts of a locality get nothing; null: they may. */
  whyNot(locality: number): string | null {
    return this.scheduler === null || this.#numbers.includes(locality) ? null : "its locality has no weight";
  }

  /** Those that a policy which always picks the first of a list picks. */
  firsts(byZone: boolean): Host[] {
    const localities = this.localities ?? [];
    const pickers = byZone ? [this.any, ...localities] : this.scheduler === null ? [this.any] : localities;
    return pickers.flatMap((picker) => picker?.pick() ?? []);
  }

  pickByWeight(attempt: number): Host | null {
    const { scheduler } = this;
    if (scheduler === null) return this.any === null ? null : this.any.pick(attempt);
    const turn = scheduler.next;
    scheduler.reschedule(this.#weights[turn]!);
    return this.localities![this.#numbers[turn]!]!.pick(attempt);
  }

  /** A locality may have none of these hosts: then any of them will do. */
  pickFrom(locality: number, attempt: number): Host | null {
    const picker = locality === -1 ? this.any : (this.localities![locality] ?? this.any);
    return picker === null ? null : picker.pick(attempt);
  }
}

class Level {
  readonly panics: boolean;
  readonly #zones: ZoneRouting | null;
  readonly #healthy: Source;
  readonly #degraded: Source;
  /** In panic. */
  readonly #all: HostPicker | null;

  /** `overprovisioning` below zero: localities have no weights. */
  constructor(
    level: HostLevel,
    panics: boolean,
    overprovisioning: number,
    zones: ZoneRouting | null,
    makePicker: MakePicker,
  ) {
    const { hosts, healthy, degraded, localities } = level;
    const groups = overprovisioning >= 0 || zones !== null ? localities : null;
    this.panics = panics;
    this.#zones = zones;
    this.#healthy = new Source(healthy, groups, (group) => group.healthy, overprovisioning, makePicker);
    this.#degraded = new Source(degraded, groups, (group) => group.degraded, overprovisioning, makePicker);
    this.#all = panics && hosts.length > 0 ? makePicker(hosts) : null;
  }

  /** What chooses when nothing but healthy hosts are asked for, where that is one list. */
  get only(): HostPicker | null {
    return this.panics || this.#zones !== null || this.#healthy.scheduler !== null ? null : this.#healthy.any;
  }

  /** `isFirst`: of each list the first is picked. */
  explain({ hosts, localities }: HostLevel, isFirst: boolean, trace: PickTrace): void {
    if (isFirst) {
      const all = this.#all === null ? [] : [this.#all.pick()];
      const byZone = this.#zones !== null;
      const firsts = new Set(this.panics ? all : [...this.#healthy.firsts(byZone), ...this.#degraded.firsts(byZone)]);
      for (const host of hosts) if (!firsts.has(host)) trace.passedBy.set(host, "another comes first");
    }
    if (this.panics) return;
    for (const [i, { healthy, degraded }] of localities.entries()) {
      const zone = this.#zones === null || this.#zones.reaches(i) ? null : "other zones take the load";
      const why = zone ?? this.#healthy.whyNot(i);
      const whyDegraded = zone ?? this.#degraded.whyNot(i);
      if (why !== null) for (const host of healthy) trace.passedBy.set(host, why);
      if (whyDegraded !== null) for (const host of degraded) trace.passedBy.set(host, whyDegraded);
    }
  }

  pick(isDegraded: boolean, attempt: number): Host | null {
    if (this.panics) return this.#all === null ? null : this.#all.pick(attempt);
    const source = isDegraded ? this.#degraded : this.#healthy;
    return this.#zones === null ? source.pickByWeight(attempt) : source.pickFrom(this.#zones.choose(), attempt);
  }
}
