/**
 * Whether a new version costs more than the old one, from one pair of costs a process. Two conditions: so many processes agree on the
 * direction as chance would have agree in fewer than 7 of 1000 runs (the exact sign test), and the change is larger than what anybody would act on. The test
 * asks only that noise favours either version as often, which is why the order is reversed every second process; how far a process
 * went wrong does not matter to it.
 */
import { median } from "./statistics.ts";

/** Greatest probability of an alarm where nothing has changed; the second condition makes it smaller. */
export const FALSE_ALARM = 0.007;
/** Changes below it are never called one. */
export const LEAST_CHANGE = 0.03;
/** Fewer pairs than this cannot reach {@link FALSE_ALARM}. */
export const LEAST_ROUNDS = 8;

export interface Decision {
  /** new / old − 1, the median over the pairs. */
  readonly change: number;
  /** Changes below it would most likely not have been told from noise in this run. */
  readonly noise: number;
  /** One-sided, for the direction of the change. */
  readonly p: number;
  readonly verdict: "slower" | "faster" | "same";
}

export interface CostPair {
  readonly old: number;
  readonly new: number;
}

/** @param leastNs costs are taken as at least that: a ratio of two numbers that are nearly nothing says nothing */
export function decide(pairs: readonly CostPair[], leastNs: number): Decision {
  const changes = pairs.map((pair) => (pair.new - pair.old) / Math.max(leastNs, pair.old));
  const change = median(changes);
  const p = signP(changes, Math.sign(change));
  const noise = Math.max(LEAST_CHANGE, detectable(changes, change));
  const isReal = p <= FALSE_ALARM && Math.abs(change) >= LEAST_CHANGE;
  return { change, noise, p, verdict: !isReal ? "same" : change > 0 ? "slower" : "faster" };
}

/** About three standard errors of the median, by the median deviation. */
function detectable(changes: readonly number[], center: number): number {
  const deviation = 1.4826 * median(changes.map((change) => Math.abs(change - center)));
  return (3 * 1.25 * deviation) / Math.sqrt(changes.length);
}

/** The exact sign test: how likely at least as many differences of that sign are where both signs are. Zero is against. */
export function signP(differences: readonly number[], sign: number): number {
  const count = differences.length;
  if (count === 0 || sign === 0) return 1;
  const agreeing = differences.filter((difference) => Math.sign(difference) === sign).length;
  let ways = 1;
  let atLeast = 0;
  for (let i = 0; i <= count; i++) {
    if (i >= agreeing) atLeast += ways;
    ways = (ways * (count - i)) / (i + 1);
  }
  return atLeast / 2 ** count;
}
