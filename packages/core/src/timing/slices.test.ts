import { expect, test } from "vitest";
import { atOnce, inSlices } from "./slices.ts";

function* steps(count: number, onStep: (step: number) => void): Generator<undefined, string> {
  for (let i = 0; i < count; i++) {
    onStep(i);
    yield;
  }
  return "done";
}

test("others run between slices, as often as the time is over", async () => {
  let now = 0;
  const order: string[] = [];
  const job = inSlices(
    steps(6, (step) => {
      now += 1;
      order.push(String(step));
    }),
    { now: () => now },
  );
  setImmediate(() => order.push("other"));
  expect(await job).toBe("done");
  expect(order.indexOf("other")).toBeLessThan(order.indexOf("5"));
  expect(order.filter((one) => one !== "other")).toEqual(["0", "1", "2", "3", "4", "5"]);
});

test("a short job has no slices, and at once is at once", async () => {
  let turns = 0;
  setImmediate(() => turns++);
  expect(
    await inSlices(
      steps(1000, () => {}),
      { now: () => 0 },
    ),
  ).toBe("done");
  expect(atOnce(steps(3, () => {}))).toBe("done");
  expect(turns).toBe(0);
});

test("what a step throws is the job's", async () => {
  const broken = steps(3, () => {
    throw new TypeError("broken");
  });
  await expect(inSlices(broken, { now: () => 0 })).rejects.toThrow("broken");
});
