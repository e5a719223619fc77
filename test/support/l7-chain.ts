// One built-in HTTP filter in a real chain: its schema has read its configuration, its context is the real one, the terminal filter is the test's.
import { HttpHarness, ScriptedTerminal, type HarnessFilter, type HarnessOptions } from "@sluice/core/testing";
import type { Json } from "../../packages/core/src/config/model.ts";
import { RouteFilterResolver } from "../../packages/core/src/http/route/route-filters.ts";
import type { RouteEntry } from "../../packages/core/src/http/route/types.ts";
import { Registry } from "../../packages/core/src/registry/registry.ts";
import type { Timer, TimerNode, Timers, TurnClock } from "../../packages/core/src/timing/clock.ts";
import { VirtualTime } from "../../packages/core/src/timing/virtual.ts";
import { OwnedFilterContext } from "../../packages/core/src/worker/filter-context.ts";
import type { WorkerServices } from "../../packages/core/src/worker/services.ts";
import { type TestServices, testServices } from "./services.ts";

export interface L7Options {
  /** Configurations of the route that every request takes, from the least to the most specific; null: no route. @default none of any level */
  readonly route?: readonly unknown[] | null | ((path: string) => readonly unknown[]);
  /** More of the route. */
  readonly entry?: Partial<RouteEntry>;
  readonly services?: Partial<WorkerServices>;
  readonly harness?: Omit<HarnessOptions, "route">;
  /** Filters between this one and the terminal. */
  readonly then?: readonly HarnessFilter[];
}

/** When the harness's time begins. */
const BEGIN_MS = new VirtualTime().clock.now();

/** The harness's time, once there is a harness. */
class LateClock implements TurnClock {
  harness: HttpHarness | null = null;

  now(): number {
    return this.harness?.time.clock.now() ?? BEGIN_MS;
  }

  turnNow(): number {
    return this.now();
  }

  wallNow(): number {
    return this.harness?.time.clock.wallNow() ?? 0;
  }
}

/** Its timers; those that a filter sets while it is made begin with the harness. */
class LateTimers implements Timers {
  readonly #clock: LateClock;
  #early: Array<() => void> = [];

  constructor(clock: LateClock) {
    this.#clock = clock;
  }

  begin(): void {
    for (const set of this.#early.splice(0)) set();
  }

  arm(node: TimerNode, ms: number): void {
    this.#timers().arm(node, ms);
  }

  cancel(node: TimerNode): void {
    this.#timers().cancel(node);
  }

  setTimer(callback: () => void, ms: number): Timer {
    if (this.#clock.harness !== null) return this.#timers().setTimer(callback, ms);
    let timer: Timer | null = null;
    let isOver = false;
    this.#early.push(() => {
      if (!isOver) timer = this.#timers().setTimer(callback, ms);
    });
    return {
      cancel: () => {
        isOver = true;
        timer?.cancel();
      },
    };
  }

  #timers(): Timers {
    return this.#clock.harness!.time.timers;
  }
}

export class L7Chain {
  readonly harness: HttpHarness;
  readonly terminal = new ScriptedTerminal();
  readonly services: TestServices;
  readonly context: OwnedFilterContext;
  readonly #dispose: () => Promise<void>;

  constructor(
    definition: { readonly id: string; readonly terminal?: boolean },
    config: unknown,
    options: L7Options = {},
  ) {
    const registry = new Registry();
    const problems = registry.add(definition, "test");
    if (problems.length !== 0) throw new Error(problems[0]!.message);
    const { id } = definition;
    const clock = new LateClock();
    const timers = new LateTimers(clock);
    this.services = testServices({ clock, timers, ...options.services });
    this.context = new OwnedFilterContext({
      services: this.services,
      name: id,
      statPrefix: "test",
      statsPrefix: `http.test.${id}.`,
      sharedKey: `test/${id}`,
      calls: registry.http(id)!.calls === true,
    });
    const hooks = registry.http(id)!.create(judged(registry, id, "config", config) as never, this.context);
    this.#dispose = async () => (hooks as HarnessFilter["hooks"]).dispose?.();
    const { newState, terminal } = registry.http(id)!;
    const filter: HarnessFilter = { name: id, hooks: hooks as HarnessFilter["hooks"], newState, terminal };
    const filters =
      definition.terminal === true
        ? [...(options.then ?? []), filter]
        : [filter, ...(options.then ?? []), this.terminal.filter];
    const slot = filters.indexOf(filter);
    this.harness = new HttpHarness(filters, { ...options.harness, route: routesOf(registry, id, slot, options) });
    clock.harness = this.harness;
    timers.begin();
  }

  count(name: string): number {
    return this.services.count(name);
  }

  /** The end of the filter itself. */
  async dispose(): Promise<void> {
    await this.#dispose();
    this.context.release();
  }
}

export function judged(registry: Registry, id: string, which: "config" | "routeConfig", config: unknown): unknown {
  const verdict = registry.judge(id, which, config as Json);
  if (verdict.ok) return verdict.value;
  throw new Error(verdict.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "));
}

function routesOf(
  registry: Registry,
  id: string,
  slot: number,
  { route = [], entry = {} }: L7Options,
): HarnessOptions["route"] {
  if (route === null) return null;
  const resolver = new RouteFilterResolver([
    { name: id, slot, parse: (json) => judged(registry, id, "routeConfig", json) },
  ]);
  const made = new Map<string, Partial<RouteEntry>>();
  const entryOf = (key: string, levels: readonly unknown[]): Partial<RouteEntry> => {
    let known = made.get(key);
    if (known === undefined) {
      const place = { path: "", position: "" };
      const resolved = resolver.resolve(
        levels.map((config, i) => ({
          configs: { [id]: { config: config as Json, disabled: false, place } },
          key: `${key}/${i}`,
        })),
      );
      const perFilter = Array.from({ length: slot + 8 }, (_, i) => (i === slot ? resolved.perFilter[0]! : null));
      known = { ...entry, perFilter };
      made.set(key, known);
    }
    return known;
  };
  return typeof route === "function" ? (headers) => entryOf(headers.path, route(headers.path)) : entryOf("all", route);
}

/** What a definition's schema says of a configuration: the settings, or `path: message` of each problem. */
export function settingsOf(
  definition: { readonly id: string },
  which: "config" | "routeConfig",
  config: unknown,
): unknown {
  const registry = new Registry();
  registry.add(definition, "test");
  return judged(registry, definition.id, which, config);
}
