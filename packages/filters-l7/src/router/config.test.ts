import { describe, expect, it, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { router } from "./index.ts";

describe("configuration", () => {
  it("may be empty", () => {
    const defaults = { suppressEnvoyHeaders: false, dynamicStats: true, respectExpectedTimeout: false };
    expect(settingsOf(router, "config", {})).toEqual(defaults);
    expect(settingsOf(router, "config", null)).toEqual(defaults);
  });

  it("reads every field", () => {
    const config = { suppress_envoy_headers: true, dynamic_stats: false, respect_expected_rq_timeout: true };
    expect(settingsOf(router, "config", config)).toEqual({
      suppressEnvoyHeaders: true,
      dynamicStats: false,
      respectExpectedTimeout: true,
    });
  });

  test.each([
    [{ dynamic_stats: "no" }, "dynamic_stats: expected true or false"],
    [{ start_child_span: true }, "start_child_span: unknown field start_child_span"],
    [{ upstream_log: [] }, "unknown field upstream_log"],
  ])("%j is refused: %s", (config, message) => {
    expect(() => settingsOf(router, "config", config)).toThrow(message);
  });
});
