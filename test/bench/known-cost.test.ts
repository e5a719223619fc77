// The bench is honest: filters whose cost is known by other means are measured within 15 %. How often it cries wolf and how often it misses one: `node bench/honesty.ts`.
import { describe, expect, test } from "vitest";
import { allocatedBy, spinNs, turnsFor } from "./known-cost.ts";
import { FilterPackage, bench } from "./world.ts";

const TOLERANCE = 0.15;
const TIMEOUT_MS = 300_000;

describe("a filter that is busy for", () => {
  test.each([200, 5000])(
    "%d ns is measured within fifteen percent",
    async (ns) => {
      const turns = turnsFor(ns);
      await using filter = await FilterPackage.make({ config: { turns } });
      const before = spinNs(turns);
      const { report } = await bench(filter.directory, "--rounds", "5", "--json");
      const known = Math.min(before, spinNs(turns));
      const { total } = report();
      expect(Math.abs(total.ownNs.median / known - 1), `${total.ownNs.median} for ${known}`).toBeLessThan(TOLERANCE);
      const [hook] = total.hooks;
      expect(hook).toMatchObject({ hook: "onRequestHeaders", callsPerRequest: 1, isAsync: false });
      expect(Math.abs(hook!.ownNs / known - 1)).toBeLessThan(TOLERANCE);
    },
    TIMEOUT_MS,
  );
});

test(
  "a filter that allocates 1 KB is measured within fifteen percent",
  async () => {
    await using filter = await FilterPackage.make({ config: { bytes: 1024 } });
    const known = allocatedBy(1024);
    expect(known).toBeGreaterThan(1000);
    const { report } = await bench(filter.directory, "--rounds", "3", "--json");
    const { total } = report();
    expect(Math.abs(total.ownBytes / known - 1), `${total.ownBytes} for ${known}`).toBeLessThan(TOLERANCE);
  },
  TIMEOUT_MS,
);
