// Balancers of many hosts, while these fail one after the other.
import { describe, expect, it } from "vitest";
import { endpoints } from "../../../../test/support/scripted-cluster.ts";
import { hashed, maglev, world } from "../../../../test/support/balanced-cluster.ts";
import { HEALTH_FLAG } from "./health/health-flags.ts";
import { PacedUpdates } from "./paced-updates.ts";

/** What is made takes that long; time passes by it and by `pass` alone. */
function setup(costs: (made: number) => number) {
  let nowMs = 1000;
  let made = 0;
  let waiting: { atMs: number; callback: () => void } | null = null;
  const clock = { now: () => nowMs, turnNow: () => nowMs, wallNow: () => nowMs };
  const timers = {
    arm() {},
    cancel() {},
    setTimer(callback: () => void, ms: number) {
      const timer = (waiting = { atMs: nowMs + ms, callback });
      return {
        cancel() {
          if (waiting === timer) waiting = null;
        },
      };
    },
  };
  const updates = new PacedUpdates(clock, timers, () => {
    nowMs += costs(made++);
  });
  const pass = (ms: number): void => {
    nowMs += ms;
    if (waiting !== null && waiting.atMs <= nowMs) waiting.callback();
  };
  return { updates, pass, made: () => made };
}

describe("what is quickly made anew", () => {
  it("is so at every change", () => {
    const { updates, made } = setup(() => 1);
    for (let i = 0; i < 100; i++) updates.ask();
    expect(made()).toBe(100);
  });

  it("is so though it was interrupted once", () => {
    const { updates, made } = setup((turn) => (turn === 5 ? 100 : 1));
    for (let i = 0; i < 100; i++) updates.ask();
    expect(made()).toBe(100);
  });
});

describe("what takes long", () => {
  it("has a tenth of the time, and the last change is not forgotten", () => {
    const { updates, pass, made } = setup(() => 20);
    updates.now();
    updates.now();
    for (let ms = 0; ms < 2000; ms++) {
      updates.ask();
      pass(1);
    }
    // One in 20 ms and nine times as much.
    expect(made() - 2).toBeGreaterThanOrEqual(10);
    expect(made() - 2).toBeLessThanOrEqual(11);
    const before = made();
    pass(1000);
    expect(made()).toBe(before + 1);
    pass(1000);
    expect(made()).toBe(before + 1);
  });

  it("waits no longer than a second, not at all for what cannot wait, and for nobody in the end", () => {
    const { updates, pass, made } = setup(() => 5000);
    updates.now();
    updates.now();
    updates.ask();
    pass(999);
    expect(made()).toBe(2);
    pass(1);
    expect(made()).toBe(3);
    updates.ask();
    updates.now();
    expect(made()).toBe(4);
    pass(1000);
    expect(made()).toBe(4);
    updates.ask();
    expect(made()).toBe(5);
    updates.ask();
    updates.close();
    pass(10_000);
    expect(made()).toBe(5);
  });
});

describe("a cluster whose balancer takes long", () => {
  it("gathers failures, and picks nobody that is gone", () => {
    const { cluster, host, judge, time } = world(maglev, 5);
    const clock = time.clock as unknown as { monotonicMs: number };
    const { balancing } = cluster;
    const update = balancing.update.bind(balancing);
    let made = 0;
    balancing.update = (hosts) => {
      made++;
      clock.monotonicMs += 50;
      update(hosts);
    };
    const keys = Array.from({ length: 200 }, (_, i) => hashed(`${i}`));
    const all = (): number[] => [...new Set(keys.map((key) => host(key)))].toSorted((a, b) => a - b);
    cluster.updateHosts(endpoints(1, 2, 3, 4, 5));
    judge([1, HEALTH_FLAG.failedActiveHc]);
    expect(made).toBe(2);
    judge([2, HEALTH_FLAG.failedActiveHc]);
    judge([3, HEALTH_FLAG.failedActiveHc]);
    expect(made).toBe(2);
    expect(all()).toEqual([2, 3, 4, 5]);
    cluster.updateHosts(endpoints(1, 2, 3, 4));
    expect(made).toBe(3);
    // What was found of them comes with hosts: nothing here.
    expect(all()).toEqual([1, 2, 3, 4]);
    judge([1, HEALTH_FLAG.failedActiveHc]);
    expect(made).toBe(3);
    time.advance(1000);
    expect(made).toBe(4);
    expect(all()).toEqual([2, 3, 4]);
    judge([2, HEALTH_FLAG.failedActiveHc]);
    judge([3, HEALTH_FLAG.failedActiveHc]);
    expect(made).toBe(5);
    cluster.close();
    time.advance(5000);
    expect(made).toBe(5);
  });
});
