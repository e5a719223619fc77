import { expect, test } from "vitest";
import { echoConfig } from "./config.ts";

const judge = (value: unknown) => echoConfig["~standard"].validate(value);

test("there is nothing to configure", () => {
  expect(judge({})).toEqual({ value: {} });
  expect(judge(undefined)).toEqual({ value: {} });
  expect(judge({ prefix: "x" })).toEqual({ issues: [{ message: "unknown field, expected none", path: ["prefix"] }] });
  expect(judge([])).toEqual({ issues: [{ message: "expected a mapping", path: [] }] });
});
