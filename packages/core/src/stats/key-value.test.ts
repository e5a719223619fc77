// The key-value store that all workers share: against a model, at its limits, and from several threads at once.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KeyValueOptions, SharedValue } from "@sluice/sdk";
import { VirtualTime } from "../timing/virtual.ts";
import { SharedKeyValue, keyValueSettings } from "./key-value.ts";
import { SharedTable } from "./shared-table.ts";
import { StripedStore } from "./striped-store.ts";

function storeOf<Value extends SharedValue = SharedValue>(options: KeyValueOptions = {}) {
  const time = new VirtualTime();
  const memory = SharedTable.allocate(16, 8 * 2 ** 20);
  const table = new SharedTable(memory, 0);
  const open = (thread: SharedTable = table) =>
    new SharedKeyValue<Value>(thread, "test", keyValueSettings(options), time.clock);
  return { time, memory, table, open, store: open() };
}

describe("a key-value store", () => {
  test("keeps values of every kind, and every length around the size of a block", () => {
    const { store } = storeOf();
    const values: SharedValue[] = [
      "",
      "häl\u{1F600}lo",
      0,
      -1.5,
      Number.MAX_VALUE,
      true,
      null,
      [1, "a"],
      { a: { b: [null] } },
    ];
    for (let length = 0; length < 300; length += 7)
      values.push("x".repeat(length), new Uint8Array(length).fill(length));
    values.forEach((value, i) => store.set(`key ${i}`, value));
    expect(values.map((_, i) => store.get(`key ${i}`))).toEqual(values);
    expect(store.size).toBe(values.length);
  });

  test("is one for all threads that open it, and other options are another one", () => {
    const { store, memory, open, table, time } = storeOf();
    const other = open(new SharedTable(memory, 1));
    store.set("a", 1);
    expect((other as SharedKeyValue<number>).increment("a", 2)).toBe(3);
    expect(store.get("a")).toBe(3);
    expect(other.delete("a")).toBe(true);
    expect([store.has("a"), other.delete("a")]).toEqual([false, false]);
    store.set("b", 1);
    expect(new SharedKeyValue(table, "test", keyValueSettings({ ttlMs: 5 }), time.clock).has("b")).toBe(false);
    expect(new SharedKeyValue(table, "other", keyValueSettings({}), time.clock).has("b")).toBe(false);
  });

  test("tells keys apart that are long, empty, or differ in their last byte", () => {
    const { store } = storeOf<string>();
    const keys = [
      "",
      "a",
      "a\0",
      "k".repeat(256),
      "k".repeat(257),
      `${"k".repeat(256)}l`,
      "ü".repeat(128),
      "ü".repeat(129),
    ];
    for (const key of keys) store.set(key, `value of ${key}`);
    for (const key of keys) expect(store.get(key)).toBe(`value of ${key}`);
    expect(store.size).toBe(keys.length);
  });

  test("forgets what its time is over for: the store's, the entry's own, a counter's from its first count", () => {
    const { store, time } = storeOf<number>({ ttlMs: 100 });
    store.set("store", 1);
    store.set("own", 1, { ttlMs: 300 });
    store.set("never", 1, { ttlMs: 0 });
    store.increment("count");
    time.advance(99);
    expect(store.increment("count")).toBe(2);
    expect(store.get("store")).toBe(1);
    time.advance(1);
    expect([store.get("store"), store.get("own"), store.get("never"), store.get("count")]).toEqual([
      undefined,
      1,
      1,
      undefined,
    ]);
    expect(store.increment("count")).toBe(1);
    time.advance(200);
    expect([store.has("own"), store.has("never")]).toEqual([false, true]);
  });

  test("forgets first what is over, then what was not used for longest", () => {
    const { store, time } = storeOf<number>({ maxEntries: 3 });
    store.set("a", 1);
    store.set("short", 2, { ttlMs: 10 });
    store.set("c", 3);
    time.advance(10);
    store.set("d", 4);
    expect([store.has("a"), store.has("c"), store.has("d")]).toEqual([true, true, true]);
    store.get("a");
    store.set("e", 5);
    expect([store.has("a"), store.has("c"), store.has("d"), store.has("e")]).toEqual([true, false, true, true]);
  });

  test("keeps to its bytes: large values push out as many as they need, and the room of all comes back", () => {
    const { store } = storeOf<string>({ maxEntries: 1000, maxBytes: 64 * 1024 });
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < 40; i++) store.set(`${round} ${i}`, "v".repeat(1 + ((i * 977) % store.maxValueBytes)));
      expect(store.get(`${round} 39`)).toHaveLength(1 + ((39 * 977) % store.maxValueBytes));
    }
    for (let i = 0; i < 500; i++) store.set(`small ${i}`, "x");
    for (let i = 0; i < 500; i++) expect(store.has(`small ${i}`)).toBe(true);
  });

  test("refuses what does not fit, and a sum with what is no number", () => {
    const { store } = storeOf({ maxEntries: 100 });
    store.set("a", "text");
    expect(() => store.set("a", "x".repeat(store.maxValueBytes + 1))).toThrow(/expected at most \d+/);
    expect(() => store.increment("a")).toThrow('the value of "a" is no number');
    expect(() => store.set("a", 1, { ttlMs: -1 })).toThrow("ttlMs is -1");
    expect(store.get("a")).toBe("text");
    expect(() => keyValueSettings({ maxEntries: 0 })).toThrow("maxEntries is 0, expected a whole number from 1");
    expect(() => keyValueSettings({ maxBytes: 0.5 })).toThrow("maxBytes");
    expect(() => storeOf({ maxEntries: 2 ** 20 })).toThrow(/shared state of 26\d\.\d MiB does not fit: of 8\.0 MiB/);
  });

  test("is refused after the end of its filter, and its memory is empty for the next", () => {
    const { store, open, table } = storeOf<string>();
    store.set("a", "secret");
    const again = open();
    store.release();
    expect(() => store.get("a")).toThrow("after the end of its filter");
    expect(again.get("a")).toBe("secret");
    again.release();
    expect(table.size).toBe(0);
    expect([open().has("a"), open().size]).toEqual([false, 0]);
  });

  test("has an empty part where a thread died in the middle, and the rest as it was", () => {
    const { memory, table, store } = storeOf<number>({ maxEntries: 4096 });
    for (let i = 0; i < 1000; i++) store.set(`${i}`, i);
    // It has the lock, and never gives it back.
    const size = { maxEntries: 4096, maxBytes: 4096 * 256, maxKeyBytes: 256 };
    new StripedStore(new SharedTable(memory, 5), "kv 0 4096 1048576 test", size).open("7");
    expect(() => store.get("7")).toThrow("shared state is busy: thread 6 holds it");
    table.forget(5);
    expect(store.get("7")).toBe(undefined);
    const left = Array.from({ length: 1000 }, (_, i) => store.get(`${i}`)).filter((value) => value !== undefined);
    expect(left.length).toBeGreaterThan(500);
    store.set("7", 7);
    expect(store.get("7")).toBe(7);
  });

  test("behaves as a map with times", () => {
    const key = fc.constantFrom("a", "b", "c", "a much longer key that takes blocks of its own ".repeat(4));
    const value: fc.Arbitrary<SharedValue> = fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.integer(),
      fc.uint8Array({ maxLength: 200 }),
      fc.constant({ a: 1 }),
    );
    const step = fc.oneof(
      fc.record({ kind: fc.constant("set" as const), key, value, ttlMs: fc.constantFrom(0, 50) }),
      fc.record({ kind: fc.constant("get" as const), key }),
      fc.record({ kind: fc.constant("delete" as const), key }),
      fc.record({
        kind: fc.constant("swap" as const),
        key,
        value: fc.option(value, { nil: undefined }),
        hit: fc.boolean(),
      }),
      fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 60 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { store, time } = storeOf({ maxEntries: 100 });
        const model = new Map<string, { value: SharedValue; end: number }>();
        const known = (k: string) => {
          const entry = model.get(k);
          return entry === undefined || entry.end <= time.clock.now() ? undefined : entry.value;
        };
        for (const s of steps) {
          if (s.kind === "wait") time.advance(s.ms);
          else if (s.kind === "get") expect(store.get(s.key)).toEqual(known(s.key));
          else if (s.kind === "delete") {
            expect(store.delete(s.key)).toBe(known(s.key) !== undefined);
            model.delete(s.key);
          } else if (s.kind === "set") {
            store.set(s.key, s.value, { ttlMs: s.ttlMs });
            model.set(s.key, { value: s.value, end: s.ttlMs === 0 ? Infinity : time.clock.now() + s.ttlMs });
          } else {
            const expected = s.hit ? known(s.key) : "certainly something else";
            expect(store.compareAndSet(s.key, expected, s.value)).toBe(s.hit);
            if (s.hit && s.value === undefined) model.delete(s.key);
            else if (s.hit) model.set(s.key, { value: s.value!, end: Infinity });
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

const HAMMER = `
  import { parentPort, workerData } from "node:worker_threads";
  const { SharedKeyValue, keyValueSettings } = await import(workerData.keyValue);
  const { SharedTable } = await import(workerData.table);
  const clock = { now: () => 0, turnNow: () => 0, wallNow: () => 0 };
  const store = new SharedKeyValue(new SharedTable(workerData.memory, workerData.thread), "test", keyValueSettings({ maxEntries: 64 }), clock);
  parentPort.postMessage("ready");
  parentPort.once("message", () => {
    let swaps = 0;
    for (let i = 0; i < workerData.rounds; i++) {
      store.increment("count " + (i & 7));
      store.set("text", (workerData.thread + "-").repeat(40 + (i % 50)));
      const text = store.get("text");
      if (!/^(\\d-)\\1*$/.test(text)) throw new Error("torn: " + text);
      if (i % 16 === 0) for (;;) {
        const was = store.get("swapped");
        if (store.compareAndSet("swapped", was, (was ?? 0) + 1)) { swaps++; break; }
      }
    }
    parentPort.postMessage(swaps);
  });
`;

test("several threads at once lose no count and tear no value", async () => {
  const { memory, open, store } = storeOf<number>({ maxEntries: 64 });
  const rounds = 4000;
  const workers = [1, 2, 3].map(
    (thread) =>
      new Worker(new URL(`data:text/javascript,${encodeURIComponent(HAMMER)}`), {
        workerData: {
          memory,
          thread,
          rounds,
          keyValue: new URL("./key-value.ts", import.meta.url).href,
          table: new URL("./shared-table.ts", import.meta.url).href,
        },
        execArgv: ["--conditions=sluice-source"],
      }),
  );
  await Promise.all(workers.map((worker) => once(worker, "message")));
  const done = Promise.all(workers.map(async (worker) => (await once(worker, "message"))[0] as number));
  for (const worker of workers) worker.postMessage("go");
  const swaps = (await done).reduce((sum, each) => sum + each, 0);
  let counted = 0;
  for (let i = 0; i < 8; i++) counted += store.get(`count ${i}`) ?? 0;
  expect(counted).toBe(rounds * workers.length);
  expect(open().get("swapped")).toBe(swaps);
  await Promise.all(workers.map((worker) => worker.terminate()));
});
