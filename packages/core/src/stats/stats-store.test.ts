// Metrics from the handle of one thread to the sum over all.
import { beforeEach, describe, expect, test } from "vitest";
import { type HistogramMetric, StatsAggregator, type ThreadMetrics } from "./aggregate.ts";
import { DEFAULT_BOUNDS } from "./metrics.ts";
import { StatsStore } from "./stats-store.ts";

let aggregator: StatsAggregator;

/** A thread of the same process: its store tells the aggregator directly. */
function thread(): { store: StatsStore; metrics: ThreadMetrics } {
  const metrics: ThreadMetrics = aggregator.thread((ids) => store.reclaim(ids));
  const store: StatsStore = new StatsStore(metrics);
  return { store, metrics };
}

/** Registrations are told at the end of the turn. */
const told = () => Promise.resolve();

beforeEach(() => {
  aggregator = new StatsAggregator();
});

describe("one thread", () => {
  test("counts, sets and records under the scope's prefix", async () => {
    const { store } = thread();
    const scope = store.scope("http.ingress.");
    scope.counter("rq_total").inc();
    scope.counter("rq_total").inc(4);
    scope.gauge("active").set(7);
    scope.gauge("active").dec(2);
    scope.histogram("time").record(3);
    store.counter("server.live").inc();
    await told();
    expect(aggregator.value("http.ingress.rq_total")).toBe(5);
    expect(aggregator.value("http.ingress.active")).toBe(5);
    expect(aggregator.value("server.live")).toBe(1);
    expect(aggregator.snapshot().map(({ name }) => name)).toEqual([
      "http.ingress.active",
      "http.ingress.rq_total",
      "http.ingress.time",
      "server.live",
    ]);
  });

  test.each([
    [0, 0],
    [0.5, 0],
    [0.51, 1],
    [1, 1],
    [24.9, 4],
    [25, 4],
    [3_600_000, 18],
    [3_600_001, 19],
    [Infinity, 19],
  ])("a value of %d is counted in bucket %d of Envoy's", async (value, bucket) => {
    const { store } = thread();
    store.histogram("h").record(value);
    await told();
    const metric = aggregator.get("h") as HistogramMetric;
    expect(metric.counts).toHaveLength(DEFAULT_BOUNDS.length + 1);
    expect(metric.counts.indexOf(1)).toBe(bucket);
    expect(metric.count).toBe(1);
    expect(metric.sum).toBe(value);
  });

  test("one NaN does not spoil a histogram", async () => {
    const { store } = thread();
    store.histogram("h").record(NaN);
    store.histogram("h").record(2);
    await told();
    expect(aggregator.get("h")).toMatchObject({ count: 1, sum: 2 });
  });

  test("used is what was written, even to zero", async () => {
    const { store } = thread();
    store.counter("quiet");
    store.gauge("unset");
    store.gauge("set").set(0);
    store.gauge("back").inc();
    store.gauge("back").dec();
    await told();
    const used = Object.fromEntries(aggregator.snapshot().map((metric) => [metric.name, metric.used]));
    expect(used).toEqual({ quiet: false, unset: false, set: true, back: true });
  });

  test("one name is one metric of one kind", () => {
    const { store } = thread();
    expect(store.counter("a")).toBe(store.scope("").counter("a"));
    expect(() => store.gauge("a")).toThrow('metric "a" is a counter, not a gauge');
    store.histogram("h", [1, 2]);
    expect(() => store.histogram("h", [1, 3])).toThrow("other bounds");
    expect(() => store.histogram("i", [2, 1])).toThrow("ascending");
  });

  test("names of any text stay on one line", async () => {
    const { store } = thread();
    store.scope("http.my app\n.").counter("x").inc();
    await told();
    expect(aggregator.value("http.my_app_.x")).toBe(1);
  });

  test("more metrics than a slab holds", async () => {
    const { store } = thread();
    for (let i = 0; i < 10_000; i++) store.counter(`c${i}`).inc(i);
    for (let i = 0; i < 500; i++) store.histogram(`h${i}`).record(i);
    await told();
    expect(aggregator.value("c9999")).toBe(9999);
    expect(aggregator.get("h499")).toMatchObject({ sum: 499 });
    expect(aggregator.snapshot()).toHaveLength(10_500);
  });
});

describe("a scope's release", () => {
  test("ends its metrics", async () => {
    const { store } = thread();
    const scope = store.scope("cluster.a.");
    scope.counter("x").inc();
    scope.under("ssl.").counter("y").inc();
    scope.root().counter("z").inc();
    await told();
    expect(aggregator.snapshot()).toHaveLength(3);
    scope.release();
    expect(aggregator.snapshot()).toEqual([]);
  });

  test("keeps the values of names that another scope has too", async () => {
    const { store } = thread();
    const old = store.scope("cluster.a.");
    old.counter("x").inc(5);
    old.counter("gone").inc();
    const next = store.scope("cluster.a.");
    const x = next.counter("x");
    old.release();
    x.inc();
    await told();
    expect(aggregator.value("cluster.a.x")).toBe(6);
    expect(aggregator.get("cluster.a.gone")).toBeUndefined();
    next.release();
    expect(aggregator.snapshot()).toEqual([]);
  });

  test("a name asked for twice by one owner is released once", async () => {
    const { store } = thread();
    const one = store.scope("a.");
    const two = store.scope("a.");
    two.counter("x").inc();
    one.counter("x");
    one.counter("x");
    one.release();
    one.release();
    await told();
    expect(aggregator.value("a.x")).toBe(1);
  });

  test("makes late writes harmless, and freed slots start at nothing", async () => {
    const { store } = thread();
    const scope = store.scope("a.");
    const counter = scope.counter("x");
    const histogram = scope.histogram("h");
    counter.inc(9);
    await told();
    scope.release();
    const fresh = store.counter("fresh");
    const freshHistogram = store.histogram("fresh_h");
    await told();
    counter.inc(100);
    histogram.record(5);
    expect(fresh.value).toBe(0);
    expect(freshHistogram.slab[freshHistogram.index + 2]).toBe(0);
    expect(aggregator.value("fresh")).toBe(0);
    expect(aggregator.get("fresh_h")).toMatchObject({ count: 0, sum: 0 });
  });

  test("before main ever heard of the metric leaves nothing behind", async () => {
    const { store } = thread();
    const scope = store.scope("a.");
    scope.counter("x");
    scope.release();
    await told();
    expect(aggregator.snapshot()).toEqual([]);
  });
});

describe("several threads", () => {
  test("are summed by name", async () => {
    const threads = [thread(), thread(), thread()];
    threads.forEach(({ store }, i) => {
      store.counter("c").inc(i + 1);
      store.gauge("g").set(10);
      store.histogram("h").record(i);
    });
    await told();
    expect(aggregator.value("c")).toBe(6);
    expect(aggregator.value("g")).toBe(30);
    expect(aggregator.get("h")).toMatchObject({ count: 3, sum: 3 });
  });

  test("one that dies leaves its counts and takes its gauges", async () => {
    const [a, b] = [thread(), thread()];
    for (const { store } of [a, b]) {
      store.counter("c").inc(5);
      store.gauge("g").set(1);
      store.histogram("h").record(2);
    }
    await told();
    a.metrics.retire();
    expect(aggregator.value("c")).toBe(10);
    expect(aggregator.value("g")).toBe(1);
    expect(aggregator.get("h")).toMatchObject({ count: 2, sum: 4 });
    b.metrics.retire();
    const replacement = thread();
    replacement.store.counter("c").inc();
    await told();
    expect(aggregator.value("c")).toBe(11);
    aggregator.prune();
    expect(aggregator.snapshot().map(({ name }) => name)).toEqual(["c"]);
  });

  test("one that releases a name leaves its counts as long as another has the name", async () => {
    const [a, b] = [thread(), thread()];
    const scopes = [a.store.scope("s."), b.store.scope("s.")] as const;
    for (const scope of scopes) scope.counter("c").inc(3);
    await told();
    scopes[0].release();
    expect(aggregator.value("s.c")).toBe(6);
    scopes[1].release();
    expect(aggregator.get("s.c")).toBeUndefined();
  });

  test("reset begins again at nothing, for counters alone", async () => {
    const [a, b] = [thread(), thread()];
    a.store.counter("c").inc(3);
    b.store.counter("c").inc(4);
    a.store.gauge("g").set(2);
    await told();
    aggregator.resetCounters();
    expect(aggregator.value("c")).toBe(0);
    expect(aggregator.value("g")).toBe(2);
    b.store.counter("c").inc();
    expect(aggregator.value("c")).toBe(1);
    b.metrics.retire();
    expect(aggregator.value("c")).toBe(1);
  });
});

describe("the read-out", () => {
  test("does not add up what all threads know of the same thing", async () => {
    for (const { store } of [thread(), thread()]) {
      store.gauge("cluster.web.membership_total").set(3);
      store.counter("cluster.web.membership_change").inc();
      store.gauge("cluster.web.upstream_cx_active").set(3);
    }
    await told();
    expect(aggregator.value("cluster.web.membership_total")).toBe(3);
    expect(aggregator.value("cluster.web.membership_change")).toBe(1);
    expect(aggregator.value("cluster.web.upstream_cx_active")).toBe(6);
  });

  test("keeps the hosts' metrics for those who ask", async () => {
    const { store } = thread();
    store.scope("#host.web#127.0.0.1:80#").counter("cx_total").inc();
    await told();
    expect(aggregator.snapshot()).toEqual([]);
    expect(aggregator.snapshot((name) => name.startsWith("#host.web#"))).toHaveLength(1);
  });
});
