/** Hot path (`pick`). A cluster's balancer through all changes of its hosts: what it needs of its thread, overrides that come before it, and what is dropped before anything. */
import type { Counter, HostChoice, HostOverride, Random, RuntimeValue } from "@sluice/sdk";
import type { BalancerModel, BalancingModel, TunableModel } from "../../config/balancing-model.ts";
import { FilterRuntime } from "../../runtime/runtime-store.ts";
import type { StatsScope } from "../../stats/stats-store.ts";
import type { TurnClock } from "../../timing/clock.ts";
import type { WorkerServices } from "../../worker/services.ts";
import type { Host } from "../host.ts";
import { HostLatency } from "./host-latency.ts";
import { HostLoad, LoadReports } from "./host-load.ts";
import { ANY_LEVEL, type BalancerParts, type LoadBalancer, NO_HOSTS } from "./load-balancer.ts";
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
  /** Whether requests bring their hosts, so that there are none before. */
  readonly isAsked: boolean;
  readonly findHost: FindHost;
  readonly #scope: StatsScope;
  readonly #runtime: FilterRuntime;
  readonly #asksLatency: PolicyOf<"peak_ewma"> | null;
  readonly #loadReports: LoadReports | null;
  readonly #dropped: Counter | null;
  level: number = ANY_LEVEL;
  asked: Host | null = null;
  /** Grows with every change of hosts or of what is known of them. */
  version = 0;
  #balancer: LoadBalancer = NO_HOSTS;
  #hosts: readonly Host[] = [];
  #callers: readonly Host[] | null = null;

  constructor({ model, services, scope, active, findHost }: ClusterBalancingOptions) {
    const { policy } = model;
    this.model = model;
    this.random = services.random;
    this.clock = services.clock;
    this.active = active;
    this.isForeseeable = !["subset", "override_host", "ring_hash", "maglev", "provided"].includes(policy.kind);
    this.isAsked = policy.kind === "provided";
    this.findHost = (address) => findHost(address) ?? this.#alone(address);
    this.#scope = scope;
    this.#runtime = new FilterRuntime(services.runtime, services.random);
    this.#asksLatency = innermost(policy, "peak_ewma");
    const weighted = innermost(policy, "client_side_weighted_round_robin");
    this.#loadReports = weighted === null ? null : new LoadReports(weighted, scope);
    this.#dropped = model.drop === null ? null : scope.counter("upstream_rq_drop_overload");
  }

  pick(choice: HostChoice | null, attempt = 0): Host | null {
    const override = choice === null ? undefined : choice.override;
    if (override !== undefined && override !== null && (attempt === 0 || override.strict === true) && !this.isAsked) {
      const host = this.#overridden(override);
      if (host !== null || override.strict === true) return host;
    }
    return this.#balancer.pick(choice, attempt);
  }

  #overridden({ address }: HostOverride): Host | null {
    const host = this.findHost(address);
    return host !== undefined && this.model.overrideHealth.includes(host.health) ? host : null;
  }

  /** A logical host goes by its name; who was there knows its address. */
  #alone(address: string): Host | undefined {
    const [only] = this.#hosts;
    return only !== undefined && only.address === address ? only : undefined;
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
    this.version++;
    const source = { hosts: this.#hosts, model, parts: this, findHost: this.findHost, callers: this.#callers };
    this.#balancer = makeBalancer(source);
  }

  /** Of a new host: how long it takes and what it reports, where somebody asks. `scope` is the host's own. */
  measure(host: Host, scope: StatsScope): void {
    const policy = this.#asksLatency;
    if (policy !== null)
      host.latency = new HostLatency(policy.decayMs, policy.defaultRttMs, this.clock.turnNow(), scope);
    if (this.#loadReports !== null) host.load = new HostLoad(this.#loadReports, scope);
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

type PolicyOf<Kind extends BalancerModel["kind"]> = Extract<BalancerModel, { kind: Kind }>;

/** The policy that has the last word, if it is of that kind. */
function innermost<Kind extends BalancerModel["kind"]>(policy: BalancerModel, kind: Kind): PolicyOf<Kind> | null {
  if (policy.kind === "subset" || policy.kind === "override_host") return innermost(policy.policy, kind);
  return policy.kind === kind ? (policy as PolicyOf<Kind>) : null;
}
