// What is left of a busy machine's numbers: costs from made-up batches whose truth is known.
import { describe, expect, test } from "vitest";
import { EMPTY, ProcessEstimate, estimates } from "./estimate.ts";
import { Lcg } from "./shuffle.ts";
import type { BenchSample, VariantSample } from "./types.ts";

const TRUE_NS = { [EMPTY]: 1000, "filters:1": 1200 };

/** A process on a machine whose speed changes every few batches; `busy`: the share of time in which it is 1.8 times as slow. */
function sample(seed: number, busy: number, turns = 400): BenchSample {
  const random = new Lcg(seed);
  let factor = random.next() < busy ? 1.8 : 1;
  const batch = (ns: number): number => {
    if (random.next() < 0.1) factor = random.next() < busy ? 1.8 : 1;
    const interrupted = random.next() < 0.03 ? 5000 : 0;
    return ns * factor * (1 + 0.02 * random.next()) + interrupted;
  };
  const empty: number[] = [];
  const filters = { batches: [] as number[], around: [] as number[] };
  let before = batch(TRUE_NS[EMPTY]);
  for (let turn = 0; turn < turns; turn++) {
    const ns = batch(TRUE_NS["filters:1"]);
    const after = batch(TRUE_NS[EMPTY]);
    filters.batches.push(ns);
    filters.around.push(Math.max(before, after));
    empty.push(after);
    before = after;
  }
  return {
    referenceNs: 500,
    variants: [variant(EMPTY, empty, empty), variant("filters:1", filters.batches, filters.around)],
  };
}

function variant(name: string, batches: readonly number[], around: readonly number[]): VariantSample {
  return { name, batches, around, bytes: 0, statuses: { 200: 1 }, asyncShare: 0, hooks: [] };
}

describe("a filter of 200 ns", () => {
  test.each([0, 0.3, 0.6, 0.85])("is found within 5 %% where the machine is busy %d of the time", (busy) => {
    for (let seed = 1; seed <= 20; seed++) {
      const { quiet } = estimates([sample(seed, busy, 2000)]);
      expect(quiet).toHaveLength(1);
      expect(Math.abs(quiet[0]!.over("filters:1", EMPTY) - 200)).toBeLessThan(10 + 200 * 0.05);
    }
  });

  test("a process that was never quiet is told from one that was", () => {
    const { all, quiet } = estimates([sample(1, 0), sample(2, 1), sample(3, 0)]);
    expect(all.map(({ isQuiet }) => isQuiet)).toEqual([true, false, true]);
    expect(quiet).toHaveLength(2);
    // By itself it would seem quiet, and its ratio is right.
    const alone = new ProcessEstimate(sample(2, 1), 0);
    expect(alone.over("filters:1", EMPTY) / alone.ns(EMPTY)).toBeCloseTo(0.2, 1);
  });
});
