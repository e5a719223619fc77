// Counters of Envoy that it calls deprecated and still emits: they count what is found, enforced or not.
import { expect, test } from "vitest";
import type { OutlierModel } from "../../config/model.ts";
import { playedOutliers } from "./played-outliers.ts";

const NAMES = ["ejections_total", "ejections_consecutive_5xx", "ejections_success_rate"];
const older = (seen: ReturnType<typeof playedOutliers>) => NAMES.map((name) => seen.count(name));
const RATES: Partial<OutlierModel> = { consecutive5xx: 1000, enforcingFailurePercentage: 0 };

test("a row of 5xx that is not enforced counts; one of gateway errors does not", () => {
  const seen = playedOutliers(10, { enforcingConsecutive5xx: 0 });
  seen.draws.next = 0.5;
  seen.put(0, 500, 5);
  expect([older(seen), seen.out(), seen.count("ejections_enforced_total")]).toEqual([[1, 1, 0], [], 0]);
  const gateway = playedOutliers(10, { consecutive5xx: 1000, enforcingConsecutiveGatewayFailure: 100 });
  gateway.put(0, 502, 5);
  expect([older(gateway), gateway.out()]).toEqual([[0, 0, 0], [0]]);
});

test("what is found beyond the share that may be out is no ejection", () => {
  const seen = playedOutliers(10, { maxEjectionPercent: 10 });
  for (const host of [0, 1]) seen.put(host, 500, 5);
  expect([older(seen), seen.out(), seen.count("ejections_overflow")]).toEqual([[1, 2, 0], [0], 1]);
});

test("low success rates count, those of local failures too, though not in the total", () => {
  const external = playedOutliers(10, RATES);
  for (let host = 0; host < 10; host++) external.put(host, 200, 100);
  external.put(9, 500, 100);
  external.time.advance(10_000);
  expect([older(external), external.out()]).toEqual([[1, 0, 1], [9]]);

  const local = playedOutliers(10, { ...RATES, splitsLocalOrigin: true, consecutiveLocalOriginFailure: 1000 });
  for (let host = 0; host < 10; host++) {
    for (let i = 0; i < 100; i++) {
      local.watches[host]!.connected();
      if (host === 9) local.watches[host]!.failed();
    }
  }
  local.time.advance(10_000);
  expect([older(local), local.out()]).toEqual([[0, 0, 1], [9]]);
});
