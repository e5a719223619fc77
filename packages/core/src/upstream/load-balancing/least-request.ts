/**
 * Hot path. Least request. With equal weights: the one with the fewest requests of a few drawn at random, or of all. With others, or while hosts start slowly: earliest
 * deadline first, by the weight over (requests + 1)^bias. Requests are those of this thread. Envoy: least_request.LeastRequest.
 */
import type { Random, RuntimeValue } from "@sluice/sdk";
import type { BalancerModel } from "../../config/balancing-model.ts";
import type { Host } from "../host.ts";
import { EdfScheduler } from "./edf-scheduler.ts";
import type { BalancerParts, HostPicker } from "./load-balancer.ts";
import { hasEqualWeights } from "./round-robin.ts";
import { type SlowStart, UntilPicker } from "./slow-start.ts";

type LeastRequestModel = Extract<BalancerModel, { kind: "least_request" }>;

/** Times the number of hosts: whoever draws that often has drawn them all. */
const ENOUGH_DRAWS = 16;

/** `hosts`: at least one. */
export function leastRequest(
  hosts: readonly Host[],
  model: LeastRequestModel,
  slowStart: SlowStart | null,
  parts: BalancerParts,
): HostPicker {
  const { clock, random } = parts;
  const bias = parts.tunable(model.bias);
  const endMs = slowStart === null ? -1 : slowStart.endMs(hosts);
  const plain = hasEqualWeights(hosts)
    ? model.fullScan || model.choices > ENOUGH_DRAWS * hosts.length
      ? new FullScan(hosts, random)
      : new FewChoices(hosts, model.choices, random)
    : new WeightedLeast(hosts, bias, null, random);
  if (slowStart === null || endMs <= clock.turnNow()) return plain;
  return new UntilPicker(clock, endMs, new WeightedLeast(hosts, bias, slowStart, random), plain);
}

/** Draws with replacement. */
class FewChoices implements HostPicker {
  readonly #hosts: readonly Host[];
  readonly #choices: number;
  readonly #random: Random;

  constructor(hosts: readonly Host[], choices: number, random: Random) {
    this.#hosts = hosts;
    this.#choices = choices;
    this.#random = random;
  }

  pick(attempt = 0): Host {
    const hosts = this.#hosts;
    const random = this.#random;
    let best = hosts[random.below(hosts.length)]!;
    // A host that fails fast is never busy: those that will not do would be named again and again.
    if (attempt !== 0) return best;
    for (let i = 1; i < this.#choices; i++) {
      const other = hosts[random.below(hosts.length)]!;
      if (other.active < best.active) best = other;
    }
    return best;
  }
}

/** Any of those that have the fewest, all with the same chance. */
class FullScan implements HostPicker {
  readonly #hosts: readonly Host[];
  readonly #random: Random;
  /** Places of those that have the fewest so far: one number is drawn among them, not one for each. */
  readonly #least: Int32Array;

  constructor(hosts: readonly Host[], random: Random) {
    this.#hosts = hosts;
    this.#random = random;
    this.#least = new Int32Array(hosts.length);
  }

  pick(attempt = 0): Host {
    const hosts = this.#hosts;
    // The one that has the fewest will not do.
    if (attempt !== 0) return hosts[this.#random.below(hosts.length)]!;
    const least = this.#least;
    let fewest = Infinity;
    let equals = 0;
    for (let i = 0; i < hosts.length; i++) {
      const { active } = hosts[i]!;
      if (active > fewest) continue;
      if (active < fewest) {
        fewest = active;
        equals = 0;
      }
      least[equals++] = i;
    }
    return hosts[least[equals === 1 ? 0 : this.#random.below(equals)]!]!;
  }
}

class WeightedLeast implements HostPicker {
  readonly #hosts: readonly Host[];
  readonly #bias: RuntimeValue<number>;
  readonly #slowStart: SlowStart | null;
  readonly #scheduler: EdfScheduler;

  constructor(hosts: readonly Host[], bias: RuntimeValue<number>, slowStart: SlowStart | null, random: Random) {
    this.#hosts = hosts;
    this.#bias = bias;
    this.#slowStart = slowStart;
    this.#scheduler = new EdfScheduler(hosts.map((host) => this.#weight(host)));
    for (let turns = random.below(hosts.length); turns > 0; turns--) this.pick();
  }

  pick(): Host {
    const scheduler = this.#scheduler;
    const host = this.#hosts[scheduler.next]!;
    scheduler.reschedule(this.#weight(host));
    return host;
  }

  #weight(host: Host): number {
    const bias = this.#bias.value;
    const slowStart = this.#slowStart;
    const share = bias === 1 ? host.weight / (host.active + 1) : biased(host, bias);
    return slowStart === null ? share : share * slowStart.factor(host);
  }
}

/** So often an idle host of its weight may have its turn before one that was busy. */
const MOST_TURNS = 1e6;

/** A bias below zero would favour the busiest: it counts as one. Under a large one a burst would put a host off for good. */
function biased({ weight, active }: Host, bias: number): number {
  return weight / Math.min(MOST_TURNS, (active + 1) ** (bias >= 0 ? bias : 1));
}
