// Envoy's token bucket under a virtual clock, and from several real threads at once.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { VirtualTime } from "../timing/virtual.ts";
import { SharedTable } from "./shared-table.ts";
import { SharedTokenBucket } from "./token-bucket.ts";

function bucketOf(options: { maxTokens: number; tokensPerFill?: number; fillIntervalMs: number }) {
  const time = new VirtualTime();
  const table = new SharedTable(SharedTable.allocate(64), 0);
  return { time, table, bucket: new SharedTokenBucket(table, "key", options, time.clock) };
}

describe("a token bucket", () => {
  test("starts full and refuses what it has not", () => {
    const { bucket } = bucketOf({ maxTokens: 3, fillIntervalMs: 1000 });
    expect([bucket.take(), bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, true, false]);
    expect(bucket.remaining()).toBe(0);
  });

  test("is filled at whole intervals, not in between", () => {
    const { bucket, time } = bucketOf({ maxTokens: 10, tokensPerFill: 4, fillIntervalMs: 1000 });
    expect(bucket.take(10)).toBe(true);
    time.advance(999);
    expect(bucket.remaining()).toBe(0);
    expect(bucket.nextFillMs()).toBe(1);
    time.advance(1);
    expect(bucket.remaining()).toBe(4);
    expect(bucket.nextFillMs()).toBe(1000);
  });

  test("never holds more than its maximum, however long it waits", () => {
    const { bucket, time } = bucketOf({ maxTokens: 5, tokensPerFill: 5, fillIntervalMs: 1 });
    time.advance(10_000_000_000);
    expect(bucket.remaining()).toBe(5);
    expect(bucket.take(6)).toBe(false);
    expect(bucket.take(5)).toBe(true);
    expect(bucket.take()).toBe(false);
    time.advance(1);
    expect(bucket.remaining()).toBe(5);
  });

  test("takes all or nothing", () => {
    const { bucket } = bucketOf({ maxTokens: 5, fillIntervalMs: 1000 });
    expect(bucket.take(3)).toBe(true);
    expect(bucket.take(3)).toBe(false);
    expect(bucket.take(2)).toBe(true);
  });

  test("gives 1 token a fill unless told", () => {
    const { bucket, time } = bucketOf({ maxTokens: 5, fillIntervalMs: 10 });
    bucket.take(5);
    time.advance(30);
    expect(bucket.remaining()).toBe(3);
  });

  test.each([
    [{ maxTokens: 0, fillIntervalMs: 1 }, "maxTokens is 0"],
    [{ maxTokens: 1.5, fillIntervalMs: 1 }, "maxTokens is 1.5"],
    [{ maxTokens: 2 ** 33, fillIntervalMs: 1 }, "maxTokens is"],
    [{ maxTokens: 1, tokensPerFill: 0, fillIntervalMs: 1 }, "tokensPerFill is 0"],
    [{ maxTokens: 1, fillIntervalMs: 0 }, "fillIntervalMs is 0"],
    [{ maxTokens: 1, fillIntervalMs: NaN }, "fillIntervalMs is NaN"],
  ])("refuses %o", (options, message) => {
    expect(() => bucketOf(options)).toThrow(message);
  });

  test("behaves as a plain counter that is filled by a timer", () => {
    const steps = fc.array(
      fc.oneof(fc.record({ take: fc.integer({ min: 1, max: 8 }) }), fc.record({ wait: fc.nat(350) })),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 15 }),
        steps,
        (maxTokens, tokensPerFill, list) => {
          const { bucket, time } = bucketOf({ maxTokens, tokensPerFill, fillIntervalMs: 100 });
          let tokens = maxTokens;
          let age = 0;
          for (const step of list) {
            if ("wait" in step) {
              const fills = Math.floor((age + step.wait) / 100) - Math.floor(age / 100);
              for (let i = 0; i < fills; i++) tokens = Math.min(maxTokens, tokens + tokensPerFill);
              age += step.wait;
              time.advance(step.wait);
            } else {
              const expected = tokens >= step.take;
              if (expected) tokens -= step.take;
              expect(bucket.take(step.take)).toBe(expected);
            }
            expect(bucket.remaining()).toBe(tokens);
          }
        },
      ),
    );
  });
});

describe("buckets of one table", () => {
  const options = { maxTokens: 2, fillIntervalMs: 1000 };

  test("with one key and the same options are one, also in the next configuration", () => {
    const { table, time, bucket } = bucketOf(options);
    bucket.take();
    const next = new SharedTokenBucket(table, "key", options, time.clock);
    bucket.release();
    expect(next.remaining()).toBe(1);
    next.release();
    expect(table.size).toBe(0);
    expect(new SharedTokenBucket(table, "key", options, time.clock).remaining()).toBe(2);
  });

  test("with other options start full", () => {
    const { table, time, bucket } = bucketOf(options);
    bucket.take(2);
    expect(new SharedTokenBucket(table, "key", { ...options, maxTokens: 3 }, time.clock).remaining()).toBe(3);
    expect(new SharedTokenBucket(table, "other", options, time.clock).remaining()).toBe(2);
    expect(bucket.remaining()).toBe(0);
  });
});

/** Takes from the bucket as fast as it can until told to stop; time is a number in shared memory. Tells how much it was let through. */
const hammer = `
  const { parentPort, workerData } = require("node:worker_threads");
  (async () => {
    const { SharedTable } = await import(workerData.table);
    const { SharedTokenBucket } = await import(workerData.bucket);
    const control = new Int32Array(workerData.control);
    const now = () => Atomics.load(control, 1);
    const clock = { now, turnNow: now, wallNow: () => 0 };
    const bucket = new SharedTokenBucket(new SharedTable(workerData.memory, workerData.thread), "key", workerData.options, clock);
    parentPort.postMessage("ready");
    Atomics.wait(control, 0, 0);
    let admitted = 0;
    while (Atomics.load(control, 0) === 1) if (bucket.take(workerData.tokens)) admitted += workerData.tokens;
    parentPort.postMessage(admitted);
  })();
`;

test("several threads at once take exactly what the bucket is given, over many fills", async () => {
  const options = { maxTokens: 1000, tokensPerFill: 700, fillIntervalMs: 10 };
  const fills = 200;
  const memory = SharedTable.allocate(16);
  const control = new Int32Array(new SharedArrayBuffer(8));
  const url = (file: string) => new URL(file, import.meta.url).href;
  const workers = Array.from({ length: 4 }, (_, i) => {
    const workerData = {
      table: url("./shared-table.ts"),
      bucket: url("./token-bucket.ts"),
      memory,
      control: control.buffer,
      options,
      thread: i + 1,
      tokens: 1 + (i % 2),
    };
    return new Worker(hammer, { eval: true, workerData });
  });
  await Promise.all(workers.map((worker) => once(worker, "message")));
  const now = () => control[1]!;
  const clock = { now, turnNow: now, wallNow: () => 0 };
  const bucket = new SharedTokenBucket(new SharedTable(memory, 0), "key", options, clock);
  const admitted = Promise.all(workers.map(async (worker) => (await once(worker, "message"))[0] as number));
  Atomics.store(control, 0, 1);
  Atomics.notify(control, 0);
  for (let i = 1; i <= fills + 1; i++) {
    while (bucket.remaining() > 0) await new Promise(setImmediate);
    if (i <= fills) Atomics.store(control, 1, i * 10);
  }
  Atomics.store(control, 0, 2);
  expect((await admitted).reduce((sum, each) => sum + each, 0)).toBe(1000 + 700 * fills);
  await Promise.all(workers.map((worker) => worker.terminate()));
});

describe("the shared table", () => {
  test("tells when it is full, and takes slots again that were released", () => {
    const table = new SharedTable(SharedTable.allocate(2), 0);
    const first = table.claim("a");
    table.claim("b");
    expect(() => table.claim("c")).toThrow("all 2 slots of shared state are taken");
    first.release();
    first.release();
    expect(table.claim("c").at).toBe(first.at);
    expect(() => table.claim("a")).toThrow("taken");
  });

  test("a slot is kept while any thread holds it, and counted in each", () => {
    const memory = SharedTable.allocate(4);
    const [a, b] = [new SharedTable(memory, 0), new SharedTable(memory, 127)];
    const first = a.claim("k");
    const again = a.claim("k");
    const other = b.claim("k");
    first.words[first.at] = 42;
    expect(other.words[other.at]).toBe(42);
    first.release();
    other.release();
    expect(a.size).toBe(1);
    again.release();
    expect(a.size).toBe(0);
    expect(b.claim("k").words[other.at]).toBe(0);
  });

  test("what a dead thread held is free again, its lock too", () => {
    const memory = SharedTable.allocate(4);
    const [main, dead] = [new SharedTable(memory, 0), new SharedTable(memory, 33)];
    dead.claim("k");
    main.claim("mine");
    // The thread died between taking and opening the lock.
    new Int32Array(memory)[0] = 34;
    main.forget(33);
    expect(main.size).toBe(1);
    expect(main.claim("other").at).toBeGreaterThan(0);
  });
});
