/**
 * Starts and ends one thread of an isolated filter. piscina hosts it: a pool of one thread whose one task lasts as long as the thread, so that its end,
 * whatever the reason, is the end of the task. Entries travel over a port of their own, many to a message (docs/adr/0010).
 */
import type { MessagePort } from "node:worker_threads";
import { MessageChannel } from "node:worker_threads";
import type { WorkerRuntimeModel } from "../../config/runtime-model.ts";
import type { FarStart } from "../protocol.ts";
import { keepGenericWasmWrappers } from "../wasm-wrappers.ts";

const MIB = 1024 * 1024;
/** Of a heap limit; V8 needs some for what has just been made. */
const YOUNG_SHARE = 8;

/** Why a thread is no more. */
export type ThreadEnd =
  | { readonly kind: "closed" }
  /** By its worker: it ran for too long, or holds too many buffers. */
  | { readonly kind: "terminated" | "out_of_memory"; readonly message: string }
  /** By itself: an exception that nobody caught, or an exit. */
  | { readonly kind: "died"; readonly message: string };

export interface HostedThread {
  readonly port: MessagePort;
  /** Never rejects. */
  readonly ended: Promise<ThreadEnd>;
  /** Ends it now; `ended` says why. Resolves when it is gone. */
  end(why: ThreadEnd): Promise<void>;
}

/** Beside this file's chunk as `isolate.js`, as worker/entry-url.ts has it. */
function threadEntry(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "../far/thread.ts" : "./isolate.js", import.meta.url);
}

export async function hostThread(start: FarStart, options: WorkerRuntimeModel): Promise<HostedThread> {
  // Only a worker that isolates a filter pays for it.
  const { Piscina } = await import("piscina");
  keepGenericWasmWrappers();
  const heapMiB = options.memoryBytes / MIB;
  const pool = new Piscina({
    filename: threadEntry().href,
    // Made for the task, and not made anew when it is gone: who takes its place is decided here.
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    // Between messages the thread's own loop has to turn: the filter has timers and sockets of its own.
    atomics: "disabled",
    recordTiming: false,
    workerHistogram: false,
    resourceLimits: {
      maxOldGenerationSizeMb: heapMiB,
      maxYoungGenerationSizeMb: Math.max(1, heapMiB / YOUNG_SHARE),
    },
    ...(options.execArgv.length > 0 && { execArgv: [...inherited(process.execArgv), ...options.execArgv] }),
  });
  // What ends the thread ends its task; an end after that is nobody's business.
  pool.on("error", () => {});
  const { port1: port, port2 } = new MessageChannel();
  let reason: ThreadEnd | null = null;
  // Once: a second call would make piscina think that the first is over, and start a thread in the place of the one that ends.
  let destroyed: Promise<void> | null = null;
  const destroy = (): Promise<void> => {
    port.close();
    return (destroyed ??= pool.destroy());
  };
  const ended = pool.run({ start, port: port2 }, { transferList: [port2] }).then(
    (): ThreadEnd => reason ?? { kind: "closed" },
    (error: unknown): ThreadEnd => reason ?? endOf(error),
  );
  return {
    port,
    ended: ended.then(async (end) => {
      await destroy();
      return end;
    }),
    end: async (why) => {
      reason ??= why;
      await destroy();
    },
  };
}

function endOf(error: unknown): ThreadEnd {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  const text = typeof message === "string" ? message : String(error);
  if (code === "ERR_WORKER_OUT_OF_MEMORY") return { kind: "out_of_memory", message: "it reached its memory limit" };
  return { kind: "died", message: text };
}

/** Options that decide what an import finds; a thread may not be given all that a process may. */
function inherited(execArgv: readonly string[]): string[] {
  const kept: string[] = [];
  for (const [i, option] of execArgv.entries()) {
    if (/^(--conditions|-C|--enable-source-maps)(=|$)/.test(option)) kept.push(option);
    else if (/^(--conditions|-C)$/.test(execArgv[i - 1] ?? "")) kept.push(option);
  }
  return kept;
}
