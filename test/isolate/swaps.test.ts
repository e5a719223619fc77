// Everything that an isolated filter holds goes with its chain: threads, handles, timers, statistics.
import { readdirSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { eventually } from "../support/eventually.ts";
import { disposing } from "./hostile.ts";
import { IsolatedHarness } from "./support.ts";

vi.setConfig({ testTimeout: 400_000 });

const SWAPS = 200;

/** Of the process, Node's own included; where the system does not tell, handles alone are counted. */
const threads = (): number => (process.platform === "linux" ? readdirSync("/proc/self/task").length : 0);
const handles = (): string[] =>
  process.getActiveResourcesInfo().filter((name) => name === "MessagePort" || name === "Worker");

test(`${SWAPS} swaps leave no thread and no handle`, async () => {
  // The first brings what stays: pools of Node's own.
  for (let swap = 0; swap < 2; swap++) await (await IsolatedHarness.start({ definition: disposing })).harness.close();
  await eventually("the first threads are gone", () => handles().length === 0);
  const before = threads();
  for (let swap = 0; swap < SWAPS; swap++) {
    const isolated = await IsolatedHarness.start({ definition: disposing });
    isolated.open("nothing").abort();
    await isolated.harness.close();
    await eventually("no timer is left", () => isolated.time.timers.size === 0, 60_000);
  }
  await eventually("all threads are gone", () => threads() <= before && handles().length === 0, 60_000);
});

test("a chain that goes while its filter loops takes the thread with it", async () => {
  const isolated = await IsolatedHarness.start();
  const looping = isolated.open("loop");
  await isolated.harness.close();
  expect(looping.over).toBe(true);
  // It was asked to dispose of itself, and did not hear.
  await eventually("the thread is gone", () => {
    isolated.time.advance(100);
    return handles().length === 0;
  });
});
