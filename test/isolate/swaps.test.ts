// Everything that an isolated filter holds goes with its chain: threads, handles, timers, statistics.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test, vi } from "vitest";
import { eventually } from "../support/eventually.ts";
import { IsolatedHarness } from "./support.ts";

vi.setConfig({ testTimeout: 400_000 });

const SWAPS = 200;
const handles = (): string[] =>
  process.getActiveResourcesInfo().filter((name) => name === "MessagePort" || name === "Worker");

// In a process of its own, as a proxy is one: hundreds of threads that come and go inside of the test runner's have made that one crash.
test(`${SWAPS} swaps leave no thread and no handle`, async () => {
  const child = fileURLToPath(new URL("swap-child.ts", import.meta.url));
  const args = ["--conditions=sluice-source", child, String(SWAPS)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 390_000 });
  expect(JSON.parse(stdout)).toEqual({ swaps: SWAPS, more: 0, handles: [] });
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
