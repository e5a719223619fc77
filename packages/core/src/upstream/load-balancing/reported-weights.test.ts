import { describe, expect, it, test } from "vitest";
import type { BalancerModel } from "../../config/balancing-model.ts";
import { field, HeaderMap } from "../../http/headers/header-map.ts";
import type { Host } from "../host.ts";
import { HostLoad, LOAD_STATS, LoadReports } from "./host-load.ts";
import { fits, tally, TestHosts } from "./test-hosts.ts";

type Model = Extract<BalancerModel, { kind: "client_side_weighted_round_robin" }>;

const MODEL: Model = {
  kind: "client_side_weighted_round_robin",
  blackoutMs: 10_000,
  expirationMs: 180_000,
  updateMs: 1000,
  errorPenalty: 1,
  metrics: [],
  slowStart: null,
};

class World {
  readonly base = new TestHosts(3);
  readonly hosts: readonly Host[];
  readonly reports: LoadReports;
  readonly balancer;

  constructor(count: number, model: Partial<Model> = {}) {
    const policy = { ...MODEL, ...model };
    this.reports = new LoadReports(policy, this.base.stats.scope("cluster.c."));
    this.hosts = Array.from({ length: count }, (_, i) => {
      const host = this.base.host({ port: i, weight: 1 + i * 100 });
      host.load = new HostLoad(this.reports, this.base.stats.scope(`load${i}.`));
      return host;
    });
    this.balancer = this.base.balancer(this.hosts, policy);
  }

  report(i: number, text: string): boolean {
    const headers = new HeaderMap([field("endpoint-load-metrics", `TEXT ${text}`)]);
    return this.hosts[i]!.load!.observe(headers, this.base.clock.now());
  }

  /** Requests per second at a utilization of 1. */
  rates(...rates: readonly number[]): void {
    for (const [i, rate] of rates.entries())
      if (rate > 0) this.report(i, `rps_fractional=${rate},application_utilization=1`);
  }

  later(ms: number): void {
    this.base.time.advance(ms);
  }

  tally(picks: number): number[] {
    return tally(this.balancer, this.hosts, picks);
  }
}

/** The weight that a report makes, as the policy sees it after the blackout. */
function weightOf(text: string, model: Partial<Model> = {}): number {
  const world = new World(1, { blackoutMs: 0, ...model });
  world.report(0, text);
  return world.hosts[0]!.load!.weight(world.base.clock.now());
}

describe("a weight", () => {
  test.each([
    ["requests over utilization", "rps_fractional=100,application_utilization=0.5,cpu_utilization=0.9", {}, 200],
    ["the processor's, where the application says nothing", "rps_fractional=100,cpu_utilization=0.25", {}, 400],
    [
      "the highest of metrics, before the processor's",
      "rps_fractional=100,cpu_utilization=0.9,named_metrics.a=0.1,mem_utilization=0.5",
      { metrics: ["named_metrics.a", "mem_utilization", "named_metrics.b"] },
      200,
    ],
    ["less for errors", "rps_fractional=100,cpu_utilization=0.5,eps=50", {}, 100],
    ["less for errors, as much as is said", "rps_fractional=100,cpu_utilization=0.5,eps=50", { errorPenalty: 3 }, 50],
    ["not less for errors", "rps_fractional=100,cpu_utilization=0.5,eps=50", { errorPenalty: 0 }, 200],
    ["errors alone", "rps_fractional=100,eps=50", {}, 200],
    ["no more than Envoy's", "rps_fractional=1e300,cpu_utilization=1e-9", {}, 0xffff_ffff],
    ["more than nothing", "rps_fractional=1e-300,cpu_utilization=1", {}, 1e-6],
    ["a part of one", "rps_fractional=1,cpu_utilization=2", {}, 0.5],
    ["none without requests", "cpu_utilization=0.5", {}, -1],
    ["none without utilization", "rps_fractional=100", {}, -1],
    ["none of less than nothing", "rps_fractional=-5,cpu_utilization=-1", {}, -1],
  ])("is %s", (_title, text, model, expected) => {
    expect(weightOf(text, model)).toBeCloseTo(expected, 9);
  });

  it("counts after the blackout, and until it expires; then the blackout begins anew", () => {
    const world = new World(1);
    const weight = () => world.hosts[0]!.load!.weight(world.base.clock.now());
    expect(weight()).toBe(-1);
    world.rates(50);
    expect(weight()).toBe(-1);
    world.later(9999);
    expect(weight()).toBe(-1);
    world.later(1);
    expect(weight()).toBe(50);
    world.later(170_000);
    expect(weight()).toBe(50);
    world.later(1);
    expect(weight()).toBe(-1);
    world.rates(70);
    world.later(9999);
    expect(weight()).toBe(-1);
    world.later(1);
    expect(weight()).toBe(70);
  });
});

describe("reports that are none", () => {
  it("are counted, and leave the weight what it was", () => {
    const world = new World(1, { blackoutMs: 0 });
    world.rates(50);
    expect(world.report(0, "swap=1")).toBe(false);
    expect(world.report(0, "cpu_utilization=0.1")).toBe(false);
    expect(world.hosts[0]!.load!.weight(world.base.clock.now())).toBe(50);
    expect(world.base.count("cluster.c.lb_load_report_errors")).toBe(2);
    expect(world.base.count(`load0.${LOAD_STATS.errors}`)).toBe(2);
    expect(world.base.count(`load0.${LOAD_STATS.reports}`)).toBe(1);
    expect(world.base.gauge(`load0.${LOAD_STATS.weight}`).value).toBe(50);
  });
});

describe("hosts that report", () => {
  it("get what they can do", () => {
    const world = new World(3, { blackoutMs: 0 });
    world.rates(100, 200, 500);
    expect(world.tally(8000)).toEqual([1000, 2000, 5000]);
  });

  it("all have the same before anybody does, whatever weights the configuration gives them", () => {
    expect(new World(4).tally(400)).toEqual([100, 100, 100, 100]);
  });

  it("and do not report have the median", () => {
    const world = new World(4, { blackoutMs: 0 });
    world.rates(100, 0, 300, 500);
    expect(world.tally(12_000)).toEqual([1000, 3000, 3000, 5000]);
    // Of an even number it lies between the two in the middle.
    const even = new World(3, { blackoutMs: 0 });
    even.rates(100, 0, 300);
    expect(even.tally(6000)).toEqual([1000, 2000, 3000]);
  });

  it("are weighed anew once a period", () => {
    const world = new World(2, { blackoutMs: 0 });
    world.rates(100, 100);
    expect(world.tally(100)).toEqual([50, 50]);
    world.rates(100, 300);
    world.later(999);
    expect(world.tally(100)).toEqual([50, 50]);
    world.later(1);
    expect(world.tally(400)).toEqual([100, 300]);
    world.rates(0, 100);
    world.later(1000);
    expect(world.tally(100)).toEqual([50, 50]);
  });

  it("keep their turns while nothing changes", () => {
    const world = new World(3, { blackoutMs: 0 });
    world.rates(100, 200, 300);
    const counts = [0, 0, 0];
    for (let i = 0; i < 600; i++) {
      world.later(1000);
      world.rates(100, 200, 300);
      for (const [host, count] of world.tally(1).entries()) counts[host]! += count;
    }
    expect(counts).toEqual([100, 200, 300]);
  });

  it("have their share also where weights change before each request", () => {
    const world = new World(3, { blackoutMs: 0 });
    const counts = [0, 0, 0];
    for (let i = 0; i < 6000; i++) {
      world.later(1000);
      world.rates(...[100, 200, 300].map((rate) => rate * (1 + 0.001 * (i % 2))));
      for (const [host, count] of world.tally(1).entries()) counts[host]! += count;
    }
    // The first of turns that are drawn evenly: not quite by weight, and nobody is left out.
    const [least, middle, most] = counts.map((count) => count / 6000);
    expect(least).toBeGreaterThan(0.08);
    expect(middle! / least!).toBeGreaterThan(1.5);
    expect(most! / middle!).toBeGreaterThan(1.2);
  });

  it("are all alike again when their reports are too old", () => {
    const world = new World(2, { blackoutMs: 0 });
    world.rates(100, 300);
    expect(world.tally(400)).toEqual([100, 300]);
    world.later(181_000);
    expect(world.tally(400)).toEqual([200, 200]);
  });

  it("start slowly, where that is said", () => {
    const slowStart = { windowMs: 60_000, aggression: { value: 1, key: "" }, minWeight: 0.1 };
    const world = new World(2, { blackoutMs: 0, slowStart });
    world.hosts[0]!.healthySinceMs = -100_000;
    world.later(6000);
    world.rates(100, 100);
    expect(fits(world.tally(1100), [10, 1])).toBe(true);
    world.later(60_000);
    expect(world.tally(100)).toEqual([50, 50]);
  });
});
