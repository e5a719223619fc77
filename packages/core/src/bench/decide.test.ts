// When a difference is an alarm: the exact test against brute force, false alarms and missed ones on noise from a seed.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CostPair, FALSE_ALARM, LEAST_CHANGE, LEAST_ROUNDS, decide, signP } from "./decide.ts";
import { Lcg } from "./shuffle.ts";

describe("the sign test", () => {
  test("is exact: as counting all signs says", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(-2, -1, 1, 2), { minLength: 1, maxLength: 10 }), (differences) => {
        expect(signP(differences, 1)).toBeCloseTo(bruteForce(differences), 12);
      }),
    );
  });

  test("two of fourteen may disagree, three may not", () => {
    const with_ = (against: number) => signP([...Array(14 - against).fill(1), ...Array(against).fill(-100)], 1);
    expect(with_(2)).toBeLessThan(FALSE_ALARM);
    expect(with_(3)).toBeGreaterThan(FALSE_ALARM);
    expect(signP(Array(LEAST_ROUNDS).fill(1), 1)).toBeLessThan(FALSE_ALARM);
  });

  test("nothing to compare is no evidence", () => {
    expect(signP([], 1)).toBe(1);
    expect(signP([0, 0, 0, 0, 0, 0, 0, 0], 1)).toBe(1);
  });
});

function bruteForce(differences: readonly number[]): number {
  const found = differences.filter((difference) => difference > 0).length;
  const { length } = differences;
  let atLeast = 0;
  for (let signs = 0; signs < 2 ** length; signs++) {
    let positive = 0;
    for (let i = 0; i < length; i++) positive += (signs >> i) & 1;
    if (positive >= found) atLeast++;
  }
  return atLeast / 2 ** length;
}

/** A bell of about the given width, with now and then a process that went wrong altogether. */
function noisyPairs(random: Lcg, ratio: number, deviation: number): CostPair[] {
  return Array.from({ length: 14 }, () => {
    const noise = (): number => {
      let sum = -6;
      for (let i = 0; i < 12; i++) sum += random.next();
      const isOutlier = random.next() < 0.04;
      return Math.max(0.2, 1 + deviation * sum + (isOutlier ? random.next() - 0.3 : 0));
    };
    return { old: 1500 * noise(), new: 1500 * ratio * noise() };
  });
}

function share(verdict: string, ratio: number, deviation: number, runs = 1500): number {
  const random = new Lcg(7);
  let count = 0;
  for (let run = 0; run < runs; run++)
    if (decide(noisyPairs(random, ratio, deviation), 30).verdict === verdict) count++;
  return count / runs;
}

describe("alarms", () => {
  test.each([0.01, 0.05, 0.3])("of an unchanged filter, noise %d: as rare as promised", (deviation) => {
    expect(share("slower", 1, deviation)).toBeLessThanOrEqual(2 * FALSE_ALARM);
    expect(share("faster", 1, deviation)).toBeLessThanOrEqual(2 * FALSE_ALARM);
  });

  test.each([0.01, 0.02, 0.03])("of one made 10 %% slower, noise %d: at least nine in ten", (deviation) => {
    expect(share("slower", 1.1, deviation)).toBeGreaterThan(0.9);
    expect(share("faster", 1.1, deviation)).toBe(0);
  });

  test("of one made faster: none, and it is told", () => {
    expect(share("slower", 0.8, 0.02)).toBe(0);
    expect(share("faster", 0.8, 0.02)).toBeGreaterThan(0.9);
  });

  test("a certain change that nobody would act on is none", () => {
    const pairs = Array.from({ length: 14 }, (_, i) => ({ old: 1000 + i, new: (1000 + i) * (1 + LEAST_CHANGE / 2) }));
    expect(decide(pairs, 30)).toMatchObject({ verdict: "same", p: 1 / 2 ** 14 });
  });

  test("costs of nearly nothing make no ratios", () => {
    const pairs = Array.from({ length: 14 }, () => ({ old: 0.1, new: 0.9 }));
    expect(decide(pairs, 30).change).toBeLessThan(LEAST_CHANGE);
  });

  test("where noise is large the report says how large a change would have to be", () => {
    const random = new Lcg(3);
    const { noise } = decide(noisyPairs(random, 1, 0.3), 30);
    expect(noise).toBeGreaterThan(0.15);
  });
});
