/**
 * What one filter instance gets at `create`, and the end of it: whoever builds a chain makes a context per filter and releases it
 * when the chain is gone. Statistics, shared state, timers, calls and runtime handles of the filter end with it.
 */
import type {
  Clusters,
  Clock,
  FilterContext,
  Formats,
  Logger,
  Random,
  Regexes,
  Runtime,
  SharedState,
  Stats,
  Timer,
} from "@sluice/sdk";
import { filterFormats } from "../formatter/filter-formats.ts";
import { filterRegexes } from "../matching/filter-regexes.ts";
import { FilterRuntime } from "../runtime/runtime-store.ts";
import { FilterSharedState } from "../stats/filter-shared-state.ts";
import type { StatsScope } from "../stats/stats-store.ts";
import { FilterClusters } from "../upstream/request/filter-clusters.ts";
import { OpenCalls } from "../upstream/request/open-calls.ts";
import type { LogSink } from "./log.ts";
import type { WorkerServices } from "./services.ts";

export interface FilterContextOptions {
  readonly services: WorkerServices;
  /** The filter's name in its chain. */
  readonly name: string;
  /** The `stat_prefix` of what holds the chain; empty where there is none. */
  readonly statPrefix: string;
  /** Full prefix of the filter's own statistics, with its last dot: `http.ingress.acme_greeting.`. */
  readonly statsPrefix: string;
  /**
   * Names this filter in this chain, equal in every worker and in the next version of the configuration:
   * `<listener>/<filter chain>/<filter>`. Shared state hangs on it.
   */
  readonly sharedKey: string;
  /** What its definition says of `calls`: without it `clusters` throws. */
  readonly calls: boolean;
}

/** A context and its end. */
export class OwnedFilterContext implements FilterContext {
  readonly name: string;
  readonly statPrefix: string;
  readonly stats: Stats;
  readonly rootStats: Stats;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly shared: SharedState;
  readonly runtime: Runtime;
  readonly formats: Formats;
  readonly regexes: Regexes;
  readonly #services: WorkerServices;
  readonly #scope: StatsScope;
  readonly #clusters: FilterClusters | null;
  readonly #calls = new OpenCalls();
  readonly #shared: FilterSharedState;
  readonly #runtime: FilterRuntime;
  readonly #timers = new Set<Timer>();
  #released = false;

  constructor(options: FilterContextOptions) {
    const { services } = options;
    this.name = options.name;
    this.statPrefix = options.statPrefix;
    this.#services = services;
    this.#scope = services.stats.scope(options.statsPrefix);
    this.stats = this.#scope;
    this.rootStats = this.#scope.root();
    this.logger = new ComponentLogger(services.log, options.name);
    this.clock = services.clock;
    this.random = services.random;
    this.#clusters = options.calls ? new FilterClusters(services.clusters, services.timers, this.#calls) : null;
    this.#shared = new FilterSharedState(services.shared, options.sharedKey, services.clock);
    this.shared = this.#shared;
    this.#runtime = new FilterRuntime(services.runtime, services.random);
    this.runtime = this.#runtime;
    this.formats = filterFormats;
    this.regexes = filterRegexes;
  }

  get clusters(): Clusters {
    if (this.#clusters === null)
      throw new TypeError(`filter "${this.name}" uses context.clusters: its definition has to declare "calls: true"`);
    return this.#clusters;
  }

  /** Requests and gRPC calls of the filter that have not ended. */
  get openCalls(): number {
    return this.#calls.size;
  }

  setTimer(callback: () => void, ms: number): Timer {
    if (this.#released) return endedTimer;
    const timers = this.#timers;
    const timer = this.#services.timers.setTimer(() => {
      timers.delete(owned);
      try {
        callback();
      } catch (error) {
        // Nobody waits for it, and it must not end the thread: told and counted under the filter's name.
        this.#scope.counter("errors").inc();
        this.logger.error("a timer of the filter failed", { error });
      }
    }, ms);
    const owned: Timer = {
      cancel: () => {
        timers.delete(owned);
        timer.cancel();
      },
    };
    timers.add(owned);
    return owned;
  }

  /** The end of the filter. MUST be called once no stream uses it; harmless when called twice. */
  release(): void {
    this.#released = true;
    for (const timer of this.#timers) timer.cancel();
    this.#calls.release();
    this.#shared.release();
    this.#runtime.release();
    this.#scope.release();
  }
}

const endedTimer: Timer = { cancel() {} };

/** The sdk's logger over the process's log; the component is the filter's name. */
export class ComponentLogger implements Logger {
  readonly #log: LogSink;
  readonly #component: string;

  constructor(log: LogSink, component: string) {
    this.#log = log;
    this.#component = component;
  }

  debug(message: string, fields?: Readonly<Record<string, unknown>>): void {
    if (this.#log.enabled("debug")) this.#log.write("debug", this.#component, message, fields);
  }

  info(message: string, fields?: Readonly<Record<string, unknown>>): void {
    if (this.#log.enabled("info")) this.#log.write("info", this.#component, message, fields);
  }

  warn(message: string, fields?: Readonly<Record<string, unknown>>): void {
    if (this.#log.enabled("warn")) this.#log.write("warn", this.#component, message, fields);
  }

  error(message: string, fields?: Readonly<Record<string, unknown>>): void {
    if (this.#log.enabled("error")) this.#log.write("error", this.#component, message, fields);
  }
}
