/**
 * Hot path. Weighted round robin: plain rotation where all weights are equal, else earliest deadline first (each host's next turn is 1/weight later). The start is
 * random, so that many workers do not begin with the same host. Envoy: round_robin.RoundRobin.
 */
import type { Random } from "@sluice/sdk";
import type { Host } from "../host.ts";

export interface LoadBalancer {
  /** null: no host takes traffic. */
  pick(): Host | null;
}

/** Below this share of healthy hosts health is ignored: better some errors than all traffic on few. Envoy: healthy_panic_threshold. */
const PANIC_PERCENT = 50;

/** The hosts to pick from: the healthy ones, or, in panic, all but the draining. */
export function eligible(hosts: readonly Host[]): { readonly hosts: readonly Host[]; readonly panic: boolean } {
  const candidates = hosts.filter((h) => h.health !== "draining");
  const healthy = candidates.filter((h) => h.health === "healthy");
  const usable = healthy.length === 0 ? candidates.filter((h) => h.usable) : healthy;
  const panic =
    candidates.length !== 0 && (candidates.filter((h) => h.usable).length * 100) / candidates.length < PANIC_PERCENT;
  return panic ? { hosts: candidates, panic } : { hosts: usable, panic };
}

export function roundRobin(hosts: readonly Host[], random: Random): LoadBalancer {
  const first = hosts[0];
  if (first === undefined) return none;
  return hosts.every((h) => h.weight === first.weight)
    ? new Rotation(hosts, random)
    : new EarliestDeadline(hosts, random);
}

const none: LoadBalancer = { pick: () => null };

class Rotation implements LoadBalancer {
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

/** A binary heap of deadlines; ties go to the host that was listed first. */
class EarliestDeadline implements LoadBalancer {
  readonly #hosts: readonly Host[];
  readonly #deadlines: Float64Array;
  readonly #heap: Int32Array;

  constructor(hosts: readonly Host[], random: Random) {
    this.#hosts = hosts;
    this.#deadlines = Float64Array.from(hosts, (h) => 1 / h.weight);
    this.#heap = Int32Array.from(hosts, (_, i) => i).sort((a, b) => this.#deadlines[a]! - this.#deadlines[b]!);
    // A random number of turns, at most one whole round.
    let total = 0;
    for (const h of hosts) total += h.weight;
    for (let turns = random.below(total); turns > 0; turns--) this.pick();
  }

  pick(): Host {
    const heap = this.#heap;
    const deadlines = this.#deadlines;
    const host = heap[0]!;
    deadlines[host] = deadlines[host]! + 1 / this.#hosts[host]!.weight;
    let i = 0;
    for (;;) {
      const left = 2 * i + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const child = right < heap.length && this.#before(heap[right]!, heap[left]!) ? right : left;
      if (!this.#before(heap[child]!, host)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = host;
    return this.#hosts[host]!;
  }

  #before(a: number, b: number): boolean {
    const difference = this.#deadlines[a]! - this.#deadlines[b]!;
    return difference < 0 || (difference === 0 && a < b);
  }
}
