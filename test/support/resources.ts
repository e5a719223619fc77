// What a process holds on to: sockets and timers by Node's own count, and the heap after a full collection.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Live handles by type: `TCPSocketWrap`, `Timeout`, … */
export function activeResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}

export function openSockets(): number {
  return activeResources().get("TCPSocketWrap") ?? 0;
}

/** Bytes of the heap that survive a collection. */
export async function heapBytes(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // Finalizers and destroyed handles let go in the turns after a collection.
  for (let round = 0; round < 3; round++) {
    collect();
    await new Promise(setImmediate);
  }
  return process.memoryUsage().heapUsed;
}
