// What Linux says of how long a thread has run.
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { ownThreadNumber, timesOf } from "./thread-times.ts";

test("a thread knows its number, and others can ask how long it has run", async () => {
  const source = new URL("./thread-times.ts", import.meta.url).href;
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
    import(${JSON.stringify(source)}).then(({ ownThreadNumber }) => parentPort.postMessage(ownThreadNumber()));
    parentPort.on("message", () => { const end = performance.now() + 50; while (performance.now() < end); parentPort.postMessage(0); });`,
    { eval: true },
  );
  const message = (): Promise<number> => new Promise((resolve) => void worker.once("message", resolve));
  const number = await message();
  const before = timesOf(number);
  worker.postMessage("run");
  await message();
  const after = timesOf(number);
  await worker.terminate();
  if (process.platform !== "linux") {
    expect([number, before, after]).toEqual([0, null, null]);
    return;
  }
  expect(number).not.toBe(ownThreadNumber());
  expect(after!.ranMs).toBeGreaterThan(before!.ranMs);
  expect(after!.ranMs - before!.ranMs + after!.waitedMs - before!.waitedMs).toBeGreaterThan(40);
  expect(timesOf(number)).toBeNull();
});

test("what is not known is not made up", () => {
  expect([timesOf(0), timesOf(2 ** 30)]).toEqual([null, null]);
});
