// Regions of shared memory behind the slots of the table, the hash of keys, and the lock around a stripe.
import { describe, expect, test } from "vitest";
import { seededHash } from "./seeded-hash.ts";
import { holderOf, lock, unlock } from "./shared-lock.ts";
import { SharedTable, type SharedRegion } from "./shared-table.ts";

const bytesOf = ({ memory, byteOffset, byteLength }: SharedRegion) => new Uint8Array(memory, byteOffset, byteLength);

describe("regions", () => {
  test("are one by key and size in all threads, and never overlap", () => {
    const memory = SharedTable.allocate(8, 4096);
    const [one, two] = [new SharedTable(memory, 0), new SharedTable(memory, 1)];
    const a = one.claimRegion("a", 1000, (region) => bytesOf(region).fill(7));
    const b = two.claimRegion("b", 1000);
    bytesOf(b).fill(9);
    expect(bytesOf(two.claimRegion("a", 1000)).every((byte) => byte === 7)).toBe(true);
    expect([a.byteOffset % 64, a.byteLength, b.byteOffset - a.byteOffset]).toEqual([0, 1024, 1024]);
    expect(two.claimRegion("a", 100).byteOffset).not.toBe(a.byteOffset);
    // A slot of the same name is another thing.
    expect(one.claim("a").at).not.toBe(one.claim("b").at);
  });

  test("take the first gap that is large enough, zeroed, once nobody holds what was there", () => {
    const memory = SharedTable.allocate(8, 4096);
    const [one, two] = [new SharedTable(memory, 0), new SharedTable(memory, 1)];
    const regions = ["a", "b", "c"].map((key) => one.claimRegion(key, 1024));
    const b = regions[1]!;
    bytesOf(b).fill(9);
    const held = two.claimRegion("b", 1024);
    b.release();
    b.release();
    expect(one.claimRegion("d", 512).byteOffset).toBe(regions[2]!.byteOffset + 1024);
    held.release();
    expect(() => one.claimRegion("e", 2048)).toThrow("shared state of 0.0 MiB does not fit");
    const again = one.claimRegion("f", 1024);
    expect([again.byteOffset, bytesOf(again).every((byte) => byte === 0)]).toEqual([b.byteOffset, true]);
  });

  test("of a dead thread are free again", () => {
    const memory = SharedTable.allocate(8, 4096);
    const main = new SharedTable(memory, 0);
    new SharedTable(memory, 3).claimRegion("a", 4096);
    expect(() => main.claimRegion("b", 64)).toThrow(RangeError);
    main.forget(3);
    expect(main.claimRegion("b", 4096).byteLength).toBe(4096);
  });
});

test("the hash of keys is HalfSipHash-1-3: the first values of the Linux kernel's table", () => {
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => i);
  const hashes = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((length) => seededHash(bytes, length, 0x03020100, 0x07060504) >>> 0);
  expect(hashes).toEqual([
    0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6, 0x577999b1,
  ]);
});

test("a lock is free after its holder, or after main has opened it for a dead one", () => {
  const words = new Int32Array(new SharedArrayBuffer(64));
  lock(words, 3, 5);
  expect(holderOf(words, 3)).toBe(5);
  expect(() => lock(words, 3, 6)).toThrow("shared state is busy: thread 5 holds it");
  unlock(words, 3, 5);
  lock(words, 3, 6);
  expect(holderOf(words, 3)).toBe(6);
  unlock(words, 3, 6);
  expect(words[3]).toBe(0);
});
