/** Bytes that stay in use after collections. The collector is reached through a flag that Node lets a running process set. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { nextTurn } from "../kit-services.ts";

let collect: (() => void) | null = null;

const TRIES = 6;

function bytesNow(): number {
  if (collect === null) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What is in use when nothing more is freed. */
export async function bytesInUse(): Promise<number> {
  let least = bytesNow();
  for (let i = 0; i < 3; i++) {
    await nextTurn();
    least = Math.min(least, bytesNow());
  }
  return least;
}

/** What is in use. Buffers are freed in the background: as long as it is more than `enough` it is asked again. */
export async function bytesDownTo(enough: number): Promise<number> {
  let least = bytesNow();
  for (let i = 1; i < TRIES && least > enough; i++) {
    await nextTurn();
    least = Math.min(least, bytesNow());
  }
  return least;
}
