import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../core/src/testing/kit-services.ts";
import { type TestServices, virtualServices } from "../../../../test/support/services.ts";
import type { VirtualTime } from "../../../core/src/timing/virtual.ts";
import { OwnedFilterContext } from "../../../core/src/worker/filter-context.ts";
import type { GradientSettings } from "./config.ts";
import { GradientController } from "./gradient-controller.ts";

const SETTINGS: GradientSettings = {
  percentile: 50,
  maxLimit: 1000,
  minLimit: 0,
  updateIntervalMs: 100,
  minRttIntervalMs: 30_000,
  fixedMinRttMs: 0,
  requestCount: 5,
  jitterPercent: 0,
  minConcurrency: 3,
  bufferPercent: 0,
};

class Rig {
  readonly controller: GradientController;
  readonly services: TestServices;
  readonly time: VirtualTime;

  constructor(changes: Partial<GradientSettings> = {}, random = seededRandom(1)) {
    const { services, time } = virtualServices({ random });
    this.services = services;
    this.time = time;
    const context = new OwnedFilterContext({
      services,
      name: "adaptive",
      statPrefix: "test",
      statsPrefix: "",
      sharedKey: "test",
      calls: false,
    });
    this.controller = new GradientController({ ...SETTINGS, ...changes }, context);
  }

  get now(): number {
    return this.time.clock.now();
  }

  /** So many requests, one after the other, that take so long each. */
  serve(requests: number, ms: number): void {
    for (let i = 0; i < requests; i++) {
      expect(this.controller.begin()).toBe(true);
      const begun = this.now;
      this.time.advance(ms);
      this.controller.ended(begun);
    }
  }

  gauge(name: string): number {
    return this.services.gaugeValue(`http.test.adaptive_concurrency.gradient_controller.${name}`);
  }

  get blocked(): number {
    return this.services.count("http.test.adaptive_concurrency.gradient_controller.rq_blocked");
  }
}

/** A rig that has measured `ms`. */
function measured(ms: number, changes: Partial<GradientSettings> = {}): Rig {
  const rig = new Rig(changes);
  rig.serve(SETTINGS.requestCount, ms);
  expect(rig.gauge("min_rtt_calculation_active")).toBe(0);
  return rig;
}

/** Samples of `ms` at once, then the end of their interval: the new limit. */
function interval(rig: Rig, ms: number): number {
  expect(rig.controller.begin()).toBe(true);
  rig.time.advance(ms);
  rig.controller.ended(rig.now - ms);
  rig.time.advance(120);
  return rig.controller.limit;
}

describe("a measurement of the least time", () => {
  it("begins at once, lets few through, and ends with so many responses", () => {
    const rig = new Rig();
    const { controller } = rig;
    expect([controller.limit, rig.gauge("min_rtt_calculation_active")]).toEqual([3, 1]);
    expect([controller.begin(), controller.begin(), controller.begin(), controller.begin()]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(rig.blocked).toBe(1);
    for (let i = 0; i < 3; i++) controller.gaveUp();
    rig.serve(4, 20);
    expect(rig.gauge("min_rtt_calculation_active")).toBe(1);
    rig.serve(1, 20);
    expect(rig.gauge("min_rtt_calculation_active")).toBe(0);
    expect(rig.gauge("min_rtt_msecs")).toBeGreaterThanOrEqual(20);
    expect(rig.gauge("min_rtt_msecs")).toBeLessThanOrEqual(21);
  });

  it("counts nothing that began before, and goes back to the limit from before", () => {
    const rig = measured(10, { minRttIntervalMs: 1000 });
    expect(interval(rig, 10)).toBeGreaterThan(3);
    const { limit } = rig.controller;
    const early = rig.now;
    for (let i = 0; i < 2; i++) rig.controller.begin();
    rig.time.advance(1100);
    expect([rig.gauge("min_rtt_calculation_active"), rig.controller.limit]).toEqual([1, 3]);
    for (let i = 0; i < 2; i++) rig.controller.ended(early);
    rig.serve(4, 40);
    expect(rig.gauge("min_rtt_calculation_active")).toBe(1);
    rig.serve(1, 40);
    expect(rig.controller.limit).toBe(limit);
    expect(rig.gauge("min_rtt_msecs")).toBeGreaterThanOrEqual(40);
    expect(rig.gauge("min_rtt_msecs")).toBeLessThanOrEqual(41);
  });

  it("is up to its jitter late", () => {
    const waits = new Set<number>();
    const rig = new Rig({ minRttIntervalMs: 1000, jitterPercent: 50 });
    for (let i = 0; i < 20; i++) {
      rig.serve(5, 1);
      const begun = rig.now;
      while (rig.gauge("min_rtt_calculation_active") === 0) rig.time.advance(1);
      waits.add(rig.now - begun);
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1000);
    // Timers are coarse: up to 10 ms late.
    expect(Math.max(...waits)).toBeLessThanOrEqual(1510);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(250);
  });

  it("comes after five intervals in a row at the least limit", () => {
    const rig = measured(10);
    let intervals = 0;
    while (rig.gauge("min_rtt_calculation_active") === 0) {
      interval(rig, 50);
      intervals++;
    }
    expect(intervals).toBe(5);
    rig.serve(5, 50);
    expect(rig.gauge("min_rtt_msecs")).toBeGreaterThanOrEqual(50);
    expect(interval(rig, 50)).toBeGreaterThan(3);
  });

  it("leaves the limit as it is where that has a lower bound of its own", () => {
    const rig = new Rig({ minLimit: 20 });
    expect(rig.controller.limit).toBe(20);
    rig.serve(5, 10);
    expect(rig.gauge("min_rtt_msecs")).toBeGreaterThanOrEqual(10);
    for (let i = 0; i < 4; i++) expect(interval(rig, 1000)).toBe(20);
    expect(interval(rig, 10)).toBeGreaterThan(20);
  });

  it("does not take place where the least time is known", () => {
    const rig = new Rig({ fixedMinRttMs: 10, minRttIntervalMs: 0 });
    expect([rig.gauge("min_rtt_calculation_active"), rig.gauge("min_rtt_msecs")]).toEqual([0, 10]);
    for (let i = 0; i < 8; i++) expect(interval(rig, 100)).toBe(3);
    expect(rig.gauge("min_rtt_calculation_active")).toBe(0);
    expect(interval(rig, 10)).toBeGreaterThan(3);
  });
});

describe("the limit", () => {
  it("is what the formula says", () => {
    const rig = measured(10, { bufferPercent: 20 });
    for (const ms of [10, 10, 10, 12, 20, 500, 10]) {
      const before = rig.controller.limit;
      const after = interval(rig, ms);
      const gradient = rig.gauge("gradient") / 1000;
      // 12 ms are the least time and its buffer; durations have two digits.
      expect(gradient).toBeGreaterThanOrEqual(Math.max(0.5, Math.min(2, (12 / ms) * 0.9)) - 0.001);
      expect(gradient).toBeLessThanOrEqual(Math.max(0.5, Math.min(2, (12 / ms) * 1.1)));
      const grown = before * gradient;
      expect(Math.abs(after - Math.max(3, grown + Math.sqrt(grown)))).toBeLessThanOrEqual(1.1);
      expect(rig.gauge("concurrency_limit")).toBe(after);
    }
  });

  it("stays within its bounds", () => {
    const rig = measured(100, { maxLimit: 30 });
    for (let i = 0; i < 20; i++) interval(rig, 1);
    expect(rig.controller.limit).toBe(30);
    for (let i = 0; i < 4; i++) interval(rig, 5000);
    for (let i = 0; i < 3; i++) expect(interval(rig, 5000)).toBeGreaterThanOrEqual(3);
  });

  it("waits for no interval while nothing comes", () => {
    const rig = measured(10, { minRttIntervalMs: 1_000_000 });
    interval(rig, 10);
    const { limit } = rig.controller;
    rig.time.advance(500_000);
    expect(rig.controller.limit).toBe(limit);
  });

  it("is told by the runtime", () => {
    const rig = measured(10);
    const key = (name: string) => `adaptive_concurrency.gradient_controller.${name}`;
    rig.services.runtime.update({ [key("max_concurrency_limit")]: "5", [key("min_concurrency")]: "2" });
    for (let i = 0; i < 5; i++) interval(rig, 1);
    expect(rig.controller.limit).toBe(5);
    for (let i = 0; i < 3; i++) interval(rig, 1000);
    expect(rig.controller.limit).toBe(2);
    rig.services.runtime.update({ [key("sample_rtt_calc_interval_ms")]: "-5", [key("min_rtt_buffer")]: "1000000" });
    expect(interval(rig, 1)).toBeGreaterThan(2);
  });
});

/** A server that works on `capacity` requests at a time, for `serviceMs` each; what comes besides waits its turn. Clients ask whenever they may. */
class ClosedLoop {
  readonly rig: Rig;
  capacity: number;
  readonly #serviceMs: number;
  readonly #clients: number;
  readonly #queue: number[] = [];
  readonly #served: { begun: number; done: number }[] = [];

  constructor(rig: Rig, capacity: number, serviceMs: number, clients: number) {
    this.rig = rig;
    this.capacity = capacity;
    this.#serviceMs = serviceMs;
    this.#clients = clients;
  }

  /** Limits seen in so many milliseconds, in order. */
  run(ms: number): number[] {
    const { controller } = this.rig;
    const limits: number[] = [];
    for (const until = this.rig.now + ms; this.rig.now < until; this.rig.time.advance(1)) {
      while (this.#served.length > 0 && this.#served[0]!.done <= this.rig.now)
        controller.ended(this.#served.shift()!.begun);
      while (controller.outstanding < this.#clients && controller.begin()) this.#queue.push(this.rig.now);
      while (this.#queue.length > 0 && this.#served.length < this.capacity)
        this.#served.push({ begun: this.#queue.shift()!, done: this.rig.now + this.#serviceMs });
      limits.push(controller.limit);
    }
    return limits;
  }
}

const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe("in a closed loop", () => {
  it("finds what a server takes, and follows it down and up", () => {
    const loop = new ClosedLoop(new Rig({ requestCount: 50, bufferPercent: 25 }), 50, 20, 400);
    loop.run(5000);
    // 400 clients would wait eight times as long. What does fit besides is the buffer's share and the headroom of a step.
    const full = average(loop.run(10_000));
    expect(full).toBeGreaterThan(50);
    expect(full).toBeLessThan(110);
    loop.capacity = 10;
    loop.run(5000);
    const small = average(loop.run(10_000));
    expect(small).toBeGreaterThan(8);
    expect(small).toBeLessThan(30);
    loop.capacity = 50;
    loop.run(5000);
    expect(average(loop.run(10_000))).toBeGreaterThan(50);
  });

  it("has no limit that matters where the server takes everybody", () => {
    const loop = new ClosedLoop(new Rig({ maxLimit: 200 }), 1000, 20, 100);
    loop.run(5000);
    expect(average(loop.run(5000))).toBe(200);
  });
});
