// What a terminal and a pull request get to see.
import { describe, expect, test } from "vitest";
import { markdownLine, textReport } from "./text-report.ts";
import type { BenchReport, ComparisonCost, FilterCost } from "./types.ts";

const spread = (median: number) => ({ median, low: median - 1, high: median + 1 });

const cost: FilterCost = {
  filter: "acme.http.gate",
  ns: spread(1500),
  ownNs: spread(1450),
  bytes: 320.4,
  ownBytes: 260,
  hooks: [{ hook: "onRequestHeaders", callsPerRequest: 1, ns: 1500, ownNs: 1450, isAsync: true }],
};

const report: BenchReport = {
  target: "./gate",
  label: "acme.http.gate",
  kind: "http",
  node: "v24.0.0",
  sluice: "0.1.0",
  machine: "2 × test",
  rounds: 8,
  emptyNs: spread(1000),
  emptyBytes: 2200,
  referenceNs: 500,
  filters: [cost],
  total: cost,
  comparison: null,
  endToEnd: null,
  notes: ["it rained"],
};

const comparison: ComparisonCost = {
  method: "side by side",
  baseline: "bench.json",
  oldNs: spread(1300),
  newNs: spread(1500),
  change: 0.154,
  noise: 0.03,
  p: 0.0001,
  verdict: "slower",
  oldBytes: 320,
  newBytes: 320,
  bytesVerdict: "same",
};

describe("for a terminal", () => {
  test("costs, hooks and notes", () => {
    const text = textReport(report);
    expect(text).toContain(
      "8 processes on 2 × test, Node v24.0.0; an empty chain takes 1000 ns and 2200 bytes per request",
    );
    expect(text).toMatch(/^acme\.http\.gate +1500 \(1499 – 1501\) +1450 \(1449 – 1451\) +320 \(its own 260\)$/m);
    expect(text).toMatch(/^onRequestHeaders \(async\) +1 +1500 +1450$/m);
    expect(text).toContain("note: it rained");
    expect(text).not.toContain("against");
  });

  test("a regression is called one, and by how much", () => {
    const text = textReport({ ...report, comparison });
    expect(text).toContain("against bench.json (both versions in the same processes, p = 0.00010):");
    expect(text).toContain("REGRESSION: +15.4 % in time: slower than the baseline");
  });

  test("filters of a chain have a sum", () => {
    const text = textReport({ ...report, filters: [cost, cost], total: { ...cost, filter: "all filters" } });
    expect(text).toMatch(/^all filters +1500/m);
    expect(text).toContain("acme.http.gate onRequestHeaders");
  });
});

describe("for a pull request", () => {
  const line = (change: Partial<ComparisonCost>) =>
    markdownLine({ ...report, comparison: { ...comparison, ...change } });

  test("is one line", () => {
    expect(markdownLine(report)).toBe(
      "**acme.http.gate** adds 1500 ns and 320 bytes per request (Node v24.0.0, 8 processes)\n",
    );
  });

  test("says what changed", () => {
    expect(line({})).toMatch(/^❌ .*; \+15\.4 % in time: slower than the baseline \(/);
    expect(line({ verdict: "same", change: 0.01 })).toMatch(
      /^✅ .*no change in time beyond the noise \(\+1\.0 %, noise ±3\.0 %\)/,
    );
    expect(line({ verdict: "same", bytesVerdict: "more", newBytes: 900 })).toMatch(
      /^❌ .*more allocated: 320 bytes → 900 bytes/,
    );
    expect(line({ verdict: "faster", change: -0.2 })).toMatch(/^✅ .*-20\.0 % in time: faster/);
  });
});
