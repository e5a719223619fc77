/**
 * Hot path: docs/extending/hot-path-rules.md. For every policy that does not hash: which priority, healthy or degraded hosts or (in panic) all of them, which locality; then the
 * policy's own choice within that list. Envoy: ZoneAwareLoadBalancerBase.
 */
import type { Counter, HostChoice, Random } from "@sluice/sdk";
import type { BalancingModel } from "../../config/balancing-model.ts";
import type { Host } from "../host.ts";
import { EdfScheduler } from "./edf-scheduler.ts";
import { countedOf, type HostGroup, type HostLevel, type LocalityGroup } from "./host-levels.ts";
import type { BalancerParts, HostPicker, LoadBalancer } from "./load-balancer.ts";
import { levelOf, type PriorityLoads, priorityLoads } from "./priority-load.ts";
import type { ZoneRouting } from "./zone-routing.ts";

export type MakePicker = (hosts: readonly Host[]) => HostPicker;

export interface LevelBalancerOptions {
  readonly levels: readonly HostLevel[];
  readonly model: BalancingModel;
  readonly makePicker: MakePicker;
  readonly parts: BalancerParts;
  /** Of the first priority; null: zones are not asked. */
  readonly zones: ZoneRouting | null;
}

export class LevelBalancer implements LoadBalancer {
  readonly #levels: readonly Level[];
  readonly #loads: PriorityLoads;
  readonly #random: Random;
  readonly #panics: Counter;
  readonly #failsOnPanic: boolean;
  /** Where all goes: one priority, healthy hosts, no locality asked; null: it depends. */
  readonly #only: HostPicker | null;

  constructor({ levels, model, makePicker, parts, zones }: LevelBalancerOptions) {
    const loads = priorityLoads(levels, model);
    const isWeighted = model.locality.kind === "weighted";
    this.#loads = loads;
    this.#random = parts.random;
    this.#panics = parts.counter("lb_healthy_panic");
    this.#failsOnPanic = model.locality.kind === "zone_aware" && model.locality.failTrafficOnPanic;
    this.#levels = levels.map((level, i) => {
      const overprovisioning = isWeighted ? model.overprovisioningPercent / 100 : -1;
      return new Level(level, loads.panic[i]!, overprovisioning, i === 0 ? zones : null, makePicker);
    });
    const first = loads.healthy.indexOf(100);
    this.#only = first === -1 ? null : this.#levels[first]!.only;
  }

  pick(_choice: HostChoice | null, attempt = 0): Host | null {
    return this.#only === null ? this.#pickLevel(attempt) : this.#only.pick(attempt);
  }

  #pickLevel(attempt: number): Host | null {
    const drawn = levelOf(this.#loads, this.#random.below(100));
    const isDegraded = drawn < 0;
    const level = this.#levels[isDegraded ? ~drawn : drawn]!;
    if (level.panics) {
      this.#panics.inc();
      if (this.#failsOnPanic) return null;
    }
    return level.pick(isDegraded, attempt);
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

  pick(isDegraded: boolean, attempt: number): Host | null {
    if (this.panics) return this.#all === null ? null : this.#all.pick(attempt);
    const source = isDegraded ? this.#degraded : this.#healthy;
    return this.#zones === null ? source.pickByWeight(attempt) : source.pickFrom(this.#zones.choose(), attempt);
  }
}
