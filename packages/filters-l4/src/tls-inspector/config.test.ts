import { expect, test } from "vitest";
import { tlsInspectorConfig } from "./config.ts";

const judge = (value: unknown) => tlsInspectorConfig["~standard"].validate(value);

test("Envoy's defaults", () => {
  expect(judge({})).toEqual({ value: { initialPeekBytes: 65_536 } });
  expect(judge({ initial_read_buffer_size: 512 })).toEqual({ value: { initialPeekBytes: 512 } });
});

test.each([
  ["too few bytes", { initial_read_buffer_size: 255 }, "initial_read_buffer_size"],
  ["too many", { initial_read_buffer_size: 65_537 }, "initial_read_buffer_size"],
  ["JA3", { enable_ja3_fingerprinting: true }, "enable_ja3_fingerprinting"],
  ["JA4", { enable_ja4_fingerprinting: true }, "enable_ja4_fingerprinting"],
])("%s: refused", (_title, value, path) => {
  expect(judge(value)).toHaveProperty("issues.0.path", [path]);
});
