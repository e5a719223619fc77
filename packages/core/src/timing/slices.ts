/** Long jobs on a thread that carries traffic: a few milliseconds of work, then whatever waits, then work again. */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "./clock.ts";

/** A slice ends with the first step that ends after it; a step is to be far shorter. The collector takes its time on top. */
const SLICE_MS = 2;

/** Runs a job to its end in one go. */
export function atOnce<Result>(steps: Iterator<undefined, Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Runs a job in slices of a few milliseconds. Rejects with what a step throws. */
export async function inSlices<Result>(steps: Iterator<undefined, Result>, clock: Pick<Clock, "now">): Promise<Result> {
  for (;;) {
    const end = clock.now() + SLICE_MS;
    do {
      const step = steps.next();
      if (step.done === true) return step.value;
    } while (clock.now() < end);
    await nextTurn();
  }
}
