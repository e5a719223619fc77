// When a thread counts as stuck, when it is asked whether it turns, and when nobody looks.
import { beforeEach, describe, expect, test } from "vitest";
import { VirtualTime } from "../../timing/virtual.ts";
import { WATCH_BEGUN, WATCH_DONE, WATCH_EXTERNAL_KIB, WATCH_THREAD, WATCH_WORDS } from "../protocol.ts";
import { Watch, type Watched } from "./watch.ts";

const limits = { maxTimeMs: 100, maxHeldTimeMs: 5000, memoryBytes: 1024 * 1024 };

class Thread implements Watched {
  posted = 0;
  hasOpenCalls = false;
  hasStreams = false;
  pings = 0;
  expired = 0;
  isStuck = false;
  isBlocked = false;
  largeAt: number | null = null;

  ping(): void {
    this.pings++;
    this.posted++;
  }

  expire(): void {
    this.expired++;
  }

  stuck(): void {
    this.isStuck = true;
  }

  blocked(): void {
    this.isBlocked = true;
  }

  tooLarge(bytes: number): void {
    this.largeAt = bytes;
  }
}

let time: VirtualTime;
let thread: Thread;
let words: Int32Array;
let watch: Watch;

beforeEach(() => {
  time = new VirtualTime();
  thread = new Thread();
  words = new Int32Array(WATCH_WORDS);
  watch = new Watch(thread, words, time, limits);
});

function post(): void {
  thread.posted++;
  watch.wake();
}

test("a thread that does not answer for max_time is stuck, and not before", () => {
  post();
  time.advance(99);
  expect(thread.isStuck).toBe(false);
  time.advance(100);
  expect(thread.isStuck).toBe(true);
});

test("a thread that works through many calls is not stuck, however long that takes", () => {
  post();
  for (let call = 1; call <= 100; call++) {
    words[WATCH_BEGUN] = call;
    time.advance(60);
  }
  expect(thread.isStuck).toBe(false);
  time.advance(300);
  expect(thread.isStuck).toBe(true);
});

test("a thread that has answered is not stuck", () => {
  post();
  time.advance(60);
  words[WATCH_DONE] = 1;
  thread.hasStreams = true;
  time.advance(500);
  expect(thread.isStuck).toBe(false);
});

test("time in which the worker stood still does not count", () => {
  let now = 0;
  const clock = { now: () => now, turnNow: () => now, wallNow: () => now };
  const timers = { arm() {}, cancel() {}, setTimer: () => ({ cancel() {} }) };
  const alone = new Watch(thread, words, { clock, timers }, limits);
  thread.posted = 1;
  alone.wake();
  now = 10_000;
  alone.onTimeout();
  expect(thread.isStuck).toBe(false);
  for (let look = 0; look < 4; look++) {
    now += 25;
    alone.onTimeout();
  }
  expect(thread.isStuck).toBe(true);
});

describe("where the system tells how long a thread has run", () => {
  let times = { ranMs: 5, waitedMs: 7 };

  const lookOften = (looks: number, ranMs: number, waitedMs: number): void => {
    for (let look = 0; look < looks; look++) {
      times = { ranMs: times.ranMs + ranMs, waitedMs: times.waitedMs + waitedMs };
      time.advance(30);
    }
  };

  beforeEach(() => {
    words[WATCH_THREAD] = 42;
    watch = new Watch(thread, words, time, limits, (number) => (number === 42 ? times : null));
    post();
  });

  test("one that has no processor is not stuck", () => {
    lookOften(100, 0, 30);
    expect([thread.isStuck, thread.isBlocked]).toEqual([false, false]);
  });

  test("one that gets a third of one is stuck when it has run that long", () => {
    lookOften(10, 10, 20);
    expect(thread.isStuck).toBe(false);
    lookOften(2, 10, 20);
    expect([thread.isStuck, thread.isBlocked]).toEqual([true, false]);
  });

  test("one that stands still, as in a synchronous read, has as long as one that awaits", () => {
    lookOften(160, 0, 0);
    expect([thread.isStuck, thread.isBlocked]).toEqual([false, false]);
    lookOften(10, 0, 0);
    expect([thread.isStuck, thread.isBlocked]).toEqual([false, true]);
  });
});

test("buffers beside the heap count", () => {
  post();
  words[WATCH_EXTERNAL_KIB] = 1025;
  time.advance(40);
  expect(thread.largeAt).toBe(1025 * 1024);
});

test("while a hook is open the thread is asked whether it turns; less often while streams live; never else", () => {
  post();
  words[WATCH_DONE] = 1;
  thread.hasOpenCalls = true;
  thread.ping = () => void thread.pings++;
  time.advance(400);
  const open = thread.pings;
  expect(open).toBeGreaterThanOrEqual(2);
  thread.hasOpenCalls = false;
  thread.hasStreams = true;
  time.advance(400);
  expect(thread.pings - open).toBeLessThanOrEqual(1);
  time.advance(4000);
  expect(thread.pings).toBeGreaterThan(open);
  expect(thread.expired).toBeGreaterThan(10);
  thread.hasStreams = false;
  time.advance(100);
  expect(time.timers.size).toBe(0);
  watch.wake();
  expect(time.timers.size).toBe(1);
  watch.end();
  expect(time.timers.size).toBe(0);
});

test("a loop behind an answered hook is found by the question", () => {
  post();
  words[WATCH_DONE] = 1;
  thread.hasOpenCalls = true;
  time.advance(1000);
  expect(thread.pings).toBe(1);
  expect(thread.isStuck).toBe(true);
});
