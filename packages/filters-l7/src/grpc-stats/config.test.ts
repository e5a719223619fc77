import { describe, expect, it, test } from "vitest";
import { settingsOf } from "../../../../test/support/l7-chain.ts";
import { grpcStats } from "./index.ts";

const list = (...services: unknown[]) => ({ individual_method_stats_allowlist: { services } });

describe("configuration", () => {
  it("may be empty: no method has counters of its own", () => {
    const defaults = { emitsState: false, methods: null, timesUpstream: false, replacesDots: false };
    expect(settingsOf(grpcStats, "config", {})).toEqual(defaults);
    expect(settingsOf(grpcStats, "config", null)).toEqual(defaults);
    expect(settingsOf(grpcStats, "config", { stats_for_all_methods: false })).toEqual(defaults);
  });

  it("reads every field", () => {
    const config = {
      emit_filter_state: true,
      stats_for_all_methods: true,
      enable_upstream_stats: true,
      replace_dots_in_grpc_service_name: true,
    };
    expect(settingsOf(grpcStats, "config", config)).toEqual({
      emitsState: true,
      methods: "all",
      timesUpstream: true,
      replacesDots: true,
    });
    expect(settingsOf(grpcStats, "config", list({ name: "a.B", method_names: ["C", "D"] }))).toMatchObject({
      methods: new Set(["/a.B/C", "/a.B/D"]),
    });
    expect(settingsOf(grpcStats, "config", list())).toMatchObject({ methods: new Set() });
  });

  test.each([
    [{ stats_for_all_methods: 1 }, "stats_for_all_methods: expected true or false"],
    [{ ...list(), stats_for_all_methods: false }, "stats_for_all_methods: stats_for_all_methods and individual"],
    [list({ name: "", method_names: ["A"] }), "services.0.name: expected the name of a service"],
    [list({ name: "a/b", method_names: ["A"] }), "services.0.name: expected the name of a service"],
    [list({ name: "a" }), "services.0.method_names: expected the names of methods"],
    [list({ name: "a", method_names: ["A", 1] }), "services.0.method_names: expected the name of a method at 1"],
    [list({ name: "a", methods: ["A"] }), "services.0.methods: unknown field methods"],
    [{ stats: true }, "stats: unknown field stats"],
  ])("%j is refused: %s", (config, message) => {
    expect(() => settingsOf(grpcStats, "config", config)).toThrow(message);
  });
});
