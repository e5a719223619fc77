// The wheel under a virtual clock: never early, at most one tick late, whatever is armed, moved or cancelled in whatever order.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TimerNode } from "./clock.ts";
import { RealClock } from "./real-clock.ts";
import { TICK_MS, TimerWheel, type Waker } from "./timer-wheel.ts";
import { VirtualTime } from "./virtual.ts";

class Probe extends TimerNode {
  readonly firedAt: number[] = [];
  readonly #time: VirtualTime;
  onFire: (() => void) | null = null;

  constructor(time: VirtualTime) {
    super();
    this.#time = time;
  }

  onTimeout(): void {
    this.firedAt.push(this.#time.clock.now());
    this.onFire?.();
  }
}

describe("a timer", () => {
  test.each([0, 1, 9, 10, 11, 2550, 2560, 2561, 163_840, 163_841, 900_000, 10_485_760, 3_600_000_000])(
    "of %d ms fires once, not early and at most a tick late",
    (ms) => {
      const time = new VirtualTime();
      const start = time.clock.now();
      const probe = new Probe(time);
      time.timers.arm(probe, ms);
      time.advance(ms + 2 * TICK_MS);
      expect(probe.firedAt).toHaveLength(1);
      expect(probe.firedAt[0]! - start).toBeGreaterThanOrEqual(ms);
      expect(probe.firedAt[0]! - start).toBeLessThanOrEqual(ms + TICK_MS);
      expect(probe.deadline).toBe(-1);
    },
  );

  test("that is moved later again and again fires after the last move alone", () => {
    const time = new VirtualTime();
    const probe = new Probe(time);
    for (let i = 0; i < 100; i++) {
      time.timers.arm(probe, 50);
      time.advance(30);
    }
    expect(probe.firedAt).toEqual([]);
    time.advance(50);
    expect(probe.firedAt).toHaveLength(1);
  });

  test("that is moved earlier fires earlier", () => {
    const time = new VirtualTime();
    const start = time.clock.now();
    const probe = new Probe(time);
    time.timers.arm(probe, 60_000);
    time.timers.arm(probe, 100);
    time.advance(60_000);
    expect(probe.firedAt).toHaveLength(1);
    expect(probe.firedAt[0]! - start).toBeLessThanOrEqual(110);
  });

  test("that is cancelled does not fire and is held by nobody", () => {
    const time = new VirtualTime();
    const probe = new Probe(time);
    time.timers.arm(probe, 100);
    time.timers.cancel(probe);
    time.timers.cancel(probe);
    expect(time.timers.size).toBe(0);
    expect(probe.next).toBeNull();
    time.advance(1000);
    expect(probe.firedAt).toEqual([]);
  });

  test("may arm itself, others and cancel its neighbours while it fires", () => {
    const time = new VirtualTime();
    const first = new Probe(time);
    const neighbour = new Probe(time);
    const later = new Probe(time);
    first.onFire = () => {
      time.timers.cancel(neighbour);
      time.timers.arm(later, 500);
      if (first.firedAt.length < 3) time.timers.arm(first, 0);
    };
    time.timers.arm(first, 100);
    time.timers.arm(neighbour, 100);
    time.advance(1000);
    expect(first.firedAt).toHaveLength(3);
    expect(neighbour.firedAt).toEqual([]);
    expect(later.firedAt).toHaveLength(1);
    expect(time.timers.size).toBe(0);
  });

  test("that throws does not keep the others from firing", () => {
    const time = new VirtualTime();
    const bad = new Probe(time);
    const good = new Probe(time);
    bad.onFire = () => {
      throw new Error("broken");
    };
    time.timers.arm(bad, 100);
    time.timers.arm(good, 100);
    expect(() => time.advance(200)).toThrow("broken");
    expect(good.firedAt).toHaveLength(1);
  });

  test("as a closure fires once and can be cancelled", () => {
    const time = new VirtualTime();
    const fired: string[] = [];
    time.timers.setTimer(() => fired.push("kept"), 20);
    time.timers.setTimer(() => fired.push("cancelled"), 20).cancel();
    time.advance(1000);
    expect(fired).toEqual(["kept"]);
  });
});

describe("any sequence of arming, moving, cancelling and waiting", () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant("arm" as const),
      node: fc.nat(5),
      ms: fc.oneof(fc.nat(300), fc.nat(30_000), fc.nat(20_000_000)),
    }),
    fc.record({ kind: fc.constant("cancel" as const), node: fc.nat(5), ms: fc.constant(0) }),
    fc.record({
      kind: fc.constant("wait" as const),
      node: fc.constant(0),
      ms: fc.oneof(fc.nat(40), fc.nat(5000), fc.nat(5_000_000)),
    }),
  );

  test("fires exactly what a plain list of deadlines fires, within a tick", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const time = new VirtualTime();
        const probes = Array.from({ length: 6 }, () => new Probe(time));
        const deadlines = new Map<Probe, number>();
        const expected: [Probe, number][] = [];
        const waitUntil = (until: number) => {
          for (const [probe, deadline] of deadlines) {
            if (probe.firedAt.length > 0) {
              expected.push([probe, deadline]);
              const at = probe.firedAt.pop()!;
              expect(at).toBeGreaterThanOrEqual(deadline);
              expect(at).toBeLessThanOrEqual(deadline + TICK_MS);
              expect(probe.firedAt).toEqual([]);
              deadlines.delete(probe);
            } else {
              expect(until).toBeLessThan(deadline + TICK_MS);
            }
          }
        };
        for (const { kind, node, ms } of steps) {
          const probe = probes[node]!;
          if (kind === "arm") {
            time.timers.arm(probe, ms);
            deadlines.set(probe, time.clock.now() + ms);
          } else if (kind === "cancel") {
            time.timers.cancel(probe);
            deadlines.delete(probe);
          } else {
            time.advance(ms);
            waitUntil(time.clock.now());
          }
        }
        expect(time.timers.size).toBe(deadlines.size);
        time.advance(20_000_000 + TICK_MS);
        waitUntil(time.clock.now());
        expect(time.timers.size).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});

describe("the wheel's own wake-ups", () => {
  class CountingWaker implements Waker {
    scheduled: number[] = [];
    schedule(ms: number): void {
      this.scheduled.push(ms);
    }
    cancel(): void {}
  }

  test("are none while nothing is armed, and one for many later deadlines", () => {
    const waker = new CountingWaker();
    const { clock } = new VirtualTime();
    const wheel = new TimerWheel(clock, waker);
    expect(waker.scheduled).toEqual([]);
    const time = new VirtualTime();
    for (let i = 0; i < 1000; i++) wheel.arm(new Probe(time), 15_000 + i);
    expect(waker.scheduled).toHaveLength(1);
  });
});

test("the real clocks of two threads' kind agree within a millisecond", () => {
  const a = new RealClock();
  const b = new RealClock();
  expect(Math.abs(a.now() - b.now())).toBeLessThan(1);
  expect(Math.abs(a.now() - Number(process.hrtime.bigint()) / 1e6)).toBeLessThan(1);
});

test("the turn's time stands still within a turn and moves outside of one", () => {
  const clock = new RealClock();
  clock.beginTurn();
  const first = clock.turnNow();
  while (clock.now() - first < 1);
  expect(clock.turnNow()).toBe(first);
  clock.endTurn();
  expect(clock.turnNow()).toBeGreaterThan(first);
  clock.beginTurn();
  expect(clock.turnNow()).toBeGreaterThan(first);
});
