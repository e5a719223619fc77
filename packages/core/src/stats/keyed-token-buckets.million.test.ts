// A million identities, and an attacker who makes up as many more: memory stays what it was, and nobody's limit begins anew.
import { expect, test } from "vitest";
import { VirtualTime } from "../timing/virtual.ts";
import { KeyedTokenBuckets, tokenBucketsSettings } from "./keyed-token-buckets.ts";
import { SharedTable } from "./shared-table.ts";

const KEYS = 2 ** 20;
const MIB = 2 ** 20;
const HOUR = 3_600_000;

function residentMib(): number {
  return process.memoryUsage.rss() / MIB;
}

function heapMib(): number {
  return process.memoryUsage().heapUsed / MIB;
}

test("a million keys have a bucket each; made up keys beyond them cost no memory and give nobody tokens back", {
  timeout: 120_000,
}, () => {
  const time = new VirtualTime();
  const table = new SharedTable(SharedTable.allocate(16, 128 * MIB), 0);
  const before = residentMib();
  const settings = tokenBucketsSettings({ maxTokens: 1, fillIntervalMs: HOUR, maxKeys: KEYS });
  const buckets = new KeyedTokenBuckets(table, "million", settings, time.clock);

  // A bucket for each: every first request passes, but for the few whose part of the memory was full before others'.
  let passed = 0;
  for (let i = 0; i < KEYS; i++) if (buckets.take(`user-${i}`)) passed++;
  expect(passed / KEYS).toBeGreaterThan(0.999);
  const full = residentMib();
  const heap = heapMib();
  expect(buckets.size).toBeGreaterThan(KEYS * 0.98);
  expect(buckets.size).toBeLessThanOrEqual(KEYS);
  expect(full - before).toBeLessThan(128 + 32);

  // The attacker has used up his own bucket, and floods with a million names.
  expect(buckets.take("attacker")).toBe(true);
  for (let i = 0; i < KEYS; i++) buckets.take(`made-up-${i}`);
  expect(buckets.size).toBeLessThanOrEqual(KEYS);
  // What remains of forgotten keys is in pages that were reserved from the beginning; the heap holds none of it.
  expect(residentMib() - before).toBeLessThan(128 + 64);
  expect(heapMib() - heap).toBeLessThan(32);

  // Nothing is given back: not his, not that of any of the million that he pushed out.
  expect(buckets.take("attacker")).toBe(false);
  let again = 0;
  for (let i = 0; i < KEYS; i += 97) if (buckets.take(`user-${i}`)) again++;
  expect(again).toBe(0);

  // The price is the newcomers': some find a bucket that shares its places with forgotten ones.
  let welcome = 0;
  for (let i = 0; i < 10_000; i++) if (buckets.take(`newcomer-${i}`)) welcome++;
  expect(welcome / 10_000).toBeGreaterThan(0.7);

  // And it is over when the buckets would have been full.
  time.advance(HOUR);
  expect([buckets.take("attacker"), buckets.take("user-0"), buckets.take("yet-another")]).toEqual([true, true, true]);
});
