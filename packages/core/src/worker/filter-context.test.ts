// What a filter gets at `create`, and that nothing of it outlives the filter.
import { beforeEach, describe, expect, test } from "vitest";
import { StatsAggregator } from "../stats/aggregate.ts";
import { FilterSharedState } from "../stats/filter-shared-state.ts";
import { RuntimeStore } from "../runtime/runtime-store.ts";
import { SharedTable } from "../stats/shared-table.ts";
import { StatsStore } from "../stats/stats-store.ts";
import { VirtualTime } from "../timing/virtual.ts";
import { OwnedFilterContext } from "./filter-context.ts";
import type { LogLevel, LogSink } from "./log.ts";
import type { WorkerServices } from "./services.ts";

let time: VirtualTime;
let aggregator: StatsAggregator;
let shared: SharedTable;
let lines: string[];
let level: LogLevel;
let services: WorkerServices;

const log: LogSink = {
  enabled: (asked) => asked === level,
  write: (written, component, message, fields) =>
    void lines.push(`${written} ${component} ${message} ${JSON.stringify(fields ?? {})}`),
};

beforeEach(() => {
  time = new VirtualTime();
  aggregator = new StatsAggregator();
  const stats: StatsStore = new StatsStore(aggregator.thread((ids) => stats.reclaim(ids)));
  shared = new SharedTable(SharedTable.allocate(16), 1);
  lines = [];
  level = "error";
  const { clock, timers } = time;
  services = { clock, timers, stats, shared, log, runtime: new RuntimeStore() } as unknown as WorkerServices;
});

function contextOf(sharedKey = "listener/chain/greeting"): OwnedFilterContext {
  return new OwnedFilterContext({
    services,
    name: "greeting",
    statPrefix: "in",
    statsPrefix: "http.in.greeting.",
    sharedKey,
    calls: false,
  });
}

describe("statistics", () => {
  test("stand under the filter's prefix, or at the root, and go with it", async () => {
    const context = contextOf();
    context.stats.counter("greeted").inc();
    context.rootStats.counter("cluster.a.greeted").inc();
    await Promise.resolve();
    expect(aggregator.snapshot().map(({ name }) => name)).toEqual(["cluster.a.greeted", "http.in.greeting.greeted"]);
    context.release();
    context.release();
    expect(aggregator.snapshot()).toEqual([]);
  });

  test("go on counting in the next version of the configuration", async () => {
    const before = contextOf();
    before.stats.counter("greeted").inc();
    const after = contextOf();
    const greeted = after.stats.counter("greeted");
    before.release();
    greeted.inc();
    await Promise.resolve();
    expect(aggregator.value("http.in.greeting.greeted")).toBe(2);
  });
});

describe("token buckets", () => {
  const options = { maxTokens: 2, fillIntervalMs: 1000 };

  test("are the filter's own by name, and shared with its next version", () => {
    const before = contextOf();
    expect(before.shared.tokenBucket("a", options).take(2)).toBe(true);
    expect(before.shared.tokenBucket("a", options)).toBe(before.shared.tokenBucket("a", options));
    expect(before.shared.tokenBucket("b", options).remaining()).toBe(2);
    const after = contextOf();
    expect(after.shared.tokenBucket("a", options).remaining()).toBe(0);
    expect(contextOf("listener/chain/other").shared.tokenBucket("a", options).remaining()).toBe(2);
    before.release();
    expect(after.shared.tokenBucket("a", options).remaining()).toBe(0);
  });

  test("go with the filter", () => {
    const context = contextOf();
    context.shared.tokenBucket("a", options);
    context.release();
    expect(shared.size).toBe(0);
  });
});

describe("what workers share", () => {
  const limits = { maxTokens: 2, fillIntervalMs: 1000, maxKeys: 16 };

  test("goes over to the filter's next version, and is another filter's own", () => {
    const before = contextOf();
    before.shared.counter("calls").add(3);
    before.shared.keyValue("names", { maxEntries: 10 }).set("a", "one");
    before.shared.tokenBuckets("limits", limits).charge("a", 5);
    const after = contextOf().shared;
    const taken = [
      after.counter("calls"),
      after.keyValue("names", { maxEntries: 10 }),
      after.tokenBuckets("limits", limits),
    ] as const;
    before.release();
    expect([taken[0].get(), taken[1].get("a"), taken[2].remaining("a")]).toEqual([3, "one", -3]);
    expect(after.keyValue("names", { maxEntries: 11 }).get("a")).toBe(undefined);
    expect(after.counter("other").get()).toBe(0);
    const other = contextOf("listener/chain/other");
    expect(other.shared.counter("calls").get()).toBe(0);
    expect(other.shared.keyValue("names", { maxEntries: 10 }).get("a")).toBe(undefined);
  });

  test("of what is under way, that of a dead worker is taken off, and that of a filter that has ended", () => {
    const memory = SharedTable.allocate(32);
    const [here, there, main] = [1, 2, 0].map((thread) => new SharedTable(memory, thread));
    const activeIn = (table: SharedTable) => {
      const state = new FilterSharedState(table, "listener/chain/filter", time.clock);
      return { state, active: state.active("faults") };
    };
    const [a, b] = [activeIn(here!), activeIn(there!)];
    expect([a.active.begin(), b.active.begin(), b.active.begin()]).toEqual([1, 2, 3]);
    main!.forget(2);
    expect(a.active.get()).toBe(1);
    const next = activeIn(here!);
    expect(next.active.begin()).toBe(2);
    a.state.release();
    expect(next.active.get()).toBe(1);
    next.active.end();
    expect(next.active.get()).toBe(0);
    next.state.release();
    expect(main!.size).toBe(0);
  });

  test("is the same thing by the same name and options, and goes with the filter", () => {
    const context = contextOf();
    const counter = context.shared.counter("calls");
    const buckets = context.shared.tokenBuckets("limits", limits);
    const values = context.shared.keyValue("names", { maxEntries: 10 });
    expect(context.shared.counter("calls")).toBe(counter);
    expect(context.shared.tokenBuckets("limits", { ...limits, tokensPerFill: 1 })).toBe(buckets);
    expect(context.shared.keyValue("names", { maxEntries: 10, ttlMs: 0 })).toBe(values);
    expect(shared.size).toBe(3);
    context.release();
    expect(shared.size).toBe(0);
    // Whoever still counts does not count in what another has now.
    const next = contextOf("listener/chain/next").shared.counter("calls");
    counter.add(7);
    expect(next.get()).toBe(0);
    expect(() => values.set("a", "b")).toThrow("after the end of its filter");
    expect(() => buckets.take("a")).toThrow("after the end of its filter");
  });

  test("may be of one of the filter's route configurations, which its schema has made", () => {
    expect(() => contextOf().shared.counter("calls", {})).toThrow("must be a route configuration");
  });

  test("counts whole numbers, by comparison too", () => {
    const counter = contextOf().shared.counter("calls");
    expect([
      counter.add(),
      counter.add(-3),
      counter.compareExchange(-2, 10),
      counter.compareExchange(-2, 11),
      counter.get(),
    ]).toEqual([1, -2, true, false, 10]);
    expect(() => counter.add(0.5)).toThrow("0.5 is no count");
  });
});

describe("timers", () => {
  test("fire once, can be cancelled, and end with the filter", () => {
    const context = contextOf();
    const fired: string[] = [];
    context.setTimer(() => fired.push("kept"), 100);
    context.setTimer(() => fired.push("cancelled"), 100).cancel();
    time.advance(200);
    context.setTimer(() => fired.push("late"), 100);
    context.release();
    context.setTimer(() => fired.push("after the end"), 100).cancel();
    context.setTimer(() => fired.push("after the end"), 100);
    time.advance(1000);
    expect(fired).toEqual(["kept"]);
    expect(time.timers.size).toBe(0);
  });

  test("that throw are told and counted under the filter's name", async () => {
    const context = contextOf();
    context.setTimer(() => {
      throw new Error("oops");
    }, 10);
    time.advance(100);
    await Promise.resolve();
    expect(lines).toEqual(['error greeting a timer of the filter failed {"error":{}}']);
    expect(aggregator.value("http.in.greeting.errors")).toBe(1);
  });
});

test("the logger names the filter, and writes what is heard", () => {
  const { logger } = contextOf();
  for (const each of ["debug", "info", "warn", "error"] as const) {
    level = each;
    logger.debug("d");
    logger.info("i");
    logger.warn("w", { x: 1 });
    logger.error("e");
  }
  expect(lines).toEqual([
    "debug greeting d {}",
    "info greeting i {}",
    'warn greeting w {"x":1}',
    "error greeting e {}",
  ]);
});
