/** Where the filters of the table run: inline, inline with a promise for every answer (how a filter elsewhere looks to the engine), and in a thread of their own. */
import { setImmediate as immediate } from "node:timers";
import type { FilterContext, HttpFilter } from "@sluice/sdk";
import type { AnyDefinition } from "@sluice/core/testing";
import type { WorkerRuntimeModel } from "../../../packages/core/src/config/runtime-model.ts";
import { workerRuntimeDefaults } from "../../../packages/core/src/config/runtime-model.ts";
import type { AnyHttpFilterDefinition } from "../../../packages/core/src/registry/registry.ts";
import { isolate, type IsolateHost, START_LIMIT_MS } from "../../../packages/core/src/isolate/isolate.ts";
import { IsolatedFilter } from "../../../packages/core/src/isolate/near/isolated-filter.ts";
import { RealClock } from "../../../packages/core/src/timing/real-clock.ts";
import { TimerWheel } from "../../../packages/core/src/timing/timer-wheel.ts";
import { greeting, prober, reader } from "./filters.ts";

const filters = { greeting, prober, reader } as const;
export type FilterName = keyof typeof filters;

/** A filter somewhere. */
export interface PlacedFilter {
  readonly definition: AnyDefinition;
  /** Resolves when the filter's side has nothing more to say. */
  settle(): Promise<void>;
}

export interface RuntimeFixture {
  readonly name: string;
  /** Which of the table's filters exist there. */
  readonly filters: readonly FilterName[];
  place(filter: FilterName): PlacedFilter;
}

const ALL: readonly FilterName[] = ["greeting", "prober", "reader"];
const settled = async (): Promise<void> => {};

export const inline: RuntimeFixture = {
  name: "inline",
  filters: ALL,
  place: (name) => ({ definition: filters[name] as AnyDefinition, settle: settled }),
};

const ASKED = /^on(Request|Response|Informational)/;

/** Every hook that answers returns a promise. */
export const promised: RuntimeFixture = {
  name: "inline, as promises",
  filters: ALL,
  place: (name) => {
    const definition = filters[name] as unknown as AnyHttpFilterDefinition;
    const create = async (config: never, context: FilterContext): Promise<object> => {
      const hooks = (await definition.create(config, context)) as HttpFilter;
      const wrap = (hook: (...parameters: unknown[]) => unknown) =>
        async function promising(...parameters: unknown[]): Promise<unknown> {
          return hook.apply(hooks, parameters);
        };
      return Object.fromEntries(
        Object.entries(hooks).map(([key, hook]) => [key, ASKED.test(key) ? wrap(hook as never) : hook]),
      );
    };
    return { definition: { ...definition, create } as AnyDefinition, settle: settled };
  },
};

/** No test depends on how long something takes: limits are for what never ends. */
export const patient: WorkerRuntimeModel = { ...workerRuntimeDefaults, maxTimeMs: 20_000, maxHeldTimeMs: 60_000 };

export const filtersModule = {
  specifier: "filters.ts",
  url: new URL("./filters.ts", import.meta.url).href,
  bundle: undefined,
};

/** Real time, for threads are real. */
export function realHost(overrides: Partial<IsolateHost> = {}): IsolateHost {
  const clock = new RealClock();
  const log = { enabled: () => true, write() {} };
  return {
    module: filtersModule,
    clock,
    timers: new TimerWheel(clock),
    log,
    startLimitMs: 2 * START_LIMIT_MS,
    ...overrides,
  };
}

/** An isolated filter, and a way to wait for its threads. */
export function isolated(
  definition: AnyHttpFilterDefinition,
  options: WorkerRuntimeModel,
  host: IsolateHost,
): PlacedFilter {
  let filter: IsolatedFilter | null = null;
  const create = (config: never, context: FilterContext): Promise<unknown> => {
    filter = new IsolatedFilter(definition, config, options, host, context);
    return filter.start();
  };
  return {
    definition: { ...isolate(definition, options, host), create } as AnyDefinition,
    settle: async () => {
      // Some turns of both loops: what one caused may cause another.
      for (let turns = 0; turns < 6 && filter !== null; turns++) {
        await untilQuiet(filter);
        filter.ping();
      }
      if (filter !== null) await untilQuiet(filter);
    },
  };
}

async function untilQuiet(filter: IsolatedFilter): Promise<void> {
  do await new Promise((resolve) => void immediate(resolve));
  while (!filter.isQuiet);
  // What came with the last turn.
  await new Promise((resolve) => void immediate(resolve));
}

export const worker: RuntimeFixture = {
  name: "worker",
  filters: ALL,
  place: (name) => isolated(filters[name] as unknown as AnyHttpFilterDefinition, patient, realHost()),
};
