/**
 * Hot path. Round robin by weights that hosts report themselves, taken over at most once a period; a host without a report of use has the median. Weights of the configuration do not
 * count. Envoy: client_side_weighted_round_robin.ClientSideWeightedRoundRobin.
 */
import type { Random } from "@sluice/sdk";
import type { TurnClock } from "../../timing/clock.ts";
import type { Host } from "../host.ts";
import { EdfScheduler } from "./edf-scheduler.ts";
import type { BalancerParts, HostPicker } from "./load-balancer.ts";
import type { SlowStart } from "./slow-start.ts";

export class ReportedWeights implements HostPicker {
  readonly #hosts: readonly Host[];
  readonly #updateMs: number;
  readonly #slowStart: SlowStart | null;
  readonly #slowStartEndMs: number;
  readonly #clock: TurnClock;
  readonly #random: Random;
  /** By place in the list; all 1 while nobody says anything. */
  readonly #weights: Float64Array;
  /** While they are made: what each says, and of those that say something all. */
  readonly #fresh: Float64Array;
  readonly #reported: Float64Array;
  /** null: all weigh the same, and have their turns one after the other. */
  #scheduler: EdfScheduler | null;
  #next: number;
  #dueMs: number;

  /** `hosts`: at least one. */
  constructor(hosts: readonly Host[], updateMs: number, slowStart: SlowStart | null, { clock, random }: BalancerParts) {
    this.#hosts = hosts;
    this.#updateMs = updateMs;
    this.#slowStart = slowStart;
    this.#slowStartEndMs = slowStart === null ? -1 : slowStart.endMs(hosts);
    this.#clock = clock;
    this.#random = random;
    this.#weights = new Float64Array(hosts.length).fill(1);
    this.#fresh = new Float64Array(hosts.length);
    this.#reported = new Float64Array(hosts.length);
    this.#scheduler = null;
    this.#next = random.below(hosts.length);
    this.#dueMs = -1;
  }

  pick(): Host {
    const nowMs = this.#clock.turnNow();
    if (nowMs >= this.#dueMs) this.#update(nowMs);
    const scheduler = this.#scheduler;
    if (scheduler !== null) {
      const turn = scheduler.next;
      scheduler.reschedule(this.#weight(turn, nowMs));
      return this.#hosts[turn]!;
    }
    const i = this.#next;
    this.#next = i + 1 === this.#hosts.length ? 0 : i + 1;
    return this.#hosts[i]!;
  }

  #weight(at: number, nowMs: number): number {
    const weight = this.#weights[at]!;
    return nowMs < this.#slowStartEndMs ? weight * this.#slowStart!.factor(this.#hosts[at]!) : weight;
  }

  #update(nowMs: number): void {
    this.#dueMs = nowMs + this.#updateMs;
    const hosts = this.#hosts;
    const weights = this.#weights;
    const reported = this.#reported;
    const fresh = this.#fresh;
    let count = 0;
    for (let i = 0; i < hosts.length; i++) {
      const { load } = hosts[i]!;
      const weight = load === null ? -1 : load.weight(nowMs);
      fresh[i] = weight;
      if (weight > 0) reported[count++] = weight;
    }
    const median = count === 0 ? 1 : medianOf(reported.subarray(0, count));
    let isChanged = false;
    let isEven = true;
    for (let i = 0; i < hosts.length; i++) {
      const weight = fresh[i]! < 0 ? median : fresh[i]!;
      if (weight !== weights[i]) isChanged = true;
      weights[i] = weight;
      if (weight !== weights[0]) isEven = false;
    }
    if (isEven && nowMs >= this.#slowStartEndMs) this.#scheduler = null;
    else if (isChanged || this.#scheduler === null) this.#scheduler = this.#started(nowMs);
  }

  /** With first turns drawn: where weights change often and requests are few, only these come to pass. */
  #started(nowMs: number): EdfScheduler {
    const weights = Float64Array.from(this.#weights, (_, i) => this.#weight(i, nowMs));
    return new EdfScheduler(weights, this.#random);
  }
}

/** Of at least one; they are sorted. */
function medianOf(weights: Float64Array): number {
  weights.sort();
  const { length } = weights;
  const upper = weights[length >> 1]!;
  return length % 2 === 1 ? upper : (weights[(length >> 1) - 1]! + upper) / 2;
}
