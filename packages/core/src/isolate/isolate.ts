/**
 * Turns the definition of an HTTP filter into one of the same filter in threads of its own (`runtime: worker`): its hooks return promises, and the engine
 * runs them as it runs any other. Isolates faults, not malice: a thread shares the process.
 */
import type { FilterContext, HttpFilterDefinition, StandardSchema } from "@sluice/sdk";
import type { ExtensionModule, Json } from "../config/model.ts";
import type { WorkerRuntimeModel } from "../config/runtime-model.ts";
import type { AnyHttpFilterDefinition } from "../registry/registry.ts";
import { judge } from "../registry/schema.ts";
import type { Timers } from "../timing/clock.ts";
import type { LogSink } from "../worker/log.ts";
import { IsolatedFilter } from "./near/isolated-filter.ts";
import { RemoteStream } from "./near/remote-stream.ts";
import { portabilityProblem } from "./portability.ts";

/** What the runtime needs of its worker. */
export interface IsolateHost {
  /** Where the thread finds the definition. */
  readonly module: Pick<ExtensionModule, "specifier" | "url" | "bundle">;
  readonly clock: { now(): number; turnNow(): number; wallNow(): number };
  readonly timers: Timers;
  readonly log: LogSink;
  /** How long a thread may take to come up; milliseconds. */
  readonly startLimitMs: number;
}

/** As the watchdog's `kill_timeout`. */
export const START_LIMIT_MS = 10_000;

/**
 * The definition's schemas yield the configuration as written, once they have found it good: the thread runs them again, since what they make need not be plain data.
 * @throws TypeError where the filter is not portable.
 */
export function isolate(
  definition: AnyHttpFilterDefinition,
  options: WorkerRuntimeModel,
  host: IsolateHost,
): AnyHttpFilterDefinition {
  const problem = portabilityProblem(definition);
  if (problem !== null) throw new TypeError(problem);
  const isolated: HttpFilterDefinition = {
    ...definition,
    config: asWritten(definition.config),
    ...(definition.routeConfig !== undefined && { routeConfig: asWritten(definition.routeConfig) }),
    newState: () => new RemoteStream(),
    create: (config: unknown, context: FilterContext) =>
      new IsolatedFilter(definition, config as Json, options, host, context).start(),
  };
  return isolated as AnyHttpFilterDefinition;
}

function asWritten(schema: unknown): StandardSchema<unknown, unknown> {
  return {
    "~standard": {
      version: 1,
      vendor: "sluice",
      validate: (value) => {
        const verdict = judge(schema, value as Json);
        return verdict.ok ? { value } : { issues: verdict.issues };
      },
    },
  };
}
