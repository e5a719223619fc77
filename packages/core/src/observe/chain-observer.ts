/**
 * Hot path: docs/extending/hot-path-rules.md (`meet` runs for every request; the rest for those that are measured or traced). Chooses the streams of one
 * connection manager that are measured: one in so many by a random distance, so that it never falls in step with a client that repeats itself.
 */
import type { Clock, Random } from "@sluice/sdk";
import type { ObserveModel } from "../config/model.ts";
import type { FilterSlot } from "../http/chain/filter-chain.ts";
import type { RequestHeaderMap } from "../http/headers/header-map.ts";
import type { HttpStream } from "../http/manager/http-stream.ts";
import { type CidrSet, compileCidrs } from "../matching/cidr.ts";
import type { SlotCounter } from "../stats/metrics.ts";
import type { StatsScope, StatsStore } from "../stats/stats-store.ts";
import type { LogSink } from "../worker/log.ts";
import { chainPrefix, filterPrefixes, SAMPLED } from "./cost-names.ts";
import { DebugTrace } from "./debug-trace.ts";
import { FilterCost } from "./filter-cost.ts";
import { HookTimer } from "./hook-timer.ts";
import { StreamProbe } from "./stream-probe.ts";

export interface ChainObserverParts {
  readonly model: ObserveModel;
  /** `<listener>/<filter chain>` */
  readonly chainKey: string;
  /** Names of the chain's filters by slot. */
  readonly filters: readonly string[];
  readonly services: {
    readonly clock: Clock;
    readonly random: Random;
    readonly stats: StatsStore;
    readonly log: LogSink;
  };
}

export class ChainObserver {
  readonly clock: Clock;
  readonly #random: Random;
  readonly #log: LogSink;
  readonly #every: number;
  /** Streams until the next one is measured; 0: none ever is. */
  #left: number;
  /** Lower-case; empty: no header asks for a trace. */
  readonly #header: string;
  readonly #trusted: CidrSet | null;
  readonly #scope: StatsScope;
  readonly #prefixes: readonly string[];
  readonly #costs: (FilterCost | null)[];
  #timer: HookTimer | null;
  #sampled: SlotCounter | null;

  constructor({ model, chainKey, filters, services }: ChainObserverParts) {
    this.clock = services.clock;
    this.#random = services.random;
    this.#log = services.log;
    this.#every = model.sampleEvery;
    this.#left = model.sampleEvery === 0 ? 0 : services.random.below(2 * model.sampleEvery - 1) + 1;
    this.#header = model.debugTrace?.header ?? "";
    this.#trusted = model.debugTrace === null ? null : trustedPeers(model.debugTrace.trustedCidrs);
    this.#scope = services.stats.scope(chainPrefix(chainKey));
    this.#prefixes = filterPrefixes(filters);
    this.#costs = filters.map(() => null);
    this.#timer = null;
    this.#sampled = null;
  }

  /** A request has come: it may get a probe. The header that asks for a trace goes no further, whoever sent it. */
  meet(stream: HttpStream, headers: RequestHeaderMap): void {
    const isSampled = this.#left !== 0 && --this.#left === 0;
    const isTraced = this.#trusted !== null && headers.find(this.#header) !== null && this.#judge(stream, headers);
    if (isSampled || isTraced) stream.probe = this.#probe(isSampled, isTraced);
  }

  costOf(slot: FilterSlot): FilterCost {
    return (this.#costs[slot.slot] ??= new FilterCost(this.#scope.under(this.#prefixes[slot.slot]!)));
  }

  /** Whatever the hooks did after the headers is in the log alone. */
  logTrace(stream: string, trace: string): void {
    if (this.#log.enabled("debug")) this.#log.write("debug", "trace", `request ${stream} ${trace}`);
  }

  /** The chain is gone. */
  release(): void {
    this.#scope.release();
  }

  #judge(stream: HttpStream, headers: RequestHeaderMap): boolean {
    headers.delete(this.#header);
    // Where a PROXY header names another peer, both have to be trusted.
    const { directRemote, remote } = stream.connection;
    return this.#trusted!.contains(directRemote.ip) && this.#trusted!.contains(remote.ip);
  }

  #probe(isSampled: boolean, isTraced: boolean): StreamProbe {
    if (isSampled) {
      this.#left = this.#random.below(2 * this.#every - 1) + 1;
      (this.#sampled ??= this.#scope.counter(SAMPLED)).inc();
    }
    this.#timer ??= new HookTimer(this.clock);
    return new StreamProbe(this, this.#timer, isSampled, isTraced ? new DebugTrace() : null);
  }
}

/** @throws TypeError for what is no range; the configuration was checked. */
function trustedPeers(cidrs: readonly string[]): CidrSet {
  const set = compileCidrs(cidrs);
  if (Array.isArray(set)) throw new TypeError(`debug_trace: ${set.map((p) => p.message).join("; ")}`);
  return set;
}
