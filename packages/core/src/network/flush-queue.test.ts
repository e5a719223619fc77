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
