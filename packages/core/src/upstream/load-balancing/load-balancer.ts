/** What balancers are to their cluster and to each other. */
import type { Counter, HostChoice, Random, RuntimeValue } from "@sluice/sdk";
import type { TunableModel } from "../../config/balancing-model.ts";
import type { TurnClock } from "../../timing/clock.ts";
import type { Host } from "../host.ts";

/** Made anew whenever hosts, weights or health change. */
export interface LoadBalancer {
  /**
   * `choice`: what the request says about it. null: no host takes traffic. `attempt`: how many hosts were picked for it before that will not do. Then balancers that would
   * name the same one again name others, which they may name more than once.
   */
  pick(choice: HostChoice | null, attempt?: number): Host | null;
}

/** Chooses within one list of hosts, all of which may be chosen. */
export interface HostPicker {
  /** As {@link LoadBalancer.pick}. */
  pick(attempt?: number): Host;
}

/** No priority is asked for: the balancer's own loads decide. */
export const ANY_LEVEL = 2 ** 30;

/** What a balancer needs of its cluster. */
export interface BalancerParts {
  /** The priority that the next host has to be of, `~priority` for its degraded ones; {@link ANY_LEVEL}. As it is while `pick` runs. */
  readonly level: number;
  /** The host that a cluster with rules of its own chose, while `pick` runs; null: none. */
  readonly asked: Host | null;
  readonly random: Random;
  readonly clock: TurnClock;
  /** `cluster.<name>.<key>`; made on first use. */
  counter(key: string): Counter;
  gauge(key: string): { set(value: number): void };
  /** The value that a runtime key has, or the default. */
  tunable(model: TunableModel): RuntimeValue<number>;
  /** Requests and connections of the cluster in this thread. */
  active(): number;
}

export const NO_HOSTS = { pick: () => null, explain: () => {} };
