import { describe, expect, test } from "vitest";
import { StatsAggregator } from "./aggregate.ts";
import { budgetLimit, levelOf } from "./shared-level.ts";
import { SharedTable } from "./shared-table.ts";
import { SharedTally } from "./shared-tally.ts";
import { StatsStore } from "./stats-store.ts";

function threads(count: number, slots = 32) {
  const memory = SharedTable.allocate(slots);
  return Array.from({ length: count }, (_, thread) => new SharedTable(memory, thread));
}

describe("a tally", () => {
  test("is one for all threads, by its key", () => {
    const [, one, two] = threads(3);
    const [a, b, other] = [new SharedTally(one!, "a"), new SharedTally(two!, "a"), new SharedTally(two!, "b")];
    expect([a.add(0), b.add(0), a.add(0), b.add(3)]).toEqual([0, 1, 2, 0]);
    expect([a.get(0), b.get(0), b.get(3), other.get(0)]).toEqual([3, 3, 1, 0]);
    b.remove(0);
    expect(a.get(0)).toBe(2);
  });

  test("loses what a dead thread had added, and nothing else", () => {
    const [main, one, two] = threads(3);
    const [a, b] = [new SharedTally(one!, "a"), new SharedTally(two!, "a")];
    a.add(0);
    for (let i = 0; i < 5; i++) b.add(0);
    b.add(2);
    main!.forget(2);
    expect([a.get(0), a.get(2)]).toEqual([1, 0]);
    // Its successor begins with nothing.
    const again = new SharedTally(new SharedTable(main!.memory, 2), "a");
    again.add(0);
    main!.forget(2);
    main!.forget(2);
    expect(a.get(0)).toBe(1);
  });

  test("of a dead thread that was alone goes with it", () => {
    const [main, one] = threads(2);
    new SharedTally(one!, "a").add(0);
    main!.forget(1);
    expect([main!.size, new SharedTally(one!, "a").get(0)]).toEqual([0, 0]);
  });

  test("takes off what it added when it is released, while others of its thread go on", () => {
    const [main, one] = threads(2);
    const [old, young] = [new SharedTally(one!, "a"), new SharedTally(one!, "a")];
    old.add(0);
    young.add(0);
    old.release();
    expect(young.get(0)).toBe(1);
    // What still ends somewhere harms nobody.
    old.remove(0);
    old.release();
    expect([young.get(0), main!.size]).toEqual([1, 2]);
    young.release();
    expect(main!.size).toBe(0);
  });

  test("counts alone where the table is full", () => {
    const [main, one] = threads(2, 2);
    new SharedTally(one!, "a");
    const alone = new SharedTally(one!, "b");
    expect([alone.isShared, alone.add(1), alone.get(1), main!.size]).toEqual([false, 0, 1, 2]);
  });
});

describe("levels", () => {
  const words = Int32Array.from([0, 2, 20, 3]);
  const budget = { percent: 20, least: 3, active: 2, pending: 1 };

  test("show whether a limit is reached, and what is left", () => {
    const level = { at: 0, index: 3, budget: null } as const;
    expect(levelOf(words, { ...level, limit: 3, shows: "open" })).toBe(1);
    expect(levelOf(words, { ...level, limit: 4, shows: "open" })).toBe(0);
    expect(levelOf(words, { ...level, limit: 10, shows: "remaining" })).toBe(7);
    expect(levelOf(words, { ...level, limit: 1, shows: "remaining" })).toBe(0);
  });

  test("of a budget follow the requests, without those that are sent again, and never fall below the floor", () => {
    expect(budgetLimit(words, 0, 3, budget)).toBe(3);
    expect(budgetLimit(Int32Array.from([0, 20, 90, 10]), 0, 3, budget)).toBe(20);
    expect(levelOf(Int32Array.from([0, 20, 90, 10]), { at: 0, index: 3, limit: 0, budget, shows: "remaining" })).toBe(
      10,
    );
  });

  test("are read by main, once for all threads, as long as one of them has them", () => {
    const [main, one, two] = threads(3);
    const aggregator = new StatsAggregator(main!.memory);
    const scopes = [one!, two!].map((table) => {
      const metrics = aggregator.thread(() => {});
      const scope = new StatsStore(metrics).scope("cluster.a.");
      const tally = new SharedTally(table, "a");
      scope.level("open", { at: tally.at, index: 1, limit: 2, budget: null, shows: "open" });
      return { scope, tally, store: metrics };
    });
    const flushed = Promise.resolve();
    return flushed.then(() => {
      expect(aggregator.value("cluster.a.open")).toBe(0);
      for (const { tally } of scopes) tally.add(1);
      expect(aggregator.value("cluster.a.open")).toBe(1);
      scopes[0]!.scope.release();
      expect(aggregator.value("cluster.a.open")).toBe(1);
      scopes[1]!.scope.release();
      expect(aggregator.get("cluster.a.open")).toBeUndefined();
    });
  });
});
