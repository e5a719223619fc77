/**
 * Hot path. Of two hosts drawn at random the one that would answer sooner: latency × (requests + 1), by weight. One that asked to be spared (Retry-After) has its turn only where all
 * have. Envoy: peak_ewma.v3alpha.PeakEwma; that failures count as slow answers is ours.
 */
import type { Random } from "@sluice/sdk";
import type { TurnClock } from "../../timing/clock.ts";
import type { Host } from "../host.ts";
import type { BalancerParts, HostPicker } from "./load-balancer.ts";

export class SoonestHost implements HostPicker {
  readonly #hosts: readonly Host[];
  readonly #random: Random;
  readonly #clock: TurnClock;

  constructor(hosts: readonly Host[], { random, clock }: BalancerParts) {
    this.#hosts = hosts;
    this.#random = random;
    this.#clock = clock;
  }

  pick(attempt = 0): Host {
    const hosts = this.#hosts;
    const random = this.#random;
    const { length } = hosts;
    // Of two hosts it is always the same one that will not do.
    if (attempt !== 0) return hosts[random.below(length)]!;
    if (length === 1) return hosts[0]!;
    const nowMs = this.#clock.turnNow();
    const one = random.below(length);
    const step = 1 + random.below(length - 1);
    const first = hosts[one]!;
    const second = hosts[one + step < length ? one + step : one + step - length]!;
    const isFirstHeld = isHeld(first, nowMs);
    const isSecondHeld = isHeld(second, nowMs);
    if (isFirstHeld !== isSecondHeld) return isFirstHeld ? second : first;
    const sooner = cost(second, nowMs) < cost(first, nowMs) ? second : first;
    return isFirstHeld ? this.#notHeld(one, sooner, nowMs) : sooner;
  }

  #notHeld(from: number, otherwise: Host, nowMs: number): Host {
    const hosts = this.#hosts;
    for (let i = 1; i < hosts.length; i++) {
      const host = hosts[(from + i) % hosts.length]!;
      if (!isHeld(host, nowMs)) return host;
    }
    return otherwise;
  }
}

function isHeld({ latency }: Host, nowMs: number): boolean {
  return latency !== null && latency.heldUntilMs > nowMs;
}

function cost({ latency, active, weight }: Host, nowMs: number): number {
  return latency === null ? 0 : (latency.averageMs(nowMs) * (active + 1)) / weight;
}
