/** Runs the rounds: a fresh process each, one after the other, with the order of the chains reversed every second time. */
import { bestOf, emptyOf, estimates } from "./estimate.ts";
import { measureInProcess } from "./process.ts";
import type { BenchSample, Subject, Traffic, Variant } from "./types.ts";

/** How long each process measures. */
export interface Effort {
  /** Quiet batches of each variant in each process. @default 80 */
  readonly batches?: number;
  /** Where there are too few: for one variant in one process. @default 300 */
  readonly limitMs?: number;
  /** Of CPU time. @default 60 */
  readonly warmUpMs?: number;
  /** Where processes were not quiet: at most so many times the rounds. @default 1.6 */
  readonly most?: number;
}

export interface RoundsOptions extends Effort {
  readonly subjects: readonly Subject[];
  readonly traffic: Traffic;
  /** In the order of the first round. */
  readonly variants: readonly Variant[];
  readonly rounds: number;
  readonly hooksOf?: readonly string[];
  readonly onRound?: (done: number) => void;
}

const START_MS = 60_000;
const MOST = 1.6;

export async function runRounds(options: RoundsOptions): Promise<BenchSample[]> {
  const {
    subjects,
    traffic,
    variants,
    rounds,
    batches = 150,
    limitMs = 400,
    warmUpMs = 60,
    most = MOST,
    hooksOf = [],
    onRound,
  } = options;
  const samples: BenchSample[] = [];
  const atMost = Math.ceil(rounds * most);
  let bestEmptyNs = 0;
  // A process that never had the machine to itself is made up for by another one.
  for (let round = 0; round < atMost && !isEnough(samples, rounds); round++) {
    const order = round % 2 === 0 ? variants : variants.toReversed();
    const sample = await measureInProcess(
      {
        subjects,
        traffic,
        variants: order,
        batches,
        limitMs: limitMs * variants.length,
        warmUpMs,
        hooksOf,
        bestEmptyNs,
        seed: round + 1,
      },
      START_MS + 10 * limitMs * variants.length,
    );
    samples.push(sample);
    const best = bestOf(emptyOf(sample));
    if (bestEmptyNs === 0 || best < bestEmptyNs) bestEmptyNs = best;
    onRound?.(round + 1);
  }
  return samples;
}

function isEnough(samples: readonly BenchSample[], rounds: number): boolean {
  return samples.length >= rounds && estimates(samples).quiet.length >= rounds;
}
