/** Timers and handles of Node that code under test has opened and not closed: only those that the code itself made, whatever else the process does. */
import { AsyncLocalStorage, createHook } from "node:async_hooks";
import { nextTurn } from "../kit-services.ts";

/** What keeps something open. Requests that end by themselves (reads of files, look-ups of names) are not among it. */
const HANDLES: ReadonlySet<string> = new Set([
  "Timeout",
  "Immediate",
  "TCPWRAP",
  "TCPSERVERWRAP",
  "PIPEWRAP",
  "PIPESERVERWRAP",
  "UDPWRAP",
  "TLSWRAP",
  "HTTP2SESSION",
  "FSEVENTWRAP",
  "STATWATCHER",
  "FILEHANDLE",
  "PROCESSWRAP",
  "WORKER",
  "MESSAGEPORT",
  "SIGNALWRAP",
]);
const TURNS = 20;

const scope = new AsyncLocalStorage<Set<number>>();

/** Runs it, and names what it has left open. What is on its way to its end is given some turns of the event loop. */
export async function leftOpenBy(run: () => Promise<void>): Promise<string[]> {
  const open = new Set<number>();
  const types = new Map<number, string>();
  const hook = createHook({
    init(id, type) {
      if (!HANDLES.has(type) || scope.getStore() !== open) return;
      open.add(id);
      types.set(id, type);
    },
    destroy: (id) => void open.delete(id),
  });
  hook.enable();
  try {
    await scope.run(open, run);
    for (let i = 0; i < TURNS && open.size > 0; i++) await nextTurn();
  } finally {
    hook.disable();
  }
  return [...open].map((id) => types.get(id)!);
}
