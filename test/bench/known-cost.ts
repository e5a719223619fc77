// What the filters of known cost truly cost, by plain clock and heap readings in this process: nothing of the bench's own has a part in it.
import { allocate, keptSoFar, spin } from "./fixtures/known-cost.ts";

export const FIXTURE: string = import.meta.resolve("./fixtures/known-cost.ts");
export const FIXTURE_ID = "bench.http.known_cost";

/** Nanoseconds of `spin(turns)`: the best of many batches. */
export function spinNs(turns: number): number {
  const calls = Math.max(1, Math.round(200_000 / turns));
  let best = Infinity;
  for (let batch = 0; batch < 300; batch++) {
    const start = performance.now();
    for (let call = 0; call < calls; call++) spin(turns);
    best = Math.min(best, ((performance.now() - start) * 1e6) / calls);
  }
  return best;
}

/** How many turns take `ns`. */
export function turnsFor(ns: number): number {
  // So often that it is compiled for the last time: in between it may run at a fifth of its speed.
  for (let call = 0; call < 20_000; call++) spin(500);
  return Math.round(ns / (spinNs(5000) / 5000));
}

/** Bytes that `allocate(bytes)` takes. The process needs `--expose-gc`, or luck. */
export function allocatedBy(bytes: number): number {
  const calls = 300;
  const samples: number[] = [];
  for (let sample = 0; sample < 9; sample++) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let call = 0; call < calls; call++) allocate(bytes);
    samples.push((process.memoryUsage().heapUsed - before) / calls);
  }
  if (keptSoFar() === null) throw new Error("nothing was allocated");
  return samples.sort((a, b) => a - b)[samples.length >> 1]!;
}
