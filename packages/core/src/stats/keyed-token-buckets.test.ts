// Token buckets by key: against a model, charges that come afterwards, bounded memory, and several threads at once.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TokenBucketsOptions } from "@sluice/sdk";
import { VirtualTime } from "../timing/virtual.ts";
import { KeyedTokenBuckets, tokenBucketsSettings } from "./keyed-token-buckets.ts";
import { SharedTable } from "./shared-table.ts";

function bucketsOf(options: TokenBucketsOptions) {
  const time = new VirtualTime();
  const memory = SharedTable.allocate(16, 4 * 2 ** 20);
  const table = new SharedTable(memory, 0);
  return {
    time,
    memory,
    table,
    buckets: new KeyedTokenBuckets(table, "test", tokenBucketsSettings(options), time.clock),
  };
}

describe("keyed token buckets", () => {
  test("each key has its own, full at first, filled evenly", () => {
    const { buckets, time } = bucketsOf({ maxTokens: 2, fillIntervalMs: 1000 });
    expect([buckets.take("a"), buckets.take("a"), buckets.take("a"), buckets.take("b")]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    expect([buckets.remaining("a"), buckets.remaining("b"), buckets.remaining("c")]).toEqual([0, 1, 2]);
    expect(buckets.retryAfterMs("a")).toBeCloseTo(1000);
    time.advance(999);
    expect(buckets.take("a")).toBe(false);
    time.advance(1);
    expect(buckets.retryAfterMs("a")).toBe(0);
    expect([buckets.take("a"), buckets.take("a")]).toEqual([true, false]);
    time.advance(1_000_000);
    expect(buckets.remaining("a")).toBe(2);
  });

  test("a charge may go below nothing and is paid back by time; a negative one gives back", () => {
    const { buckets, time } = bucketsOf({ maxTokens: 100, tokensPerFill: 100, fillIntervalMs: 60_000 });
    expect(buckets.take("key", 10)).toBe(true);
    buckets.charge("key", 150);
    expect(buckets.remaining("key")).toBe(-60);
    expect(buckets.take("key", 0)).toBe(false);
    expect(buckets.retryAfterMs("key", 1)).toBeCloseTo(61 * 600);
    time.advance(36_000);
    expect(buckets.remaining("key")).toBe(0);
    buckets.charge("key", -30);
    expect(buckets.remaining("key")).toBe(30);
    buckets.charge("key", -1000);
    expect([buckets.remaining("key"), buckets.size]).toEqual([100, 0]);
    buckets.charge("new", -5);
    expect(buckets.size).toBe(0);
  });

  test("more than the bucket holds is never taken", () => {
    const { buckets } = bucketsOf({ maxTokens: 5, fillIntervalMs: 10 });
    expect([buckets.take("a", 6), buckets.retryAfterMs("a", 6), buckets.take("a", 5)]).toEqual([false, Infinity, true]);
    expect(() => buckets.take("a", -1)).toThrow("tokens is -1, expected a number that is not negative");
    expect(() => buckets.charge("a", Number.NaN)).toThrow("tokens is NaN");
  });

  test("remembers as many keys as it is told, long ones too, and forgets full ones first, and of no key what it has used", () => {
    const { buckets, time } = bucketsOf({ maxTokens: 1, fillIntervalMs: 1000, maxKeys: 4 });
    const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map((letter) => letter.repeat(100)) as [
      string,
      string,
      string,
      string,
      string,
    ];
    for (const key of [a, b, c, d]) expect(buckets.take(key)).toBe(true);
    expect(buckets.take(a)).toBe(false);
    expect(buckets.take(e)).toBe(true);
    expect(buckets.size).toBe(4);
    // Of b what was missing is known, though not the key: it gets nothing back by being forgotten.
    expect([buckets.take(a), buckets.take(b), buckets.remaining(b)]).toEqual([false, false, 0]);
    time.advance(1000);
    expect([buckets.take(b), buckets.take("f")]).toEqual([true, true]);
    expect(buckets.size).toBeLessThanOrEqual(4);
  });

  test("a few that are remembered do not make it cheap to leave nothing to newcomers", () => {
    const { buckets } = bucketsOf({ maxTokens: 10, tokensPerFill: 10, fillIntervalMs: 60_000, maxKeys: 20 });
    for (let i = 0; i < 1000; i++) buckets.take(`made-up-${i}`);
    let welcome = 0;
    for (let i = 0; i < 50; i++) if (buckets.take(`newcomer-${i}`)) welcome++;
    expect(welcome).toBe(50);
  });

  test("options that make no bucket are refused by name", () => {
    const options = { maxTokens: 1, fillIntervalMs: 1 };
    expect(() => bucketsOf({ ...options, maxTokens: 0 })).toThrow("maxTokens is 0, expected a whole number from 1");
    expect(() => bucketsOf({ ...options, maxKeys: 0.5 })).toThrow("maxKeys is 0.5");
    expect(() => bucketsOf({ ...options, fillIntervalMs: 0 })).toThrow(
      "fillIntervalMs is 0, expected a number above 0",
    );
    expect(() => bucketsOf({ ...options, tokensPerFill: 2 ** 30 })).toThrow("more than a million");
  });

  test("admits what a bucket does that is filled by the clock", () => {
    const step = fc.record({
      wait: fc.integer({ min: 0, max: 300 }),
      tokens: fc.integer({ min: 0, max: 6 }),
      charge: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 7 }),
        fc.array(step, { maxLength: 50 }),
        (maxTokens, tokensPerFill, steps) => {
          const { buckets, time } = bucketsOf({ maxTokens, tokensPerFill, fillIntervalMs: 700 });
          // In units of 1/700 token, so that the model is exact.
          let level = maxTokens * 700;
          for (const { wait, tokens, charge } of steps) {
            time.advance(wait);
            level = Math.min(maxTokens * 700, level + wait * tokensPerFill);
            if (charge) buckets.charge("k", tokens);
            else expect(buckets.take("k", tokens)).toBe(level >= tokens * 700);
            if (charge || level >= tokens * 700) level -= tokens * 700;
            expect(buckets.remaining("k")).toBe(Math.floor(level / 700));
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

const HAMMER = `
  import { parentPort, workerData } from "node:worker_threads";
  const { KeyedTokenBuckets, tokenBucketsSettings } = await import(workerData.buckets);
  const { SharedTable } = await import(workerData.table);
  const now = new Float64Array(workerData.control);
  const words = new Int32Array(workerData.control);
  const clock = { now: () => now[1], turnNow: () => now[1], wallNow: () => 0 };
  const buckets = new KeyedTokenBuckets(new SharedTable(workerData.memory, workerData.thread), "test", tokenBucketsSettings(workerData.options), clock);
  parentPort.postMessage("ready");
  Atomics.wait(words, 0, 0);
  const admitted = [0, 0, 0];
  for (let i = 0; Atomics.load(words, 0) === 1; i++) {
    if (buckets.take("key " + (i % 3), 1 + (workerData.thread & 1))) admitted[i % 3] += 1 + (workerData.thread & 1);
  }
  parentPort.postMessage(admitted);
`;

test("several threads at once admit what one would", async () => {
  const options = { maxTokens: 1000, tokensPerFill: 70, fillIntervalMs: 7 };
  const { memory, table } = bucketsOf(options);
  const control = new SharedArrayBuffer(16);
  const words = new Int32Array(control);
  const now = new Float64Array(control);
  now[1] = 5;
  const workers = [1, 2, 3].map(
    (thread) =>
      new Worker(new URL(`data:text/javascript,${encodeURIComponent(HAMMER)}`), {
        workerData: {
          memory,
          thread,
          control,
          options,
          buckets: new URL("./keyed-token-buckets.ts", import.meta.url).href,
          table: new URL("./shared-table.ts", import.meta.url).href,
        },
        execArgv: ["--conditions=sluice-source"],
      }),
  );
  await Promise.all(workers.map((worker) => once(worker, "message")));
  const done = Promise.all(workers.map(async (worker) => (await once(worker, "message"))[0] as number[]));
  const clock = { now: () => now[1]!, turnNow: () => now[1]!, wallNow: () => 0 };
  const own = new KeyedTokenBuckets(table, "test", tokenBucketsSettings(options), clock);
  Atomics.store(words, 0, 1);
  Atomics.notify(words, 0);
  const keys = ["key 0", "key 1", "key 2"];
  const emptied = async () => {
    while (keys.some((key) => own.remaining(key) > 0)) await new Promise(setImmediate);
  };
  for (let fill = 1; fill <= 20; fill++) {
    await emptied();
    now[1] = 5 + fill * 7;
  }
  await emptied();
  Atomics.store(words, 0, 2);
  const admitted = (await done).reduce((sums, each) => sums.map((sum, i) => sum + each[i]!), [0, 0, 0]);
  expect(admitted).toEqual([1000 + 20 * 70, 1000 + 20 * 70, 1000 + 20 * 70]);
  await Promise.all(workers.map((worker) => worker.terminate()));
});
