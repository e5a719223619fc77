// Each check of the conformance suites finds the filters that break its rule, and says where.
import { ConformanceError, fakeCluster, httpFilterConformance, networkFilterConformance } from "@sluice/core/testing";
import { describe, expect, test } from "vitest";
import { brokenNetworkFilters } from "./broken-network-filters.ts";
import { brokenHttpFilters, stuck } from "./broken-http-filters.ts";

const clusters = () => ({ late: fakeCluster({ respond: () => ({}) }) });

describe("HTTP", () => {
  test("every check has filters that break it", () => {
    expect(Object.keys(brokenHttpFilters).sort()).toEqual(
      httpFilterConformance(stuck)
        .map(({ name }) => name)
        .sort(),
    );
  });

  const cases = Object.entries(brokenHttpFilters).flatMap(([name, filters]) =>
    Object.entries(filters).map(([what, filter]) => [name, what, filter] as const),
  );
  test.each(cases)("%s: a filter that %s does not pass", async (name, _what, filter) => {
    const check = httpFilterConformance(filter, { clusters }).find((each) => each.name === name)!;
    await expect(check.run()).rejects.toThrow(ConformanceError);
  });

  test.each(httpFilterConformance(stuck).map(({ name, run }) => [name, run] as const))(
    "%s: a filter that holds every request for ever hangs no check",
    async (_name, run) => {
      // Time-outs depend on where a request was cut: whether it passes is not the question.
      const outcome = await run().then(
        () => "passes",
        (error: unknown) => (error instanceof ConformanceError ? "is told" : error),
      );
      expect(["passes", "is told"]).toContain(outcome);
    },
  );
});

test("checks that are started together disturb neither one another nor the process", async () => {
  const before = process.rawListeners("unhandledRejection");
  const checks = httpFilterConformance(Object.values(brokenHttpFilters["nothing happens after the end"]!)[0]!, {
    clusters,
  });
  const outcomes = await Promise.allSettled(checks.map(({ run }) => run()));
  const alone = await Promise.allSettled([checks.find(({ name }) => name === "nothing happens after the end")!.run()]);
  expect(alone[0]!.status).toBe("rejected");
  expect(outcomes[checks.findIndex(({ name }) => name === "nothing happens after the end")]!.status).toBe("rejected");
  expect(process.rawListeners("unhandledRejection")).toEqual(before);
});

describe("network", () => {
  const [first] = Object.values(brokenNetworkFilters).flatMap((filters) => Object.values(filters));

  test("every check has filters that break it", () => {
    expect(Object.keys(brokenNetworkFilters).sort()).toEqual(
      networkFilterConformance(first!)
        .map(({ name }) => name)
        .sort(),
    );
  });

  const cases = Object.entries(brokenNetworkFilters).flatMap(([name, filters]) =>
    Object.entries(filters).map(([what, filter]) => [name, what, filter] as const),
  );
  test.each(cases)("%s: a filter that %s does not pass", async (name, _what, filter) => {
    const check = networkFilterConformance(filter, { clusters }).find((each) => each.name === name)!;
    await expect(check.run()).rejects.toThrow(ConformanceError);
  });
});
