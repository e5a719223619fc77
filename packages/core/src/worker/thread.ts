/**
 * The entry of a worker thread: makes its services, loads the built-in filters, and carries out what main asks. It names no filter
 * package: main says which modules to load.
 */
import { parentPort, workerData } from "node:worker_threads";
import { Registry } from "../registry/registry.ts";
import { StatsStore } from "../stats/stats-store.ts";
import { RealClock } from "../timing/real-clock.ts";
import type { DataPlane } from "./data-plane.ts";
import { BeatingHeart } from "./heartbeat.ts";
import { type LogSink, LogThreshold } from "./log.ts";
import type { FromWorker, ToWorker, WorkerStart } from "./messages.ts";
import type { RuntimeParts } from "./parts.ts";
import { WorkerRuntime } from "./runtime.ts";
import { createServices } from "./services-of-thread.ts";

const start = workerData as WorkerStart;
const post = (message: FromWorker) => parentPort!.postMessage(message);

async function main(): Promise<void> {
  const threshold = new LogThreshold(start.logLevel);
  const log: LogSink = {
    enabled: (level) => threshold.passes(level),
    write: (level, component, message, fields) => {
      if (threshold.passes(level))
        post({ kind: "log", level, component, message, fields: fields === undefined ? undefined : cloneable(fields) });
    },
  };
  const stats = new StatsStore({
    addSlab: (slab, memory) => post({ kind: "slab", slab, memory }),
    add: (metrics) => post({ kind: "metrics", metrics }),
    remove: (ids) => post({ kind: "removed", ids }),
  });
  const clock = new RealClock();
  const heartbeat = new BeatingHeart(start.heartbeat, clock, (filter, name) => post({ kind: "filter", filter, name }));
  heartbeat.start();
  containRejections(log, stats);

  const registry = new Registry();
  const problems = await registry.load(start.builtins.map((url) => ({ specifier: url, url })));
  if (problems[0] !== undefined)
    return post({ kind: "broken", message: `${problems[0].source} ${problems[0].message}` });
  const { parts } = (await (start.parts === null ? import("./compose.ts") : import(start.parts))) as {
    readonly parts: RuntimeParts;
  };
  const services = createServices({
    workerIndex: start.index,
    stats,
    shared: start.shared,
    log,
    heartbeat,
    clock,
    ticketKeys: start.ticketKeys,
    hostReports: { report: (cluster, address, event) => post({ kind: "host", cluster, address, event }) },
  });
  const plane: DataPlane = new WorkerRuntime(services, registry, parts);
  parentPort!.on("message", (message: ToWorker) => {
    if (message.kind === "reclaim") stats.reclaim(message.ids);
    else void answer(plane, message);
  });
  post({ kind: "ready" });
}

async function answer(
  plane: DataPlane,
  { id, method, parameters }: Extract<ToWorker, { kind: "call" }>,
): Promise<void> {
  try {
    const call = plane[method] as (...parameters: unknown[]) => Promise<unknown>;
    const value = await call.apply(plane, [...parameters]);
    post({ kind: "result", id, value });
  } catch (error) {
    post({ kind: "failure", id, message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

/** A promise that a filter dropped must not take all connections of the thread with it. An exception that nobody caught does. */
function containRejections(log: LogSink, stats: StatsStore): void {
  const rejected = stats.counter(`server.worker_${start.index}.unhandled_rejection`);
  process.on("unhandledRejection", (reason) => {
    rejected.inc();
    log.write("error", "worker", "a promise was rejected and nobody handled it", {
      error: reason instanceof Error ? (reason.stack ?? reason.message) : String(reason),
    });
  });
}

/** Fields of log lines come from filters; what cannot cross to main is written as text. */
function cloneable(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    const plain = value === null || ["string", "number", "boolean", "undefined"].includes(typeof value);
    safe[key] = plain ? value : value instanceof Error ? (value.stack ?? value.message) : toText(value);
  }
  return safe;
}

function toText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

await main();
