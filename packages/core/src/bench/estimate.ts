/**
 * From the batches of measuring processes to nanoseconds. A shared machine has two speeds or more (a neighbour on the same core makes everything up to twice
 * as slow), so only quiet batches count: those between two batches of the empty chain that both came close to its best. What a filter took has no say in it.
 */
import { median, quantile } from "./statistics.ts";
import type { BenchSample, VariantSample } from "./types.ts";

/** Name of the variant that every job has. */
export const EMPTY = "empty";
/** A batch is quiet where the empty chain took at most so much more than its best. */
const QUIET = 1.1;
const BEST = 0.02;
/** A process with fewer quiet batches of any variant had the machine never to itself. */
const LEAST_QUIET = 12;

/** The best time of the empty chain, without what a single lucky batch says. */
export function bestOf(emptyBatches: readonly number[]): number {
  return quantile(emptyBatches, BEST);
}

/** `bestElsewhere`: of other processes; 0: none. */
export function quietBelow(emptyBatches: readonly number[], bestElsewhere: number): number {
  const own = bestOf(emptyBatches);
  return QUIET * (bestElsewhere === 0 ? own : Math.min(own, bestElsewhere));
}

export function quietBatches({ batches, around }: Pick<VariantSample, "batches" | "around">, limit: number): number[] {
  return batches.filter((_, i) => around[i]! <= limit);
}

/** What one process says of its variants, in nanoseconds per request. */
export class ProcessEstimate {
  readonly #samples = new Map<string, VariantSample>();
  readonly #ns = new Map<string, number>();
  /** Whether it ran at the best speed that was seen anywhere; else its times are those of its own best. */
  readonly isQuiet: boolean;

  constructor(sample: BenchSample, bestElsewhere: number) {
    const { variants } = sample;
    const empty = emptyOf(sample);
    const limit = quietBelow(empty, bestElsewhere);
    this.isQuiet = variants.every((variant) => quietBatches(variant, limit).length >= LEAST_QUIET);
    const ownLimit = this.isQuiet ? limit : quietBelow(empty, 0);
    for (const variant of variants) {
      const quiet = quietBatches(variant, ownLimit);
      this.#samples.set(variant.name, variant);
      this.#ns.set(variant.name, quiet.length >= LEAST_QUIET ? median(quiet) : quantile(variant.batches, 0.1));
    }
  }

  variant(name: string): VariantSample {
    return found(this.#samples.get(name), name);
  }

  /** Of the whole request. */
  ns(name: string): number {
    return found(this.#ns.get(name), name);
  }

  /** Of one variant over another. */
  over(name: string, under: string): number {
    return this.ns(name) - this.ns(under);
  }
}

/** One estimate a process. Where any process was quiet, those that never were say nothing of absolute times. */
export function estimates(samples: readonly BenchSample[]): {
  readonly all: readonly ProcessEstimate[];
  readonly quiet: readonly ProcessEstimate[];
} {
  const best = Math.min(...samples.map((sample) => bestOf(emptyOf(sample))));
  const all = samples.map((sample) => new ProcessEstimate(sample, best));
  return { all, quiet: all.filter(({ isQuiet }) => isQuiet) };
}

export function emptyOf({ variants }: BenchSample): readonly number[] {
  return found(
    variants.find(({ name }) => name === EMPTY),
    EMPTY,
  ).batches;
}

function found<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`no variant ${name} was measured`);
  return value;
}
