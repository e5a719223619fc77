// From one version to the next: the same code is no regression; slower code is one, and ends the command with 1.
import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { Baseline } from "../../packages/core/src/bench/baseline.ts";
import { turnsFor } from "./known-cost.ts";
import { FilterPackage, quickBench } from "./world.ts";

const TIMEOUT_MS = 300_000;

test(
  "an unchanged filter is the same, one made a third slower is a regression, one that allocates more too",
  async () => {
    const turns = turnsFor(2000);
    await using filter = await FilterPackage.make({ config: { turns } });
    const baseline = filter.file("baseline.json");
    const saved = await quickBench(filter.directory, { rounds: 1, save: baseline });
    expect(saved).toMatchObject({ code: 0, err: "" });

    const same = await quickBench(filter.directory, { rounds: 8, compare: baseline, json: true });
    expect(same.code).toBe(0);
    expect(same.report().comparison).toMatchObject({ method: "side by side", verdict: "same", bytesVerdict: "same" });
    expect(same.report().comparison!.oldNs.median).toBeGreaterThan(1000);
    expect(same.report().notes).toContain("code and configuration are those of the baseline");

    // The code changes, not the configuration: what the baseline holds is run beside it.
    const source = await readFile(filter.file("index.ts"), "utf8");
    await writeFile(
      filter.file("index.ts"),
      source.replace("spin(turns)", "spin(Math.round(turns * 4 / 3)), allocate(512)"),
    );
    const slower = await quickBench(filter.directory, { rounds: 8, compare: baseline, markdown: true });
    expect(slower, slower.out).toMatchObject({ code: 1, err: "" });
    expect(slower.out).toMatch(
      /^❌ \*\*bench\.http\.known_cost\*\* adds .* % in time: slower than the baseline; more allocated/,
    );
    expect(slower.out.trimEnd()).not.toContain("\n");
  },
  TIMEOUT_MS,
);

test(
  "what could not be stored is compared by numbers, and says so",
  async () => {
    await using filter = await FilterPackage.make({ config: { turns: turnsFor(2000) } });
    const baseline = filter.file("baseline.json");
    await quickBench(filter.directory, { rounds: 2, save: baseline });
    const stored = JSON.parse(await readFile(baseline, "utf8")) as Baseline;
    const { numbers } = stored;
    const ns = { median: numbers.ns.median / 3, low: numbers.ns.low / 3, high: numbers.ns.high / 3 };
    await writeFile(baseline, JSON.stringify({ ...stored, code: null, noCode: "x", numbers: { ...numbers, ns } }));
    const { code, out } = await quickBench(filter.directory, { rounds: 8, compare: baseline });
    expect(code).toBe(1);
    expect(out).toContain("by stored numbers, scaled by a reference workload: only large changes can be told");
    expect(out).toContain("REGRESSION");
  },
  TIMEOUT_MS,
);
