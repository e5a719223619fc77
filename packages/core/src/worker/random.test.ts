import { expect, test } from "vitest";
import { fits } from "../upstream/load-balancing/test-hosts.ts";
import { SmallFastRandom, systemRandom } from "./random.ts";

const random = () => new SmallFastRandom(Uint32Array.of(1, 2, 3));

test("the same seed draws the same numbers, another one others", () => {
  const draw = (from: SmallFastRandom) => Array.from({ length: 20 }, () => from.below(1000));
  expect(draw(random())).toEqual(draw(random()));
  expect(draw(random())).not.toEqual(draw(new SmallFastRandom(Uint32Array.of(1, 2, 4))));
});

test.each([2, 3, 7, 100])("every number below %d comes as often", (bound) => {
  const from = random();
  const counts = Array.from({ length: bound }, () => 0);
  for (let i = 0; i < bound * 2000; i++) counts[from.below(bound)]!++;
  expect(
    fits(
      counts,
      counts.map(() => 1),
    ),
  ).toBe(true);
});

test("large bounds are reached evenly", () => {
  const from = random();
  // Three quarters of all words: by 32 bits alone every third number would come twice as often.
  const bound = 3 * 2 ** 30;
  const counts = [0, 0, 0];
  for (let i = 0; i < 30_000; i++) counts[from.below(bound) % 3]!++;
  expect(fits(counts, [1, 1, 1])).toBe(true);
  for (const most of [2 ** 16, 2 ** 16 + 1, 2 ** 31, 2 ** 32])
    for (let i = 0; i < 1000; i++) {
      const drawn = from.below(most);
      expect(Number.isInteger(drawn) && drawn >= 0 && drawn < most).toBe(true);
    }
});

test("fractions are spread evenly from 0 to 1, and pairs of them are independent", () => {
  const from = random();
  const counts = Array.from({ length: 100 }, () => 0);
  for (let i = 0; i < 100_000; i++) counts[Math.floor(from.next() * 10) * 10 + Math.floor(from.next() * 10)]!++;
  expect(
    fits(
      counts,
      counts.map(() => 1),
    ),
  ).toBe(true);
});

test("threads are seeded by the system", () => {
  expect(new Set(Array.from({ length: 50 }, () => systemRandom.next())).size).toBe(50);
});
