/**
 * How long a thread has really run, and how long it was ready to and had no processor: on a busy machine the clock alone says neither. Linux tells it in /proc (schedstat);
 * elsewhere, and where a thread may not read there, it is not known.
 */
import { readFileSync, readlinkSync } from "node:fs";

/** The system's number of the calling thread; 0 where it is not known. */
export function ownThreadNumber(): number {
  try {
    return Number(/\d+$/.exec(readlinkSync("/proc/thread-self"))?.[0] ?? 0);
  } catch {
    return 0;
  }
}

/** Milliseconds since the thread's start. */
export interface ThreadTimes {
  readonly ranMs: number;
  readonly waitedMs: number;
}

export function timesOf(threadNumber: number): ThreadTimes | null {
  if (threadNumber === 0) return null;
  try {
    const [ranNs, waitedNs] = readFileSync(`/proc/self/task/${threadNumber}/schedstat`, "latin1").split(" ");
    return { ranMs: Number(ranNs) / 1e6, waitedMs: Number(waitedNs) / 1e6 };
  } catch {
    return null;
  }
}
