/** A fixed piece of work that has nothing to do with Sluice: how fast this machine is right now. Numbers of two runs are compared through it. */
import { quantile } from "./statistics.ts";

const BATCHES = 60;
const ROUNDS = 400;

/** Nanoseconds of one round: the lower quartile. */
export function referenceNs(): number {
  const batches: number[] = [];
  for (let batch = 0; batch < BATCHES; batch++) {
    const start = performance.now();
    for (let round = 0; round < ROUNDS; round++) work(round);
    batches.push(((performance.now() - start) * 1e6) / ROUNDS);
  }
  // What the first batches took was compiling.
  return quantile(batches.slice(BATCHES >> 1), 0.25);
}

let sink = 0;

/** What filters do: look things up, compare text, make small objects. */
function work(seed: number): void {
  const headers = new Map<string, string>();
  for (let i = 0; i < 8; i++) headers.set(`name-${(seed + i) & 15}`, `value-${i}`);
  let found = 0;
  for (const [name, value] of headers) if (name.endsWith("7") || value.startsWith("value-3")) found += value.length;
  sink = (sink + found) | 0;
}

/** Keeps the work from being left out as useless. */
export function referenceSink(): number {
  return sink;
}
