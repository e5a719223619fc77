/**
 * `runtime` of an HTTP filter: `inline`, `worker`, or `{ worker: { … } }`, in the short form beside the filter and in the long form inside the wrapper
 * (filter-options.ts). What is left out has the default.
 */
import { isMapping } from "../is-mapping.ts";
import { MEMORY_EXPECTED, readMemory } from "../../isolate/wasm/component-options.ts";
import { portabilityProblem } from "../../isolate/portability.ts";
import { didYouMean } from "../did-you-mean.ts";
import { meantDuration, parseDuration } from "../envoy/durations.ts";
import type { Json } from "../model.ts";
import { type WorkerRuntimeModel, workerRuntimeDefaults } from "../runtime-model.ts";
import type { JsonObject } from "../source/source.ts";
import type { CompileContext } from "./context.ts";

const EXPECTED = '"inline", "worker", or { worker: { … } }';
const MAX_THREADS = 64;
const MAX_QUEUE = 1_000_000;
/** Less, and the thread cannot load its own code. */
const MIN_MEMORY = 16 * 1024 * 1024;

/** A key of `worker`, the field that it sets, and how its value is read: undefined where it is wrong. */
interface Key {
  readonly field: keyof WorkerRuntimeModel;
  readonly expected: string;
  read(value: Json): WorkerRuntimeModel[keyof WorkerRuntimeModel] | undefined;
}

const KEYS: Readonly<Record<string, Key>> = {
  threads: {
    field: "threads",
    expected: `a whole number from 1 to ${MAX_THREADS}`,
    read: (value) => whole(value, MAX_THREADS),
  },
  max_time: { field: "maxTimeMs", expected: "a duration above 0, like 50ms", read: duration },
  max_held_time: { field: "maxHeldTimeMs", expected: "a duration above 0, like 5s", read: duration },
  memory: {
    field: "memoryBytes",
    expected: MEMORY_EXPECTED.replace("64KiB", "16MiB").replace("like 16MiB", "like 64MiB"),
    read: (value) => {
      const bytes = readMemory(value);
      return bytes === undefined || bytes < MIN_MEMORY ? undefined : bytes;
    },
  },
  max_queue: {
    field: "maxQueue",
    expected: `a whole number from 1 to ${MAX_QUEUE}`,
    read: (value) => whole(value, MAX_QUEUE),
  },
  exec_argv: {
    field: "execArgv",
    expected: 'a list of options of Node, like ["--permission"]',
    read: (value) =>
      Array.isArray(value) && value.every((each) => typeof each === "string" && each.startsWith("-"))
        ? (value as string[])
        : undefined,
  },
};

/** undefined: inline, or wrong, which is reported. `holder` has the key `runtime`. */
export function compileRuntime(context: CompileContext, holder: JsonObject): WorkerRuntimeModel | undefined {
  const value = holder["runtime"];
  if (value === undefined || value === "inline") return undefined;
  if (value === "worker") return workerRuntimeDefaults;
  const worker = isMapping(value) ? value["worker"] : undefined;
  if (!isMapping(value) || Object.keys(value).length !== 1 || !isMapping(worker)) {
    context.errorAt(holder, ["runtime"], "ERR_CONFIG_TYPE", "runtime is something else", { expected: EXPECTED });
    return undefined;
  }
  return compileWorker(context, holder, worker);
}

function compileWorker(context: CompileContext, holder: JsonObject, worker: JsonObject): WorkerRuntimeModel {
  const made: Record<string, unknown> = { ...workerRuntimeDefaults };
  for (const [key, value] of Object.entries(worker)) {
    const at = ["runtime", "worker", key];
    const known = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (known === undefined) {
      context.errorAt(holder, at, "ERR_CONFIG_UNKNOWN_FIELD", `unknown key "${key}"`, {
        suggestion: didYouMean(key, Object.keys(KEYS)),
      });
      continue;
    }
    const read = known.read(value);
    if (read === undefined)
      context.errorAt(holder, at, "ERR_CONFIG_TYPE", `${key} is something else`, { expected: known.expected });
    else made[known.field] = read;
  }
  return made as unknown as WorkerRuntimeModel;
}

/** Says at `holder.runtime` why a filter cannot run in threads of its own. */
export function checkIsolation(context: CompileContext, holder: JsonObject, id: string): void {
  const definition = context.registry.http(id);
  if (definition === undefined) return;
  const problem =
    portabilityProblem(definition) ??
    (context.registry.moduleOf(id) === undefined
      ? `${id} stands in this program's memory, and a thread of its own has to load it from a file or a package`
      : null);
  if (problem !== null)
    context.errorAt(holder, ["runtime"], "ERR_CONFIG_CONFLICT", problem, { expected: 'runtime "inline"' });
}

function whole(value: Json, max: number): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= max ? value : undefined;
}

/** Milliseconds. Also with `ms`, which durations of protobuf do not have. */
function duration(value: Json): number | undefined {
  if (typeof value !== "string") return undefined;
  const text = /[a-z]$/.test(value) ? meantDuration(value) : undefined;
  const parsed = text === undefined ? undefined : parseDuration(text);
  if (parsed === undefined) return undefined;
  const ms = Number(parsed.seconds) * 1000 + parsed.nanos / 1e6;
  return ms > 0 ? ms : undefined;
}
