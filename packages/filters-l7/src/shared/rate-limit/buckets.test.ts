// Buckets of one connection: its client may make up keys, and gains neither tokens nor memory by it.
import { describe, expect, it } from "vitest";
import { VirtualTime } from "../../../../core/src/timing/virtual.ts";
import { OwnBucket, RecentBuckets } from "./buckets.ts";

const settings = { maxTokens: 2, tokensPerFill: 1, fillIntervalMs: 1000 };

function recent(maxKeys: number) {
  const time = new VirtualTime();
  const buckets = new RecentBuckets(settings, maxKeys, time.clock);
  return { time, take: (key: string) => buckets.of(key).take(), of: (key: string) => buckets.of(key) };
}

describe("buckets of one connection", () => {
  it("are one for each key, as long as there is room", () => {
    const { take } = recent(2);
    expect(["a", "a", "a", "b", "b", "b"].map(take)).toEqual([true, true, false, true, true, false]);
  });

  it("beyond that are one for all further keys, which give nobody tokens back", () => {
    const { take, of } = recent(2);
    expect(["a", "a", "b", "b"].every(take)).toBe(true);
    const passed = Array.from({ length: 100 }, (_, i) => take(`made-up-${i}`)).filter(Boolean);
    expect([passed.length, take("a"), take("b"), of("c") === of("d")]).toEqual([2, false, false, true]);
  });

  it("make room once they are full again", () => {
    const { time, take, of } = recent(2);
    expect(["a", "a", "b", "c", "c", "c"].map(take)).toEqual([true, true, true, true, true, false]);
    time.advance(1000);
    // Of a one token is missing still, of b none.
    expect([take("d"), take("d"), take("d")]).toEqual([true, true, false]);
    expect([take("a"), take("a")]).toEqual([true, false]);
    time.advance(2000);
    expect(of("e")).not.toBe(of("f"));
  });

  it("hold no long text of a client, and tell long keys apart", () => {
    const { take } = recent(10);
    const long = "x".repeat(60_000);
    const keys = ["1", "1", "1", "2", "2", "2"].map((end) => long + end);
    expect(keys.map(take)).toEqual([true, true, false, true, true, false]);
  });

  it("are filled at each interval", () => {
    const time = new VirtualTime();
    const bucket = new OwnBucket(settings, time.clock);
    expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, false]);
    time.advance(999);
    expect([bucket.take(), bucket.resetMs()]).toEqual([false, 1]);
    time.advance(1);
    expect([bucket.take(), bucket.take()]).toEqual([true, false]);
    time.advance(10_000);
    expect(bucket.remaining()).toBe(2);
  });
});
