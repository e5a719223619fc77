/** Hot path. New hosts get less at first: their weight grows over a window after they became healthy. Envoy: SlowStartConfig. */
import type { RuntimeValue } from "@sluice/sdk";
import type { SlowStartModel } from "../../config/balancing-model.ts";
import type { TurnClock } from "../../timing/clock.ts";
import type { Host } from "../host.ts";
import type { BalancerParts, HostPicker } from "./load-balancer.ts";

export class SlowStart {
  readonly #windowMs: number;
  readonly #aggression: RuntimeValue<number>;
  readonly #minWeight: number;
  readonly #clock: TurnClock;

  constructor(model: SlowStartModel, parts: BalancerParts) {
    this.#windowMs = model.windowMs;
    this.#aggression = parts.tunable(model.aggression);
    this.#minWeight = model.minWeight;
    this.#clock = parts.clock;
  }

  /** What the host's weight is multiplied by, now. */
  factor(host: Host): number {
    const age = this.#clock.turnNow() - host.healthySinceMs;
    if (age >= this.#windowMs) return 1;
    const progress = Math.max(1, age) / this.#windowMs;
    const aggression = this.#aggression.value;
    return Math.max(this.#minWeight, aggression === 1 || aggression <= 0 ? progress : progress ** (1 / aggression));
  }

  /** When the youngest of the hosts has its whole weight; not after now: all have. */
  endMs(hosts: readonly Host[]): number {
    let youngest = -Infinity;
    for (const host of hosts) if (host.healthySinceMs > youngest) youngest = host.healthySinceMs;
    return youngest + this.#windowMs;
  }
}

/** `during` until the time has come, then `after`. */
export class UntilPicker implements HostPicker {
  readonly #clock: TurnClock;
  readonly #endMs: number;
  readonly #during: HostPicker;
  readonly #after: HostPicker;

  constructor(clock: TurnClock, endMs: number, during: HostPicker, after: HostPicker) {
    this.#clock = clock;
    this.#endMs = endMs;
    this.#during = during;
    this.#after = after;
  }

  pick(attempt?: number): Host {
    return this.#clock.turnNow() < this.#endMs ? this.#during.pick(attempt) : this.#after.pick(attempt);
  }
}
