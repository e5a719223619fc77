// Through real proxies: with and without the filter, answers come, and both are told. How fast is no matter here.
import { expect, test } from "vitest";
import { FilterPackage, bench } from "./world.ts";

test("requests per second and latencies of both proxies", async () => {
  await using filter = await FilterPackage.make({
    config: { turns: 1000 },
    request: { method: "POST", body: "a".repeat(9000) },
  });
  const { code, err, report } = await bench(
    filter.directory,
    "--rounds",
    "1",
    "--end-to-end",
    "--seconds",
    "1",
    "--json",
  );
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const { without, with: withIt, rounds } = report().endToEnd!;
  expect(rounds).toBe(4);
  for (const { requestsPerSecond, p50Ms, p99Ms } of [without, withIt]) {
    expect(requestsPerSecond.median).toBeGreaterThan(10);
    expect(p99Ms.median).toBeGreaterThanOrEqual(p50Ms.median);
  }
}, 200_000);
