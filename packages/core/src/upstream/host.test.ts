// What a host counts, and that all of it is shown.
import { expect, test } from "vitest";
import type { MetricRegistration } from "../stats/metrics.ts";
import { StatsStore } from "../stats/stats-store.ts";
import { Host, HOST_STATS } from "./host.ts";

test("all that a host counts is listed by /clusters", async () => {
  const names: string[] = [];
  const add = (metrics: readonly MetricRegistration[]): void => void names.push(...metrics.map(({ name }) => name));
  const store = new StatsStore({ addSlab() {}, add, remove() {} });
  const address = { kind: "ip", host: "192.0.2.1", port: 80 } as const;
  void new Host({ address, hostname: "", weight: 1, health: "healthy" }, "c", store.scope("h."));
  await Promise.resolve();
  expect(names.toSorted()).toEqual(HOST_STATS.map((name) => `h.${name}`));
});
