/** One discovery of a third party at work for one cluster: begun, begun again where it fails, stopped. Nothing that its code does wrong takes hosts away or leaves here. */
import type { Counter, DiscoveredHost, Discovery, DiscoveryContext, DiscoveryDefinition, Logger } from "@sluice/sdk";
import { checkHooks } from "../../registry/hooks.ts";
import type { StatsScope } from "../../stats/stats-store.ts";
import type { HostModel } from "../host.ts";
import { readDiscoveredHosts } from "./discovered-hosts.ts";

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 60_000;
const LEAST_PERIOD_MS = 10;

export interface RunningOptions {
  readonly cluster: string;
  readonly definition: DiscoveryDefinition;
  /** As the schema returned it. */
  readonly config: unknown;
  readonly log: Logger;
  /** `cluster.<name>.`; released with it. */
  readonly scope: StatsScope;
  readonly onHosts: (hosts: readonly HostModel[]) => void;
}

export class RunningDiscovery {
  hosts: readonly HostModel[] = [];
  /** Resolves with the first hosts. */
  readonly first: Promise<void>;
  readonly #options: RunningOptions;
  readonly #attempts: Counter;
  readonly #successes: Counter;
  readonly #failures: Counter;
  readonly #empty: Counter;
  readonly #found = Promise.withResolvers<void>();
  readonly #end = new AbortController();
  readonly #timers = new Set<NodeJS.Timeout>();
  #run = new AbortController();
  #stop: (() => void) | null = null;
  #starts = 0;

  constructor(options: RunningOptions) {
    const { scope } = options;
    this.#options = options;
    this.first = this.#found.promise;
    this.#attempts = scope.counter("update_attempt");
    this.#successes = scope.counter("update_success");
    this.#failures = scope.counter("update_failure");
    this.#empty = scope.counter("update_empty");
  }

  /** Hosts that another version of the cluster had, until its own are found. */
  inherit(hosts: readonly HostModel[]): void {
    if (this.hosts.length === 0) this.hosts = hosts;
  }

  start(): void {
    void this.#start();
  }

  stop(): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    this.#endRun();
    this.#options.scope.release();
  }

  async #start(): Promise<void> {
    const run = new AbortController();
    this.#run = run;
    this.#starts++;
    try {
      const { definition } = this.#options;
      const made = await definition.start(this.#context(run), (hosts) => this.#update(hosts, run.signal));
      if (made === undefined) return;
      const problem = checkHooks("discovery", definition.id, made);
      if (problem !== null) throw new TypeError(problem.replace(": create returned", ": start returned"));
      if (run.signal.aborted) this.#stopOne(made);
      else this.#stop = () => this.#stopOne(made);
    } catch (error) {
      if (run.signal.aborted) return;
      this.#failed(error);
      this.#endRun();
      const ms = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(10, this.#starts - 1));
      this.#after(ms, () => void this.#start());
    }
  }

  #context(run: AbortController): DiscoveryContext<unknown> {
    const { cluster, config, log, scope } = this.#options;
    const failed = (error: unknown): void => {
      if (!run.signal.aborted) this.#failed(error);
    };
    const guarded = async (callback: () => unknown): Promise<void> => {
      try {
        await callback();
      } catch (error) {
        failed(error);
      }
    };
    const every = (ms: number, callback: () => unknown): void => {
      if (!(ms > 0)) throw new RangeError(`every ${ms} ms: expected a number above 0`);
      const round = (): void =>
        this.#after(Math.max(LEAST_PERIOD_MS, ms), () => {
          if (run.signal.aborted) return;
          void guarded(callback).then(() => {
            if (!run.signal.aborted) round();
          });
        });
      if (!run.signal.aborted) round();
    };
    return {
      config,
      cluster,
      signal: run.signal,
      log,
      stats: scope.under("discovery."),
      failed,
      guard:
        (callback) =>
        (...args) =>
          void guarded(() => callback(...args)),
      every,
    };
  }

  #update(given: readonly DiscoveredHost[], signal: AbortSignal): boolean {
    if (signal.aborted) return false;
    this.#attempts.inc();
    let hosts: HostModel[];
    try {
      hosts = readDiscoveredHosts(given);
    } catch (error) {
      this.#failed(error);
      return false;
    }
    this.#starts = 1;
    this.#successes.inc();
    if (hosts.length === 0) {
      this.#empty.inc();
      if (this.hosts.length > 0) {
        this.#options.log.warn("no host was found; the cluster's hosts stay as they are");
        return false;
      }
    }
    this.hosts = hosts;
    this.#found.resolve();
    this.#options.onHosts(hosts);
    return true;
  }

  #failed(error: unknown): void {
    this.#failures.inc();
    const hosts = this.hosts.length === 0 ? "the cluster has no hosts yet" : "the cluster's hosts stay as they are";
    this.#options.log.warn(`hosts could not be found; ${hosts}`, { error: String(error) });
  }

  #stopOne(made: Discovery): void {
    const tell = (error: unknown): void => this.#options.log.warn("stop failed", { error: String(error) });
    try {
      Promise.resolve(made.stop?.()).catch(tell);
    } catch (error) {
      tell(error);
    }
  }

  #endRun(): void {
    this.#run.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#stop?.();
    this.#stop = null;
  }

  #after(ms: number, callback: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, ms).unref();
    this.#timers.add(timer);
  }
}
