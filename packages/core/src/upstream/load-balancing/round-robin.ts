/**
 * Hot path. Weighted round robin: plain rotation where all weights are equal, else earliest deadline first. The start is random, so that many workers do not begin with
 * the same host. Envoy: round_robin.RoundRobin.
 */
import type { Random } from "@sluice/sdk";
import type { Host } from "../host.ts";
import { EdfScheduler } from "./edf-scheduler.ts";
import type { BalancerParts, HostPicker } from "./load-balancer.ts";
import { type SlowStart, UntilPicker } from "./slow-start.ts";

/** `slowStart`: null where there is none. `hosts`: at least one. */
export function roundRobin(hosts: readonly Host[], slowStart: SlowStart | null, parts: BalancerParts): HostPicker {
  const { clock, random } = parts;
  const plain = hasEqualWeights(hosts) ? new Rotation(hosts, random) : new WeightedRotation(hosts, null, random);
  const endMs = slowStart === null ? -1 : slowStart.endMs(hosts);
  if (slowStart === null || endMs <= clock.turnNow()) return plain;
  return new UntilPicker(clock, endMs, new WeightedRotation(hosts, slowStart, random), plain);
}

export function hasEqualWeights(hosts: readonly Host[]): boolean {
  const first = hosts[0]!.weight;
  return hosts.every(({ weight }) => weight === first);
}

class Rotation implements HostPicker {
  readonly #hosts: readonly Host[];
  #next: number;

  constructor(hosts: readonly Host[], random: Random) {
    this.#hosts = hosts;
    this.#next = random.below(hosts.length);
  }

  pick(): Host {
    const hosts = this.#hosts;
    const i = this.#next;
    this.#next = i + 1 === hosts.length ? 0 : i + 1;
    return hosts[i]!;
  }
}

class WeightedRotation implements HostPicker {
  readonly #hosts: readonly Host[];
  readonly #slowStart: SlowStart | null;
  readonly #scheduler: EdfScheduler;

  constructor(hosts: readonly Host[], slowStart: SlowStart | null, random: Random) {
    this.#hosts = hosts;
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
    const slowStart = this.#slowStart;
    return slowStart === null ? host.weight : host.weight * slowStart.factor(host);
  }
}
