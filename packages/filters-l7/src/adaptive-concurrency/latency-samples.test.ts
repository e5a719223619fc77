import { describe, expect, it, test } from "vitest";
import { seededRandom } from "../../../core/src/testing/kit-services.ts";
import { LatencySamples } from "./latency-samples.ts";

describe("quantiles", () => {
  test.each([0.01, 0.5, 0.9, 0.99, 1])("of very different durations are those of a sorted list: %d", (share) => {
    const random = seededRandom(3);
    const samples = new LatencySamples();
    const all: number[] = [];
    for (let i = 0; i < 5000; i++) {
      const ms = 10 ** (random.next() * 7 - 2);
      all.push(ms);
      samples.add(ms);
    }
    all.sort((a, b) => a - b);
    const exact = all[Math.ceil(share * all.length) - 1]!;
    expect(samples.quantile(share)).toBeGreaterThan(exact * 0.9);
    expect(samples.quantile(share)).toBeLessThan(exact * 1.1);
  });

  test.each([0.001, 0.01, 0.1, 1, 9.99, 10, 99.9999, 100, 1000, 123_456])(
    "of one duration are within its two digits: %d",
    (ms) => {
      const samples = new LatencySamples();
      samples.add(ms);
      for (const share of [0, 0.5, 1]) {
        expect(samples.quantile(share)).toBeGreaterThan(ms * 0.9);
        expect(samples.quantile(share)).toBeLessThan(ms * 1.101);
      }
    },
  );

  it("of what no clock says are never nothing, and bounded", () => {
    const samples = new LatencySamples();
    for (const ms of [0, -1, Number.NaN, 1e300, Infinity]) samples.add(ms);
    expect(samples.count).toBe(5);
    expect(samples.quantile(0.1)).toBeGreaterThan(0);
    expect(samples.quantile(1)).toBeLessThanOrEqual(10 ** 9);
    samples.clear();
    expect([samples.count, samples.quantile(0.5)]).toEqual([0, 0]);
  });
});
