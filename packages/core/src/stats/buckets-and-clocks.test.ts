// Token buckets of both kinds between threads whose clocks differ: a turn that takes long still sees the time at which it began. Together they admit what one
// bucket would whose fills come between the two times.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KeyedTokenBuckets, tokenBucketsSettings } from "./keyed-token-buckets.ts";
import { SharedTable } from "./shared-table.ts";
import { SharedTokenBucket } from "./token-bucket.ts";

const MAX_LAG = 300;

class LaggingClock {
  ms = 1000;
  now = () => this.ms;
  turnNow = () => this.ms;
  wallNow = () => this.ms;
}

interface Options {
  readonly maxTokens: number;
  readonly tokensPerFill: number;
  readonly fillIntervalMs: number;
}

type Take = () => boolean;

function exact(options: Options, clocks: readonly LaggingClock[]): Take[] {
  const memory = SharedTable.allocate(16, 2 ** 20);
  return clocks.map((clock, thread) => {
    const bucket = new SharedTokenBucket(new SharedTable(memory, thread), "test", options, clock);
    return () => bucket.take();
  });
}

function keyed(options: Options, clocks: readonly LaggingClock[]): Take[] {
  const memory = SharedTable.allocate(16, 2 ** 20);
  return clocks.map((clock, thread) => {
    const buckets = new KeyedTokenBuckets(
      new SharedTable(memory, thread),
      "test",
      tokenBucketsSettings(options),
      clock,
    );
    return () => buckets.take("key");
  });
}

const step = fc.record({
  wait: fc.constantFrom(0, 1, 50, 99, 100, 101, 250, 1000),
  lags: fc.tuple(fc.integer({ min: 0, max: MAX_LAG }), fc.integer({ min: 0, max: MAX_LAG })),
  takes: fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 12 })),
});

describe.each([
  ["filled at each interval", exact, (from: number, to: number) => Math.floor(to / 100) - Math.floor(from / 100)],
  ["filled evenly", keyed, (from: number, to: number) => (to - from) / 100],
])("buckets %s", (_kind, make, fillsBetween) => {
  test("admit in no span of time more than they hold and what is filled in it", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 8 }),
        fc.array(step, { maxLength: 30 }),
        (maxTokens, tokensPerFill, steps) => {
          const clocks = [new LaggingClock(), new LaggingClock()] as const;
          const takes = make({ maxTokens, tokensPerFill, fillIntervalMs: 100 }, clocks);
          let time = 0;
          const admitted: Array<{ readonly at: number; count: number }> = [];
          for (const { wait, lags, takes: counts } of steps) {
            time += wait;
            const now = { at: time, count: 0 };
            for (const i of [0, 1] as const) {
              // No clock goes back.
              clocks[i].ms = Math.max(clocks[i].ms, 1000 + time - lags[i]);
              for (let n = 0; n < counts[i]; n++) if (takes[i]!()) now.count++;
            }
            admitted.push(now);
          }
          for (let first = 0; first < admitted.length; first++) {
            let sum = 0;
            const from = admitted[first]!.at - MAX_LAG;
            for (let last = first; last < admitted.length; last++) {
              sum += admitted[last]!.count;
              const most = maxTokens + fillsBetween(from, admitted[last]!.at) * tokensPerFill;
              expect(sum).toBeLessThanOrEqual(most + 1e-6);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test("give all that is filled to those who ask for it, whichever thread sees a fill first", () => {
    const clocks = [new LaggingClock(), new LaggingClock()] as const;
    const takes = make({ maxTokens: 7, tokensPerFill: 3, fillIntervalMs: 100 }, clocks);
    let sum = 0;
    const drain = () => {
      for (const take of [takes[1]!, takes[0]!]) while (take()) sum++;
    };
    drain();
    for (let i = 1; i <= 600; i++) {
      // Just before a fill for one is just behind it for the other.
      const at = 1000 + i * 50;
      clocks[i % 2]!.ms = at;
      clocks[1 - (i % 2)]!.ms = at - 1;
      drain();
    }
    clocks[0].ms = clocks[1].ms = 1000 + 600 * 50;
    drain();
    expect(sum).toBe(7 + 300 * 3);
  });
});
