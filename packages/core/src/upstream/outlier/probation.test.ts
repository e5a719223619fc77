// Half-open: an ejected host comes back by single requests, under a virtual clock.
import { describe, expect, test } from "vitest";
import { flagWords } from "../health/health-flags.ts";
import { playedOutliers as setup } from "./played-outliers.ts";

describe("probation", () => {
  const model = { probation: true } as const;

  test("an ejected host comes back through one request that goes well", () => {
    const { time, put, detector, addresses, watch, watches, isOut, count } = setup(10, model);
    put(0, 500, 5);
    expect(watches[0]!.takesProbe()).toBe(false);
    time.advance(30_000);
    expect(flagWords("healthy", detector.flagsOf(addresses[0]!))).toBe("/failed_outlier_check/outlier_probation");
    const other = watch(0);
    expect([watches[0]!.takesProbe(), other.takesProbe()]).toEqual([true, false]);
    other.count(200);
    expect([isOut(0), count("probes_passed")]).toEqual([false, 1]);
  });

  test("one that goes wrong keeps it out for longer than before", () => {
    const { time, put, watches, isOut, count, view } = setup(10, model);
    put(0, 500, 5);
    time.advance(30_000);
    watches[0]!.takesProbe();
    watches[0]!.failed();
    expect([isOut(0), count("probes_failed"), view(0).leftMs]).toEqual([true, 1, 60_000]);
    time.advance(50_000);
    expect(watches[0]!.takesProbe()).toBe(false);
    time.advance(10_000);
    expect(watches[0]!.takesProbe()).toBe(true);
  });

  test("a request that nobody hears of again makes room for another with the next tick", () => {
    const { time, put, watches } = setup(10, model);
    put(0, 500, 5);
    time.advance(30_000);
    expect([watches[0]!.takesProbe(), watches[0]!.takesProbe()]).toEqual([true, false]);
    time.advance(10_000);
    expect(watches[0]!.takesProbe()).toBe(true);
  });
});
