/** What harnesses of all kinds have in common: time, statistics, log, and the patience to play something to its end. */
import { setTimeout as realTimeout } from "node:timers";
import { Registry } from "../registry/registry.ts";
import type { KitServices, LogEntry } from "./kit-services.ts";
import type { HistogramValue } from "./kit-stats.ts";
import type { ChainMember } from "./members.ts";
import type { FilterSetup, RuntimeValues } from "./setup.ts";

/** Steps after which a test that plays by itself has run away. */
const MAX_STEPS = 100_000;

export abstract class FilterHarness {
  /** For the kit. */
  readonly services: KitServices;
  #prefixes: readonly (readonly [name: string, prefix: string])[] = [];

  constructor(services: KitServices) {
    this.services = services;
  }

  /** What filters logged, and errors of filters that the engine contained, in order. */
  get log(): readonly LogEntry[] {
    return this.services.log;
  }

  /** Virtual monotonic milliseconds, as `context.clock.now()` gives them. */
  get now(): number {
    return this.services.time.clock.now();
  }

  /**
   * A counter or gauge of a filter, or how many values its histogram has; the name as the filter gives it.
   * @param filter by default the filter under test, the first of the chain. @throws Error where the filter has made no such metric
   */
  stat(name: string, filter?: string): number {
    return this.services.stats.value(this.#prefix(filter) + name);
  }

  histogram(name: string, filter?: string): HistogramValue {
    return this.services.stats.histogram(this.#prefix(filter) + name);
  }

  /** All statistics of a filter, by name; histograms by their count. */
  stats(filter?: string): Record<string, number> {
    return this.services.stats.below(this.#prefix(filter));
  }

  /** A metric by its full name. */
  rootStat(name: string): number {
    return this.services.stats.value(name);
  }

  /** What runtime keys have from now on; keys that are not named have none. */
  setRuntime(values: RuntimeValues): void {
    this.services.setRuntime(values);
  }

  /** Moves virtual time, firing what falls due on the way at its own time, and lets everything take effect. */
  advance(ms: number): Promise<void> {
    return this.services.advance(ms);
  }

  /** Lets promises that are settled take effect. Moves no clock. */
  settle(): Promise<void> {
    return this.services.settle();
  }

  /** Waits in real time for what a filter does with real I/O. @throws Error when it has not come after `timeoutMs` @param timeoutMs 5000 unless told */
  async until(condition: () => boolean, timeoutMs = 5000): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    while (!condition()) {
      if (performance.now() > endMs) throw new Error(`what the test waits for did not come within ${timeoutMs} ms`);
      await realMs(1);
    }
  }

  abstract close(): Promise<void>;

  // ---- for the kit --------------------------------------------------------------------------------------------------------------------------

  protected names(members: readonly ChainMember<FilterSetup>[], prefix: (name: string) => string): void {
    this.#prefixes = members.map(({ name }) => [name, prefix(name)]);
  }

  protected register(members: readonly ChainMember<FilterSetup>[], kind: "http" | "network" | "listener"): Registry {
    const registry = new Registry();
    for (const { definition } of members) {
      const [problem] = registry.add(definition, "the test");
      if (problem !== undefined) throw new TypeError(problem.message);
      const registered = registry.get(definition.id);
      if (registered?.kind !== kind)
        throw new TypeError(
          `${definition.id} is a filter of kind ${registered?.kind}, and this harness runs ${kind} filters`,
        );
    }
    return registry;
  }

  delay(ms: number): Promise<void> {
    return new Promise((resolve) => void this.services.worker.timers.setTimer(resolve, ms));
  }

  /**
   * Plays on until `isDone`: first whatever can happen at once, then the next timer of a filter, then (while `awaits`) some real time, at last a time-out of the engine.
   * @throws Error where nothing is left that could happen
   */
  async runUntil(isDone: () => boolean, awaits: () => boolean, patienceMs: number): Promise<void> {
    const { timers, time } = this.services;
    let patienceEndMs = -1;
    for (let step = 0; step < MAX_STEPS; step++) {
      await this.settle();
      if (isDone()) return;
      const ownMs = timers.next("filter");
      const engineMs = timers.next("engine");
      if (ownMs !== Infinity && ownMs <= engineMs) {
        await this.advance(ownMs - time.clock.now());
        continue;
      }
      if (awaits()) {
        if (patienceEndMs === -1) patienceEndMs = performance.now() + patienceMs;
        if (performance.now() < patienceEndMs) {
          await realMs(1);
          continue;
        }
      }
      if (engineMs === Infinity) throw new Error("nothing is left that could happen, and the exchange is not over");
      await this.advance(engineMs - time.clock.now());
    }
    throw new Error(`the exchange is not over after ${MAX_STEPS} steps of virtual time`);
  }

  #prefix(filter: string | undefined): string {
    const found = filter === undefined ? this.#prefixes[0] : this.#prefixes.find(([name]) => name === filter);
    if (found === undefined)
      throw new Error(`no filter "${filter}" in the chain: ${this.#prefixes.map(([name]) => name).join(", ")}`);
    return found[1];
  }
}

function realMs(ms: number): Promise<void> {
  return new Promise((resolve) => {
    realTimeout(resolve, ms);
  });
}
