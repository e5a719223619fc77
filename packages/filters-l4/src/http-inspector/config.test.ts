import { expect, test } from "vitest";
import { httpInspectorConfig } from "./config.ts";

test("there is nothing to configure", () => {
  const judge = (value: unknown) => httpInspectorConfig["~standard"].validate(value);
  expect(judge({})).toEqual({ value: {} });
  expect(judge({ max: 1 })).toEqual({ issues: [{ message: "unknown field, expected none", path: ["max"] }] });
});
