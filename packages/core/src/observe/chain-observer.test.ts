import { describe, expect, test } from "vitest";
import { HttpHarness, ScriptedTerminal } from "../testing/http-harness.ts";
import { StatsAggregator } from "../stats/aggregate.ts";
import { StatsStore } from "../stats/stats-store.ts";
import { VirtualTime } from "../timing/virtual.ts";
import type { FilterSlot } from "../http/chain/filter-chain.ts";
import type { HttpStream } from "../http/manager/http-stream.ts";
import { RequestHeaderMap } from "../http/headers/header-map.ts";
import { ChainObserver } from "./chain-observer.ts";
import { chainPrefix, filterPrefixes, SAMPLED } from "./cost-names.ts";
import { HookTimer } from "./hook-timer.ts";

/** Deterministic, and not in step with anything. */
function lcg(seed: number) {
  let state = seed;
  const next = () => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
  return { next, below: (bound: number) => Math.floor(next() * bound) };
}

class World {
  readonly aggregator = new StatsAggregator();
  readonly stats = new StatsStore(this.aggregator.thread(() => {}));
  readonly observer: ChainObserver;

  constructor(sampleEvery: number) {
    const { clock } = new VirtualTime();
    const log = { enabled: () => false, write() {} };
    this.observer = new ChainObserver({
      model: { sampleEvery, debugTrace: null },
      chainKey: "web/main",
      filters: ["a", "b", "a"],
      services: { clock, random: lcg(7), stats: this.stats, log },
    });
  }

  /** Whether the next stream is measured. */
  meet(): boolean {
    const stream = { probe: null };
    this.observer.meet(stream as unknown as HttpStream, new RequestHeaderMap("GET", "/", "x", "http"));
    return stream.probe !== null;
  }

  value(name: string): number {
    this.stats.flush();
    return this.aggregator.value(name);
  }
}

describe("which streams are measured", () => {
  test("one in so many on average, at distances that differ", () => {
    const world = new World(16);
    const measured: number[] = [];
    for (let i = 0; i < 16_000; i++) if (world.meet()) measured.push(i);
    expect(measured.length).toBeGreaterThan(900);
    expect(measured.length).toBeLessThan(1100);
    const distances = new Set(measured.map((at, i) => at - (measured[i - 1] ?? 0)));
    expect(Math.max(...distances)).toBeLessThanOrEqual(31);
    expect(distances.size).toBeGreaterThan(25);
    // A client whose every fourth request is another kind does not see that kind alone measured.
    for (let kind = 0; kind < 4; kind++)
      expect(measured.filter((at) => at % 4 === kind).length).toBeGreaterThan(measured.length / 5);
    expect(world.value(chainPrefix("web/main") + SAMPLED)).toBe(measured.length);
  });

  test("all of them where one in one is", () => {
    const world = new World(1);
    expect(Array.from({ length: 50 }, () => world.meet())).not.toContain(false);
  });

  test("none where only traces may be asked for", () => {
    const world = new World(0);
    expect(Array.from({ length: 1000 }, () => world.meet())).not.toContain(true);
  });

  test("a manager that has nothing to watch has no observer", async () => {
    const terminal = new ScriptedTerminal();
    const harness = new HttpHarness([terminal.filter], { hcm: { observe: { sampleEvery: 0, debugTrace: null } } });
    const { stream } = await harness.request();
    expect(harness.manager.observer).toBeNull();
    expect(stream.probe).toBeNull();
  });
});

describe("names", () => {
  test("tell chains and filters apart whatever they are called", () => {
    expect(chainPrefix("a.b/c")).not.toBe(chainPrefix("a/b.c"));
    expect(chainPrefix("a b/")).toMatch(/^#filter\.[^\s.]+\.$/);
    expect(new Set(filterPrefixes(["x", "x", "x.y", "y"])).size).toBe(4);
  });

  test("the metrics of a chain end with it", () => {
    const world = new World(1);
    const slot = { slot: 1, name: "b" } as unknown as FilterSlot;
    world.observer.costOf(slot).called("onRequestHeaders", "continue", 5);
    world.observer.costOf(slot).failed();
    const prefix = `${chainPrefix("web/main")}filter.b.`;
    expect(world.value(`${prefix}verdict.continue`)).toBe(1);
    expect(world.value(`${prefix}errors`)).toBe(1);
    expect(world.aggregator.get(`${prefix}time.onRequestHeaders`)).toMatchObject({ count: 1, sum: 5 });
    world.observer.release();
    expect(world.aggregator.snapshot(() => true)).toEqual([]);
  });
});

describe("the hook timer", () => {
  const stream = {};
  const slot = (name: string) => ({ name }) as unknown as FilterSlot;

  test("takes inner hooks off outer ones, at any depth", () => {
    const time = new VirtualTime();
    const timer = new HookTimer(time.clock);
    timer.begin(stream, slot("a"), "onRequestHeaders");
    time.advance(1);
    timer.begin(stream, slot("b"), "onResponseHeaders");
    time.advance(2);
    timer.begin(stream, slot("c"), "onDestroy");
    time.advance(4);
    expect(timer.running(stream).map(({ us }) => us)).toEqual([1000, 2000, 4000]);
    expect(timer.end().us).toBe(4000);
    time.advance(8);
    expect(timer.end().us).toBe(10_000);
    time.advance(16);
    expect(timer.end().us).toBe(17_000);
  });

  test("keeps streams apart that run inside one another", () => {
    const time = new VirtualTime();
    const timer = new HookTimer(time.clock);
    const [a, other] = [slot("a"), {}];
    timer.begin(stream, a, "onResponseData");
    timer.begin(other, a, "onRequestHeaders");
    expect(timer.running(stream)).toMatchObject([{ hook: "onResponseData" }]);
    expect(timer.fail(stream, a)).toBe(false);
    expect(timer.fail(other, a)).toBe(true);
    expect(timer.end().hasFailed).toBe(true);
    expect(timer.end().hasFailed).toBe(false);
  });

  test("takes off what reading the clock costs, and never goes below nothing", () => {
    let now = 0;
    const clock = { now: () => (now += 0.001), wallNow: () => 0, turnNow: () => 0 };
    const timer = new HookTimer(clock);
    timer.begin(stream, slot("a"), "onRequestHeaders");
    now += 1;
    expect(timer.end().us).toBeCloseTo(1000, 6);
    timer.begin(stream, slot("a"), "onRequestHeaders");
    expect(timer.end().us).toBeCloseTo(0, 6);
  });
});
