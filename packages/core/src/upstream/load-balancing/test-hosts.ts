// For tests of balancers: hosts without connections, and a balancer's surroundings with a seeded random.
import type { Counter, Random } from "@sluice/sdk";
import { type BalancerModel, type BalancingModel, PLAIN_ROUND_ROBIN } from "../../config/balancing-model.ts";
import { StatsStore } from "../../stats/stats-store.ts";
import { seededRandom } from "../../testing/kit-services.ts";
import { VirtualTime } from "../../timing/virtual.ts";
import { Host, type HostModel } from "../host.ts";
import { ANY_LEVEL, type BalancerParts, type LoadBalancer } from "./load-balancer.ts";
import { makeBalancer } from "./make-balancer.ts";

export { seededRandom as seeded } from "../../testing/kit-services.ts";

export class TestHosts implements BalancerParts {
  readonly level = ANY_LEVEL;
  readonly asked = null;
  readonly time = new VirtualTime();
  readonly clock = this.time.clock;
  readonly stats = new StatsStore({ addSlab() {}, add() {}, remove() {} });
  readonly random: Random;
  readonly tunables = new Map<string, { value: number }>();
  hosts: readonly Host[] = [];
  #made = 0;

  constructor(seed = 1, random = seededRandom(seed)) {
    this.random = random;
  }

  host(model: Partial<HostModel> & { port?: number } = {}): Host {
    const { port = this.#made, ...rest } = model;
    const full: HostModel = {
      address: { kind: "ip", host: "127.0.0.1", port },
      hostname: "",
      weight: 1,
      health: "healthy",
      ...rest,
    };
    return new Host(full, "c", this.stats.scope(`h${this.#made++}.`), this.clock.now());
  }

  list(count: number, model: Partial<HostModel> = {}): Host[] {
    return Array.from({ length: count }, () => this.host(model));
  }

  weighted(...weights: number[]): Host[] {
    return weights.map((weight) => this.host({ weight }));
  }

  balancer(
    hosts: readonly Host[],
    policy: BalancerModel,
    model: Partial<BalancingModel> = {},
    callers: readonly Host[] | null = null,
  ): LoadBalancer {
    this.hosts = hosts;
    const byAddress = new Map(hosts.map((host) => [host.address, host]));
    return makeBalancer({
      hosts,
      model: { ...PLAIN_ROUND_ROBIN, ...model, policy },
      parts: this,
      findHost: (address) => byAddress.get(address),
      callers,
    });
  }

  count(key: string): number {
    return this.stats.counter(key).value;
  }

  counter(key: string): Counter {
    return this.stats.counter(key);
  }

  gauge(key: string): { value: number; set(value: number): void } {
    return this.stats.gauge(key);
  }

  tunable({ key, value }: { key: string; value: number }): { value: number } {
    const tunable = { value };
    this.tunables.set(key, tunable);
    return tunable;
  }

  active(): number {
    return this.hosts.reduce((sum, host) => sum + host.active, 0);
  }
}

/** How often each host was picked. */
export function tally(balancer: LoadBalancer, hosts: readonly Host[], picks: number): number[] {
  const counts = new Map<Host, number>(hosts.map((host) => [host, 0]));
  for (let i = 0; i < picks; i++) {
    const host = balancer.pick(null);
    if (host !== null) counts.set(host, counts.get(host)! + 1);
  }
  return hosts.map((host) => counts.get(host)!);
}

/** Whether the counts may come from these shares: chi-square at a significance of one in ten thousand (Wilson and Hilferty's approximation). */
export function fits(counts: readonly number[], shares: readonly number[]): boolean {
  const total = counts.reduce((a, b) => a + b);
  const whole = shares.reduce((a, b) => a + b);
  let statistic = 0;
  for (const [i, count] of counts.entries()) {
    const expected = (total * shares[i]!) / whole;
    if (expected === 0) {
      if (count !== 0) return false;
    } else statistic += (count - expected) ** 2 / expected;
  }
  const freedom = shares.filter((share) => share > 0).length - 1;
  const spread = 2 / (9 * freedom);
  return statistic <= freedom * (1 - spread + 3.719 * Math.sqrt(spread)) ** 3;
}
