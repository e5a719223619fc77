import { describe, expect, test } from "vitest";
import { StatsStore } from "../stats/stats-store.ts";
import { Host, type HostHealth } from "./host.ts";
import { refusalOf } from "./refusal.ts";

const stats = new StatsStore({ addSlab() {}, add() {}, remove() {} });
const members = (...healths: HostHealth[]) =>
  healths.map((health, i) => ({
    host: new Host(
      { address: { kind: "ip", host: `10.0.0.${i}`, port: 80 }, hostname: "", weight: 1, health },
      "c",
      stats.scope(`h${i}.`),
    ),
  }));

describe("why a cluster would not take a request", () => {
  test.each([
    [[], true, "no_healthy_upstream"],
    [["unhealthy", "draining", "unhealthy"], true, "no_healthy_upstream"],
    [["unhealthy"], false, "no_healthy_upstream"],
    [["unhealthy", "healthy"], true, null],
    [["unhealthy", "degraded"], true, null],
    [["healthy"], false, "overflow"],
  ] as ReadonlyArray<[HostHealth[], boolean, string | null]>)(
    "hosts that are %j, room for requests %s: %s",
    (healths, mayRequest, expected) => {
      expect(refusalOf(members(...healths), { mayRequest })).toBe(expected);
    },
  );

  test.each([
    [[], true, null],
    [["unhealthy"], true, null],
    [[], false, "overflow"],
  ] as ReadonlyArray<[HostHealth[], boolean, string | null]>)(
    "hosts that come with requests, now %j, room for requests %s: %s",
    (healths, mayRequest, expected) => {
      expect(refusalOf(members(...healths), { mayRequest }, true)).toBe(expected);
    },
  );
});
