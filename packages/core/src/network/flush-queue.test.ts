import { expect, test } from "vitest";
import { FlushQueue, type Flushable } from "./flush-queue.ts";

function item(log: string[], name: string, onFlush: () => void = () => {}): Flushable {
  return {
    flushQueued: false,
    flush() {
      log.push(name);
      onFlush();
    },
  };
}

test("within a turn each item is flushed once, at the turn's end, in the order of its first registration", () => {
  const queue = new FlushQueue();
  const log: string[] = [];
  const [a, b] = [item(log, "a"), item(log, "b")];
  queue.enter();
  queue.enter();
  queue.add(a);
  queue.add(b);
  queue.add(a);
  queue.leave();
  expect(log).toEqual([]);
  queue.leave();
  expect(log).toEqual(["a", "b"]);
  queue.enter();
  queue.add(a);
  queue.leave();
  expect(log).toEqual(["a", "b", "a"]);
});

test("outside of a turn a flush is scheduled, once", async () => {
  const queue = new FlushQueue();
  const log: string[] = [];
  queue.add(item(log, "a"));
  queue.add(item(log, "b"));
  expect(log).toEqual([]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(log).toEqual(["a", "b"]);
});

test("what a flush adds is flushed in the same round", () => {
  const queue = new FlushQueue();
  const log: string[] = [];
  const b = item(log, "b");
  queue.enter();
  queue.add(item(log, "a", () => queue.add(b)));
  queue.leave();
  expect(log).toEqual(["a", "b"]);
});

test("late items wait for the event loop's round, whatever number of turns; the others do not", async () => {
  const turns: string[] = [];
  const log: string[] = [];
  const listener = { beginTurn: () => turns.push("begin"), endTurn: () => turns.push("end") };
  const queue = new FlushQueue(listener, { late: "loop" });
  const after = item(log, "after");
  const late = item(log, "late", () => queue.add(after));
  for (const name of ["first", "second"]) {
    queue.enter();
    queue.addLate(late);
    queue.add(item(log, name));
    queue.leave();
  }
  expect(log).toEqual(["first", "second"]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(log).toEqual(["first", "second", "late", "after"]);
  expect(turns).toEqual(["begin", "end", "begin", "end", "begin", "end"]);
});

test("an item of the turn that writes to a late one is flushed before it", async () => {
  const queue = new FlushQueue(undefined, { late: "loop" });
  const log: string[] = [];
  const late = item(log, "late");
  queue.addLate(late);
  queue.add(item(log, "item", () => queue.addLate(late)));
  await new Promise((resolve) => setImmediate(resolve));
  expect(log).toEqual(["item", "late"]);
});

test("without a loop of its own late items are flushed at the turn's end", () => {
  const queue = new FlushQueue();
  const log: string[] = [];
  queue.enter();
  queue.addLate(item(log, "late"));
  queue.leave();
  expect(log).toEqual(["late"]);
});

test("what a scheduled flush throws is told, and the others are flushed", async () => {
  const log: string[] = [];
  const queue = new FlushQueue(undefined, { late: "loop", onError: (error) => log.push(String(error)) });
  const bad = item(log, "bad", () => {
    throw new Error("broken");
  });
  queue.addLate(bad);
  queue.addLate(item(log, "good"));
  await new Promise((resolve) => setImmediate(resolve));
  expect(log).toEqual(["bad", "good", "Error: broken"]);
});

test("an item that throws does not keep the others from being flushed; the queue goes on working", () => {
  const queue = new FlushQueue();
  const log: string[] = [];
  const bad = item(log, "bad", () => {
    throw new Error("broken");
  });
  queue.enter();
  queue.add(bad);
  queue.add(item(log, "good"));
  expect(() => queue.leave()).toThrow("broken");
  expect(log).toEqual(["bad", "good"]);
  queue.enter();
  queue.add(item(log, "later"));
  queue.leave();
  expect(log).toEqual(["bad", "good", "later"]);
});
