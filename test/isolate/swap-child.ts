/** Makes and ends an isolated filter again and again, in a process of its own: what is left of it is told as one line of JSON. */
import { readdirSync } from "node:fs";
import { eventually } from "../support/eventually.ts";
import { disposing } from "./hostile.ts";
import { IsolatedHarness } from "./support.ts";

/** Of the process, Node's own included; where the system does not tell, handles alone are counted. */
const threads = (): number => (process.platform === "linux" ? readdirSync("/proc/self/task").length : 0);
const handles = (): string[] =>
  process.getActiveResourcesInfo().filter((name) => name === "MessagePort" || name === "Worker");

const swaps = Number(process.argv[2]);
// The first brings what stays: pools of Node's own.
for (let swap = 0; swap < 2; swap++) await (await IsolatedHarness.start({ definition: disposing })).harness.close();
await eventually("the first threads are gone", () => handles().length === 0, 60_000);
const before = threads();
for (let swap = 0; swap < swaps; swap++) {
  const isolated = await IsolatedHarness.start({ definition: disposing });
  isolated.open("nothing").abort();
  await isolated.harness.close();
  await eventually("no timer is left", () => isolated.time.timers.size === 0, 60_000);
}
await eventually("all threads are gone", () => threads() <= before && handles().length === 0, 60_000);
process.stdout.write(`${JSON.stringify({ swaps, more: Math.max(0, threads() - before), handles: handles() })}\n`);
