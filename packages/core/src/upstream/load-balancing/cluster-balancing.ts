/** Hot path (`pick`). A cluster's balancer through all changes of its hosts: what it needs of its thread, overrides that come before it, and what is dropped before anything. */
import type { Counter, HostChoice, HostOverride, Random, RuntimeValue } from "@sluice/sdk";
import type { BalancerModel, BalancingModel, TunableModel } from "../../config/balancing-model.ts";
import { FilterRuntime } from "../../runtime/runtime-store.ts";
import type { StatsScope } from "../../stats/stats-store.ts";
import type { TurnClock } from "../../timing/clock.ts";
import type { WorkerServices } from "../../worker/services.ts";
import type { Host } from "../host.ts";
import { HostLatency } from "./host-latency.ts";
import { type BalancerParts, type LoadBalancer, NO_HOSTS } from "./load-balancer.ts";
import { makeBalancer } from "./make-balancer.ts";
import type { FindHost } from "./override-host.ts";

export type BalancingServices = Pick<WorkerServices, "clock" | "random" | "runtime">;

export interface ClusterBalancingOptions {
  readonly model: BalancingModel;
  readonly services: BalancingServices;
  /** Of the cluster. */
  readonly scope: StatsScope;
  readonly active: () => number;
  readonly findHost: FindHost;
}

export class ClusterBalancing implements BalancerParts, LoadBalancer {
  readonly model: BalancingModel;
  readonly random: Random;
  readonly clock: TurnClock;
  readonly active: () => number;
  /** Whether the choice of a host depends on nothing that a request says, so that it can be made before. */
  readonly isForeseeable: boolean;
  readonly #findHost: FindHost;
  readonly #scope: StatsScope;
  readonly #runtime: FilterRuntime;
  readonly #asksLatency: Extract<BalancerModel, { kind: "peak_ewma" }> | null;
  readonly #dropped: Counter | null;
  #balancer: LoadBalancer = NO_HOSTS;
  #hosts: readonly Host[] = [];
  #callers: readonly Host[] | null = null;

  constructor({ model, services, scope, active, findHost }: ClusterBalancingOptions) {
    const { policy } = model;
    this.model = model;
    this.random = services.random;
    this.clock = services.clock;
    this.active = active;
    this.isForeseeable = !["subset", "override_host", "ring_hash", "maglev"].includes(policy.kind);
    this.#findHost = findHost;
    this.#scope = scope;
    this.#runtime = new FilterRuntime(services.runtime, services.random);
    this.#asksLatency = latencyPolicy(policy);
    this.#dropped = model.drop === null ? null : scope.counter("upstream_rq_drop_overload");
  }

  pick(choice: HostChoice | null, attempt = 0): Host | null {
    const override = choice === null ? undefined : choice.override;
    if (override !== undefined && override !== null && (attempt === 0 || override.strict === true)) {
      const host = this.#overridden(override);
      if (host !== null || override.strict === true) return host;
    }
    return this.#balancer.pick(choice, attempt);
  }

  #overridden({ address }: HostOverride): Host | null {
    const host = this.#findHost(address);
    return host !== undefined && this.model.overrideHealth.includes(host.health) ? host : null;
  }

  /** Whether this one is of the share that is refused. */
  drops(): boolean {
    if (this.#dropped === null || this.random.next() >= this.model.drop!.share) return false;
    this.#dropped.inc();
    return true;
  }

  /** The hosts from now on, or what is known of them. */
  update(hosts: readonly Host[]): void {
    this.#hosts = hosts;
    this.#make();
  }

  /** The hosts of the cluster that this proxy belongs to. */
  updateCallers(callers: readonly Host[] | null): void {
    if (callers === null && this.#callers === null) return;
    this.#callers = callers;
    this.#make();
  }

  #make(): void {
    const { model } = this;
    const source = { hosts: this.#hosts, model, parts: this, findHost: this.#findHost, callers: this.#callers };
    this.#balancer = makeBalancer(source);
  }

  /** What is measured of a new host. `scope` is the host's own. */
  latencyOf(scope: StatsScope): HostLatency | null {
    const policy = this.#asksLatency;
    return policy && new HostLatency(policy.decayMs, policy.defaultRttMs, this.clock.turnNow(), scope);
  }

  close(): void {
    this.#balancer = NO_HOSTS;
    this.#runtime.release();
  }

  counter(key: string): Counter {
    return this.#scope.counter(key);
  }

  gauge(key: string): { set(value: number): void } {
    return this.#scope.gauge(key);
  }

  tunable({ key, value }: TunableModel): RuntimeValue<number> {
    return key === "" ? { value } : this.#runtime.number(key, value);
  }
}

function latencyPolicy(policy: BalancerModel): Extract<BalancerModel, { kind: "peak_ewma" }> | null {
  if (policy.kind === "subset" || policy.kind === "override_host") return latencyPolicy(policy.policy);
  return policy.kind === "peak_ewma" ? policy : null;
}
