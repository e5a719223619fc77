import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SharedTable, type SharedSlot } from "./shared-table.ts";
import { SharedTally } from "./shared-tally.ts";
import { SLOT_WORDS } from "./slot-index.ts";

const THREADS = 3;
const SLOTS = 8;

/** Threads that claim and release by name, some of which die, one of them within the lock. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("claim" as const), thread: fc.nat(THREADS - 1), key: fc.nat(11) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("release" as const), thread: fc.nat(THREADS - 1), key: fc.nat(11) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("die", "die inside"),
      thread: fc.integer({ min: 1, max: THREADS - 1 }),
      key: fc.constant(0),
    }),
  },
);

describe("slots of the shared table", () => {
  test("are one for each key that is held, whatever was claimed and released before", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const memory = SharedTable.allocate(SLOTS, 0);
        const words = new Int32Array(memory);
        const tables = Array.from({ length: THREADS }, (_, thread) => new SharedTable(memory, thread));
        const held = tables.map(() => new Map<number, SharedSlot>());
        const at = (key: number): number | undefined => held.flatMap((slots) => slots.get(key)?.at ?? [])[0];
        for (const { do: what, thread, key } of steps) {
          const slots = held[thread]!;
          if (what === "release") {
            slots.get(key)?.release();
            slots.delete(key);
          } else if (what === "claim") {
            const keys = new Set(held.flatMap((each) => [...each.keys()]));
            const known = at(key);
            if (known === undefined && keys.size === SLOTS) {
              expect(() => tables[thread]!.claim(`${key}`)).toThrow("taken");
              continue;
            }
            const slot = tables[thread]!.claim(`${key}`);
            if (known === undefined) {
              expect([...words.subarray(slot.at, slot.at + 8)]).toEqual(Array(8).fill(0));
              expect([...keys].map(at)).not.toContain(slot.at);
              words[slot.at] = key + 1;
            } else expect(slot.at).toBe(known);
            // A second claim of the same thread is one more to release.
            if (slots.has(key)) slot.release();
            else slots.set(key, slot);
          } else {
            if (what === "die inside") scramble(words, thread);
            tables[0]!.forget(thread);
            slots.clear();
            tables[thread] = new SharedTable(memory, thread);
          }
          for (const each of held) for (const [name, slot] of each) expect(words[slot.at]).toBe(name + 1);
          expect(tables[0]!.size).toBe(new Set(held.flatMap((each) => [...each.keys()])).size);
        }
      }),
      { numRuns: 300 },
    );
  });

  /** As a thread leaves the index behind that dies while it changes it. */
  function scramble(words: Int32Array, thread: number): void {
    words[0] = thread + 1;
    const index = (1 + SLOTS) * SLOT_WORDS;
    words.copyWithin(index, index + 1, index + 9);
  }

  test("of two threads that died, one of them inside the lock, are free when main has heard of both", () => {
    const memory = SharedTable.allocate(SLOTS, 0);
    const [main, first, second] = [0, 1, 2].map((thread) => new SharedTable(memory, thread));
    first!.claim("a");
    second!.claim("b");
    const own = main!.claim("c");
    scramble(new Int32Array(memory), 2);
    expect(main!.forget(1)).toBe(false);
    expect(() => main!.claim("d")).toThrow("thread 2 holds it");
    own.release();
    expect([main!.forget(2), main!.forget(1), main!.size]).toEqual([true, true, 0]);
    expect(main!.claim("d").at).toBeGreaterThan(0);
  });

  test("that could not be filled are free again", () => {
    const table = new SharedTable(SharedTable.allocate(1, 0), 0);
    const fails = () => {
      throw new Error("no");
    };
    for (let i = 0; i < 3; i++) expect(() => table.claim(`${i}`, fails)).toThrow("no");
    expect([table.claim("a").at, table.size]).toEqual([SLOT_WORDS + 8, 1]);
  });

  test("tell who counts alone for want of them", () => {
    const table = new SharedTable(SharedTable.allocate(3), 1);
    let times = 0;
    table.onFull = () => times++;
    const tallies = ["a", "b", "c"].map((key) => new SharedTally(table, key));
    expect([tallies.map(({ isShared }) => isShared), times]).toEqual([[true, false, false], 2]);
    tallies[0]!.release();
    expect([new SharedTally(table, "b").isShared, times]).toEqual([true, 2]);
  });
});
