/**
 * What one filter instance gets at `create`, and the end of it: whoever builds a chain makes a context per filter and releases it
 * when the chain is gone. Statistics, buckets and timers of the filter end with it.
 */
import type {
  Clusters,
  Clock,
  FilterContext,
  Formats,
  Logger,
  Random,
  SharedState,
  Stats,
  Timer,
  TokenBucket,
  TokenBucketOptions,
} from "@sluice/sdk";
import { filterFormats } from "../formatter/filter-formats.ts";
import { routeConfigKey } from "../http/route/route-filters.ts";
import type { StatsScope } from "../stats/stats-store.ts";
import { SharedTokenBucket } from "../stats/token-bucket.ts";
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
  readonly clusters: Clusters;
  readonly shared: SharedState;
  readonly formats: Formats;
  readonly #services: WorkerServices;
  readonly #scope: StatsScope;
  readonly #buckets: FilterBuckets;
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
    this.clusters = services.clusters;
    this.#buckets = new FilterBuckets(services, options.sharedKey);
    this.shared = this.#buckets;
    this.formats = filterFormats;
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
    this.#buckets.release();
    this.#scope.release();
  }
}

const endedTimer: Timer = { cancel() {} };

class FilterBuckets implements SharedState {
  readonly #services: WorkerServices;
  readonly #key: string;
  readonly #buckets = new Map<string, SharedTokenBucket>();

  constructor(services: WorkerServices, key: string) {
    this.#services = services;
    this.#key = key;
  }

  tokenBucket(name: string, options: TokenBucketOptions, owner?: object): TokenBucket {
    const path = owner === undefined ? name : `${routeConfigKey(owner)}/${name}`;
    let bucket = this.#buckets.get(path);
    if (bucket === undefined) {
      bucket = new SharedTokenBucket(this.#services.shared, `${this.#key}/${path}`, options, this.#services.clock);
      this.#buckets.set(path, bucket);
    }
    return bucket;
  }

  release(): void {
    for (const bucket of this.#buckets.values()) bucket.release();
    this.#buckets.clear();
  }
}

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
