import { describe, expect, it } from "vitest";
import { SuccessWindow } from "./success-window.ts";

class TestClock {
  ms = 5000;
  now = () => this.ms;
  turnNow = () => this.ms;
  wallNow = () => this.ms;
}

describe("the window", () => {
  it("forgets what is older than it, a second at a time", () => {
    const clock = new TestClock();
    const window = new SuccessWindow(clock, 3000);
    const seen: number[][] = [];
    for (let second = 0; second < 8; second++) {
      window.update();
      seen.push([window.requests, window.successes]);
      if (second < 4) {
        window.record(true);
        window.record(false);
      }
      clock.ms += 1000;
    }
    expect(seen).toEqual([
      [0, 0],
      [2, 1],
      [4, 2],
      [4, 2],
      [4, 2],
      [2, 1],
      [0, 0],
      [0, 0],
    ]);
  });

  it("equals a list of all requests, rounded to slots, over a long time", () => {
    const clock = new TestClock();
    const window = new SuccessWindow(clock, 5000);
    let slots: { at: number; all: number; good: number }[] = [];
    for (let i = 1; i < 5000; i++) {
      clock.ms += (i * 7919) % 613;
      const isSuccess = i % 3 === 0;
      slots = slots.filter(({ at }) => clock.ms - at < 5000);
      let slot = slots.at(-1);
      if (slot === undefined || clock.ms - slot.at >= 1000) slots.push((slot = { at: clock.ms, all: 0, good: 0 }));
      slot.all++;
      if (isSuccess) slot.good++;
      window.record(isSuccess);
      const all = slots.reduce((sum, each) => sum + each.all, 0);
      expect(window.requests).toBe(all);
      expect(window.successes).toBe(slots.reduce((sum, { good }) => sum + good, 0));
      expect(window.averageRps).toBe(Math.floor(all / Math.max(1, Math.floor((clock.ms - slots[0]!.at) / 1000))));
    }
  });

  it("takes the first second as a whole one", () => {
    const clock = new TestClock();
    const window = new SuccessWindow(clock, 3000);
    for (let i = 0; i < 10; i++) window.record(true);
    expect(window.averageRps).toBe(10);
    clock.ms += 2500;
    expect(window.averageRps).toBe(5);
    clock.ms += 500;
    window.update();
    expect(window.averageRps).toBe(0);
  });
});
