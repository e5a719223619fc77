// The watchdog at given times: what it counts, names and kills, and what it lets pass.
import { beforeEach, describe, expect, test } from "vitest";
import type { LogSink } from "../worker/log.ts";
import { Watchdog, type WatchedWorker } from "./watchdog.ts";

class CountedWorker implements WatchedWorker {
  readonly index: number;
  readonly heart: { lastBeatMs: number; lastFilter: string | null } = { lastBeatMs: 0, lastFilter: null };
  readonly killed: string[] = [];
  serves = true;
  missCount = 0;
  megaMissCount = 0;
  readonly misses = { inc: () => void this.missCount++ };
  readonly megaMisses = { inc: () => void this.megaMissCount++ };

  constructor(index: number) {
    this.index = index;
  }

  kill(reason: string): void {
    this.killed.push(reason);
  }
}

let lines: string[];
let watchdog: Watchdog;
let worker: CountedWorker;
let now: number;

const log: LogSink = { enabled: () => true, write: (_level, _component, message) => void lines.push(message) };

/** Looks every interval for `ms`; the worker beats meanwhile where told. */
function pass(ms: number, beats = false): void {
  for (const end = now + ms; now < end; ) {
    now += watchdog.intervalMs;
    if (beats) worker.heart.lastBeatMs = now;
    watchdog.look(now);
  }
}

beforeEach(() => {
  lines = [];
  now = 1000;
  watchdog = new Watchdog({ missMs: 200, megamissMs: 1000, killMs: 5000 }, log);
  worker = new CountedWorker(3);
  watchdog.watch(worker);
  worker.heart.lastBeatMs = now;
});

describe("a worker", () => {
  test("that beats is left alone", () => {
    pass(60_000, true);
    expect([worker.missCount, worker.megaMissCount, worker.killed.length]).toEqual([0, 0, 0]);
  });

  test("that is silent is counted and named once for one silence", () => {
    worker.heart.lastFilter = "acme.looper";
    pass(900);
    expect(worker.missCount).toBe(1);
    expect(lines).toEqual(["worker 3 is silent; the filter that it entered last: acme.looper"]);
    expect(worker.megaMissCount).toBe(0);
    pass(1000);
    expect(worker.missCount).toBe(1);
    expect(worker.megaMissCount).toBe(1);
  });

  test("is counted again for the next silence", () => {
    pass(500);
    pass(500, true);
    pass(500);
    expect(worker.missCount).toBe(2);
  });

  test("is killed once after the kill time, with the filter in the reason", () => {
    worker.heart.lastFilter = "acme.looper";
    pass(4900);
    expect(worker.killed).toEqual([]);
    pass(2000);
    expect(worker.killed).toHaveLength(1);
    expect(worker.killed[0]).toMatch(/^it was silent for 5\d\d\d ms; the filter that it entered last: acme\.looper$/);
  });

  test("that has entered no filter is named so", () => {
    pass(400);
    expect(lines).toEqual(["worker 3 is silent; the filter that it entered last: none"]);
  });

  test("that has not begun to beat is not silent yet", () => {
    worker.heart.lastBeatMs = 0;
    pass(20_000);
    expect(worker.missCount).toBe(0);
  });

  test("that does not serve yet may be silent while it loads, but not for ever", () => {
    worker.serves = false;
    pass(4900);
    expect([worker.missCount, worker.megaMissCount, lines.length]).toEqual([0, 0, 0]);
    pass(2000);
    expect(worker.killed).toHaveLength(1);
  });

  test("that is watched no more is not killed", () => {
    watchdog.unwatch(worker);
    pass(20_000);
    expect(worker.killed).toEqual([]);
  });
});

test("limits of 0 are none", () => {
  watchdog.limits = { missMs: 0, megamissMs: 0, killMs: 0 };
  pass(100_000);
  expect([worker.missCount, worker.megaMissCount, worker.killed.length]).toEqual([0, 0, 0]);
});

test("a pause of main itself is not held against the workers", () => {
  pass(500, true);
  // The whole process stood still for a minute; main is the first to look.
  now += 60_000;
  watchdog.look(now);
  expect(worker.missCount).toBe(0);
  pass(500, true);
  expect([worker.missCount, worker.killed.length]).toEqual([0, 0]);
});

test("it looks often enough for the shortest limit", () => {
  expect(watchdog.intervalMs).toBe(100);
  watchdog.limits = { missMs: 20_000, megamissMs: 0, killMs: 10_000 };
  expect(watchdog.intervalMs).toBe(1000);
  watchdog.limits = { missMs: 1, megamissMs: 0, killMs: 0 };
  expect(watchdog.intervalMs).toBe(10);
});
